"""Masks in a folder for each class: pairs of single planes, brought together again by image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..domain.arrays import Counts
from ..domain.classes import ClassMap
from ..domain.errors import DataError
from ..domain.listing import counted, cut
from ..domain.ports.mask_folders import MaskPair

PLANE = ClassMap.plane()
"""What the mask of one class holds."""


def plane_classes(pairs: Sequence[MaskPair], truth: Path, wanted: ClassMap | None) -> ClassMap:
    """The classes of pairs whose key is ``<class>/<image>``: those ``wanted``, or all by name.

    Raises DataError unless each image has a mask of each class, and none of another.
    """
    found = _by_folder(pairs)
    names = wanted.without_background().names if wanted else tuple(sorted(found))
    images = set().union(*found.values())
    problems = [f"{image}.png: not in a folder of its class" for image in sorted(found.get("", ()))]
    problems += [f"{name}/: no such class" for name in sorted(found.keys() - {"", *names})]
    problems += [f"{name}/{image}: no such mask" for name in names for image in sorted(images - found.get(name, set()))]
    if problems:
        raise DataError(
            f"{truth} cannot be scored as classes that overlap: {counted(len(problems), 'problem')}.",
            problems=cut(problems),
            fix="Expected <class>/<image>.png, each image in each class's folder; empty where the class is absent.",
        )
    return wanted.without_background() if wanted else ClassMap.of(["background", *names]).without_background()


def like_classes(pairs: Sequence[MaskPair]) -> list[str]:
    """The folders, where they look like one a class: several, and each with the masks of the same several images."""
    folders = _by_folder(pairs)
    first, *others = folders.values()
    alike = len(first) > 1 and others and all(images == first for images in others)
    return sorted(folders) if alike and "" not in folders else []


def _by_folder(pairs: Sequence[MaskPair]) -> Mapping[str, set[str]]:
    """The images that have a mask in each folder; "" is no folder."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        name, _, image = pair.key.rpartition("/")
        found[name].add(image)
    return found


def by_image(pairs: Sequence[MaskPair], counts: Sequence[Counts], classes: ClassMap) -> Mapping[str, Counts]:
    """(K, 2, 2) of each image, sorted by name, from the (2, 2) of each pair."""
    planes = {pair.key: matrix for pair, matrix in zip(pairs, counts, strict=True)}
    images = sorted({pair.key.rpartition("/")[2] for pair in pairs})
    return {image: np.stack([planes[f"{name}/{image}"] for name in classes.names]) for image in images}
