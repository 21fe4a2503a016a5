"""Two folders of masks, predicted and true, matched by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from attrs import frozen

from ...domain.arrays import Labels
from ...domain.classes import ClassMap
from ...domain.ports.mask_folders import PREDICTED, MaskPair, MaskPairs
from .decode import decode_mask
from .labels import all_known, read_labels
from .pictures import MAX_PIXELS
from .readers.classmaps import implied_classes
from .readers.pairing import mask_name
from .readers.scan import pictures_below, refuse, require_folder

_FIX = "Every true mask needs a predicted one of the same name (endings such as _mask, _label and _gt may differ)."


@frozen
class PictureMaskFolders:
    """Implements ``MaskFolders`` on picture files, with subfolders."""

    max_pixels: int = MAX_PIXELS

    def pairs(self, predictions: Path, truth: Path) -> MaskPairs:
        """By path below the folder, without extension and without endings such as ``_mask``.

        What ``predict`` drew beside its masks is none, whichever folder it is in.
        """
        for folder in (predictions, truth):
            require_folder(folder)
        problems: list[str] = []
        true = _by_name(truth, problems)
        predicted = _by_name(predictions, problems)
        problems += [
            f"no prediction for {path.relative_to(truth)}" for name, path in true.items() if name not in predicted
        ]
        if not true:
            problems.append("there are no pictures in it")
        if problems:
            raise refuse(truth, problems, _FIX)
        pairs = tuple(MaskPair(name, predicted[name], path) for name, path in sorted(true.items()))
        return MaskPairs(pairs, tuple(path for name, path in predicted.items() if name not in true))

    def classes(self, predictions: Path, truth: Path) -> ClassMap | None:
        """From a table in the folder of true masks, beside it, or in the folder of predictions; else binary."""
        places = [truth, truth.parent, predictions, predictions.parent]
        return implied_classes(places, _masks_below(truth), self.max_pixels)

    def read_truth(self, path: Path, classes: ClassMap) -> Labels:
        """As every mask is read."""
        return read_labels(path, classes, self.max_pixels)

    def read_prediction(self, path: Path, classes: ClassMap) -> Labels:
        """As the true ones, except that a palette mask is read by its colours where all are colours of classes.

        Whether such a mask stores raw values or class indices cannot be told: what it shows is sure.
        """
        stored = decode_mask(path, self.max_pixels)
        if stored.dtype.itemsize == 1:
            shown = decode_mask(path, self.max_pixels, colours=True)
            if not np.array_equal(shown[..., 0], stored) and all_known(shown, classes):
                return classes.encode_colours(shown, str(path))
        return read_labels(path, classes, self.max_pixels)


def _masks_below(folder: Path) -> list[Path]:
    """The pictures; in a folder of ``predict``, which says that it is one, without the overlays that it drew."""
    paths = pictures_below(folder)
    if not (folder / PREDICTED).exists():
        return paths
    drawn = {path.with_name(f"{path.stem}_overlay.png") for path in paths if path.suffix == ".png"}
    return [path for path in paths if path not in drawn]


def _by_name(folder: Path, problems: list[str]) -> dict[str, Path]:
    """Masks by what their names have in common with their partner's."""
    named = [(path.relative_to(folder).with_suffix("").as_posix(), path) for path in _masks_below(folder)]
    exact = {name for name, _ in named}
    found: dict[str, Path] = {}
    for name, path in named:
        # beside a.png, a_mask.png is another mask and keeps its whole name
        short = name if mask_name(name) in exact else mask_name(name)
        if short in found:
            problems.append(f"same name twice: {found[short].relative_to(folder)} and {path.relative_to(folder)}")
        found.setdefault(short, path)
    return found
