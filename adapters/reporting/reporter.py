"""The reporting port: draws, and writes each file whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image as Pillow

from ...domain.arrays import Counts, Image, Labels
from ...domain.classes import ClassMap
from ...domain.metrics.calibration import Calibration
from ...domain.metrics.logits import LogitCounts
from ...domain.ports.reporting import Panel, Section
from ...domain.samples import Sample
from ..files import write_bytes
from . import boxes, certainty, plots
from .brightness import shown_values
from .comparison import run_curves
from .frequencies import class_frequencies
from .named import named, named_sheet
from .overlay import background_of, overlay
from .page import page
from .panels import panels
from .sheet import contact_sheet


class FileReporter:
    """Implements ``domain.ports.reporting.Reporter`` with Pillow and matplotlib."""

    def training_curves(self, rows: Sequence[Mapping[str, float]], path: Path, *, monitor: str = "val_miou") -> None:
        """Curves of loss and scores."""
        write_bytes(path, plots.training_curves(rows, monitor=monitor))

    def run_curves(
        self, runs: Mapping[str, Sequence[Mapping[str, float]]], path: Path, *, columns: Sequence[str]
    ) -> None:
        """Curves of several runs."""
        write_bytes(path, run_curves(runs, columns=columns))

    def confusion(self, counts: Counts, classes: ClassMap, path: Path, *, title: str = "") -> None:
        """Confusion heat map."""
        write_bytes(path, plots.confusion(counts, classes.names, title=title))

    def class_bars(
        self, values: Sequence[float], support: Sequence[int], classes: ClassMap, path: Path, *, metric: str = "IoU"
    ) -> None:
        """One bar a class."""
        write_bytes(path, plots.class_bars(values, support, classes.names, metric=metric))

    def class_frequencies(self, pixels: Mapping[str, Mapping[str, int]], path: Path, *, title: str = "") -> None:
        """Shares of pixels, split by split."""
        write_bytes(path, class_frequencies(pixels, title=title))

    def reliability(self, calibration: Calibration, path: Path, *, title: str = "") -> None:
        """Reliability diagram."""
        write_bytes(path, certainty.reliability(calibration, title=title))

    def confidences(self, calibration: Calibration, classes: ClassMap, path: Path, *, title: str = "") -> None:
        """Histograms of confidence."""
        write_bytes(path, certainty.confidences(calibration, classes.names, title=title))

    def logits(self, logits: LogitCounts, classes: ClassMap, path: Path, *, title: str = "") -> None:
        """Histograms of logits."""
        write_bytes(path, certainty.logits(logits, classes.names, title=title))

    def panels(
        self, groups: Mapping[str, Sequence[Panel]], classes: ClassMap, path: Path, *, metric: str = "IoU"
    ) -> None:
        """Image, truth, prediction and errors of chosen images; the names alone where these are of whole images."""
        if all(panel.whole for group in groups.values() for panel in group):
            write_bytes(path, named(groups, classes.names))
        else:
            write_bytes(path, panels(groups, classes.names, classes.colours, metric=metric))

    def contact_sheet(self, samples: Sequence[Sample], classes: ClassMap, path: Path, *, title: str = "") -> None:
        """Samples at a glance, labels laid over; or named below, where these are of whole images."""
        if all(sample.whole for sample in samples):
            write_bytes(path, named_sheet(samples, classes.names, title=title))
        else:
            write_bytes(path, contact_sheet(samples, classes.names, classes.colours, title=title))

    def overlay(self, image: Image, labels: Labels, classes: ClassMap, path: Path) -> None:
        """Labels over one image at its own size, brightened if it is dark, contours as wide as the size asks for."""
        width = max(1, round(min(labels.shape[:2]) / 300))
        background, values = background_of(classes.names), shown_values(image)
        laid = overlay(image, labels, classes.colours, background=background, contour=width, values=values)
        write_bytes(path, boxes.png(Pillow.fromarray(laid)))

    def page(self, title: str, sections: Sequence[Section], path: Path, *, summary: str = "") -> None:
        """One self-contained HTML file."""
        write_bytes(path, page(title, sections, summary=summary, folder=path.parent).encode())
