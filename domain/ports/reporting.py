"""What a run is shown as: pictures and one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from attrs import field, frozen

if TYPE_CHECKING:
    from ..arrays import Counts, Image, Labels
    from ..classes import ClassMap
    from ..metrics.calibration import Calibration
    from ..metrics.logits import LogitCounts
    from ..samples import Sample


@frozen(eq=False)
class Panel:
    """One image beside its truth and its prediction, all of one size or these (1, 1): of the whole image.

    ``score`` may be NaN: undefined.
    """

    key: str
    image: Image
    truth: Labels
    prediction: Labels
    score: float

    @property
    def whole(self) -> bool:
        """Whether truth and prediction are of the whole image."""
        return self.truth.shape == (1, 1) != self.image.shape[:2]

    def _repr_html_(self) -> str:
        """In a notebook: image, truth, prediction, and in white where the two differ."""
        from .. import html  # with NumPy, which tables of text do without

        size = self.image.shape[:2]
        masks = [html.painted(labels, size) for labels in (self.truth, self.prediction)]
        caption = f"{self.key}, score {self.score:.4f}: image, truth, prediction, errors"
        return html.pictures(self.image, *masks, html.errors(self.truth, self.prediction, size), caption=caption)


@frozen
class Table:
    """Text in rows, as it shall be printed. Columns of numbers are aligned to the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold nothing but numbers, as people write them: "1,234", "87.1 %", "absent", or a blank."""
        cells = zip(*self.rows, strict=True) if self.rows else ((),) * len(self.columns)
        return tuple(bool(column) and all(map(_is_number, column)) for column in cells)


def _is_number(cell: str) -> bool:
    bare = cell.replace(",", "").replace("%", "").replace(" ", "").strip()
    if bare in {"", "absent", "-", "–"}:
        return True
    try:
        float(bare)
    except ValueError:
        return False
    return True


@frozen
class Picture:
    """A PNG, JPEG or SVG file that a page takes in, or where ``linked`` shows from its place beside the page."""

    path: Path
    caption: str = ""
    linked: bool = False


@frozen
class Section:
    """A part of a page: heading, a paragraph, then tables, pictures, and files that are linked to."""

    heading: str
    text: str = ""
    tables: tuple[Table, ...] = field(default=())
    pictures: tuple[Picture, ...] = field(default=())
    files: tuple[Path, ...] = field(default=())


class Reporter(Protocol):
    """Draws. Every method writes one file, whole or not at all, and makes missing parent folders."""

    def training_curves(self, rows: Sequence[Mapping[str, float]], path: Path, *, monitor: str = "val_miou") -> None:
        """PNG of loss and scores over epochs from the rows of metrics.csv (columns "epoch", "train_...", "val_...")."""
        ...

    def run_curves(
        self, runs: Mapping[str, Sequence[Mapping[str, float]]], path: Path, *, columns: Sequence[str]
    ) -> None:
        """PNG of columns of metrics.csv over epochs, one plot a column and one line a run, by the run's name."""
        ...

    def confusion(self, counts: Counts, classes: ClassMap, path: Path, *, title: str = "") -> None:
        """PNG of a confusion matrix in percent of each row (truth)."""
        ...

    def class_bars(
        self, values: Sequence[float], support: Sequence[int], classes: ClassMap, path: Path, *, metric: str = "IoU"
    ) -> None:
        """PNG of one score a class, NaN shown as "absent", with the truth's pixels beside each name."""
        ...

    def class_frequencies(self, pixels: Mapping[str, Mapping[str, int]], path: Path, *, title: str = "") -> None:
        """PNG of each class's share of the pixels, from split to class to count."""
        ...

    def reliability(self, calibration: Calibration, path: Path, *, title: str = "") -> None:
        """PNG of a reliability diagram: share right over confidence, with the expected calibration error."""
        ...

    def confidences(self, calibration: Calibration, classes: ClassMap, path: Path, *, title: str = "") -> None:
        """PNG of each predicted class's histogram of confidence, right and wrong pixels apart."""
        ...

    def logits(self, logits: LogitCounts, classes: ClassMap, path: Path, *, title: str = "") -> None:
        """PNG of each class's histogram of logits, pixels of the class and others apart."""
        ...

    def panels(
        self, groups: Mapping[str, Sequence[Panel]], classes: ClassMap, path: Path, *, metric: str = "IoU"
    ) -> None:
        """PNG of image | truth | prediction | errors strips under group headings ("Worst images", "Best images")."""
        ...

    def contact_sheet(self, samples: Sequence[Sample], classes: ClassMap, path: Path, *, title: str = "") -> None:
        """PNG of samples with their labels laid over."""
        ...

    def overlay(self, image: Image, labels: Labels, classes: ClassMap, path: Path) -> None:
        """PNG of one image at its own size with labels laid over."""
        ...

    def page(self, title: str, sections: Sequence[Section], path: Path, *, summary: str = "") -> None:
        """One HTML file, pictures inside but for linked ones. DataError for a picture that is missing."""
        ...
