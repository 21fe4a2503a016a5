"""Which files a prediction writes, and that none of them takes the place of what is not its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen

from ..domain.errors import DataError
from ..domain.file_names import require_folder_names
from ..domain.listing import cut
from ..domain.ports.mask_folders import PREDICTED
from .settings import PredictSettings

TABLE = "predictions.csv"
"""What a classifier writes: image, class, and the probability of each class."""
MASKS = "masks"
"""Where a multilabel model writes: a folder for each class."""


@frozen
class PredictionFiles:
    """Masks, overlays and probabilities of images, by the images' names.

    Attributes:
        planes: names of the classes of a multilabel model, which has a mask for each; else none.
    """

    settings: PredictSettings
    images: Sequence[Path]
    planes: Sequence[str]

    @property
    def note(self) -> Path:
        """Tells which model the masks beside it are of; where it lies, they may be written anew."""
        return self.settings.out / PREDICTED

    def mask(self, image: Path) -> Path:
        """The mask of an image; of planes what they are called after."""
        return self.settings.out / f"{image.stem}.png"

    def masks(self, image: Path) -> list[Path]:
        """All masks of an image, in order of the classes."""
        mask = self.mask(image)
        return [mask.parent / MASKS / name / mask.name for name in self.planes] if self.planes else [mask]

    def overlay(self, image: Path) -> Path:
        """The image with its mask drawn over it."""
        return self.mask(image).with_name(f"{image.stem}_overlay.png")

    def probabilities(self, image: Path) -> Path | None:
        """Where they are asked for."""
        return self.mask(image).with_suffix(".npy") if self.settings.probabilities else None

    def require_free(self, taken: Callable[[Path], bool]) -> None:
        """Raises DataError where a file would be written twice, or over an image or somebody's file.

        Args:
            taken: whether a file is there already.
        """
        require_folder_names(self.planes)
        inputs = {image.resolve() for image in self.images}
        ours = taken(self.note)
        writers: dict[Path, Path] = {}
        problems = []
        for path, image in self._written():
            if path.resolve() in inputs:
                problems.append(f"{path} is one of the images, and would be written over")
            elif path in writers:
                problems.append(f"{path}: of {writers[path]} and of {image}")
            elif not ours and taken(path):
                problems.append(f"{path} is there already, and was not written by predict")
            writers[path] = image
        if problems:
            raise DataError(
                f"{self.settings.out} cannot be written to.",
                problems=cut(problems),
                fix="Choose another folder with --out; predict images of the same name into different ones.",
            )

    def _written(self) -> list[tuple[Path, Path]]:
        """Every file, and the image it is of."""
        overlays = self.settings.overlays
        return [
            (path, image)
            for image in self.images
            for path in (*self.masks(image), self.overlay(image) if overlays else None, self.probabilities(image))
            if path is not None
        ]
