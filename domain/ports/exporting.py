"""Models in formats that others read."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from attrs import frozen

from ..spec import ModelSpec
from .model import Model


@frozen
class Usage:
    """How to use what was exported.

    Attributes:
        contents: what it takes and gives, in one line for people.
        load: lines of Python that load it. Of a whole model, the last makes ``logits``, its main output, from
            ``images``, an (N, H, W, C) uint8 array; and ``others``, a list, where it has more.
    """

    contents: str
    load: str


class Exporter(Protocol):
    """Writes a backend's models in one format. Normalisation is part of a model that is written."""

    @property
    def backend(self) -> str:
        """Name of the backend whose models it writes."""
        ...

    @property
    def suffix(self) -> str:
        """How its files end, as ".pt"; empty for a folder."""
        ...

    def write(self, model: Model, path: Path) -> None:
        """Makes the file or folder, which is not there yet, for inference. Raises OSError when the disk refuses."""
        ...

    def usage(self, spec: ModelSpec, path: Path) -> Usage:
        """How to use what ``write`` made of such a model, once it lies at ``path``."""
        ...
