"""What preparing a data set found out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from ..domain import html
from ..domain.classes import ClassMap
from ..domain.description import DatasetInfo
from ..domain.ports.reporting import Table


@frozen
class PrepareReport:
    """What was made.

    Attributes:
        out: the prepared data set.
        info: what was measured; with the split sizes, the classes' training pixels and weights, and the warnings.
        classes: with the raw values they were read by.
        images: images in which each class occurs, by class and split.
        decisions: what was found out or chosen, and why, a sentence each.
        left_out: the bad pairs, with reasons, that ``skip_bad`` left out.
    """

    out: Path
    info: DatasetInfo
    classes: ClassMap
    images: Mapping[str, Mapping[str, int]]
    decisions: tuple[str, ...]
    left_out: tuple[str, ...]

    def _repr_html_(self) -> str:
        """In a notebook: the classes with the images they occur in, what was decided, and the warnings."""
        splits = tuple(self.info.split_sizes)
        images = Table(
            ("class", "training pixels", *(f"images of {split}" for split in splits)),
            tuple(
                (name, f"{pixels:,}", *(str(self.images[name].get(split, 0)) for split in splits))
                for name, pixels in self.info.pixel_counts.items()
            ),
        )
        notes = (*self.decisions, *(f"warning: {warning}" for warning in self.info.warnings))
        sizes = ", ".join(f"{count} {split}" for split, count in self.info.split_sizes.items())
        return html.shown(f"{self.out}: {sizes}", html.table(images), *map(html.text, notes))
