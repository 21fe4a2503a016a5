"""One image with its mask, checked and measured; and what is wrong with those that cannot be used."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from enum import IntEnum
from os.path import commonprefix
from pathlib import PurePosixPath

import numpy as np
from attrs import frozen

from ..domain.arrays import IGNORE, Image, Labels
from ..domain.classes import ClassMap
from ..domain.errors import DataError
from ..domain.listing import cut
from ..domain.ports.dataset import Reader, ReadsPlanes, SourceItem
from ..domain.ports.images import PlaceImage
from ..domain.ports.preparing import DatasetWriter, StoredPair
from ..domain.resampling import Fit, Frame
from ..domain.samples import Task
from ..domain.statistics import PixelStatistics

_SHOWN = 25
_FIXES = 3


class Severity(IntEnum):
    """Kinds of bad pairs, worst first."""

    IMAGE = 0
    MASK = 1
    SIZE = 2
    PARTNER = 3

    def counted(self, number: int) -> str:
        """ "3 images cannot be read", in words."""
        one, many = _WORDS[self]
        return f"1 {one}" if number == 1 else f"{number} {many}"


_WORDS = {
    Severity.IMAGE: ("image cannot be used", "images cannot be used"),
    Severity.MASK: ("mask cannot be used", "masks cannot be used"),
    Severity.PARTNER: ("file has no partner", "files have no partner"),
    Severity.SIZE: ("mask differs from its image in size", "masks differ from their images in size"),
}


@frozen
class BadPair:
    """Why a pair cannot be used."""

    key: str
    severity: Severity
    reason: str
    fix: str = ""


@frozen(eq=False)
class GoodPair:
    """A pair that is checked and stored."""

    item: SourceItem
    stored: StoredPair
    size: tuple[int, int]
    channels: int
    statistics: PixelStatistics
    lost: frozenset[int] = frozenset()
    """Classes that were too small or too far out to be left in the resized mask."""


@frozen
class Resizing:
    """Brings images and masks to one size, (height, width)."""

    size: tuple[int, int]
    fit: Fit
    place: PlaceImage

    def __call__(self, image: Image, labels: Labels) -> tuple[Image, Labels]:
        """The pair on a canvas of that size. The label of a whole image, one pixel, stays as it is."""
        frame = Frame.for_fit(self.fit, image.shape[:2], self.size)
        whole = labels.shape == (1, 1) != image.shape[:2]
        return self.place(image, frame), labels if whole else frame.place_labels(labels)

    def __str__(self) -> str:
        return f"{self.fit.value} to {self.size[0]}x{self.size[1]}"


@frozen
class PairCheck:
    """Reads, checks, resizes if asked, measures and stores one pair. Called from several threads at once."""

    reader: Reader
    classes: ClassMap
    writer: DatasetWriter
    task: Task
    resizing: Resizing | None = None

    def __call__(self, item: SourceItem) -> GoodPair | BadPair:
        """Raises DataError only where nothing can be stored at all."""
        try:
            image = self.reader.read_image(item)
        except DataError as error:
            return _bad(item, Severity.IMAGE, error)
        try:
            labels = self._labels(item)
        except DataError as error:
            return _bad(item, Severity.MASK, error)
        file = [*item.masks, item.image][0]
        expected = (1, 1) if self.task is Task.CLASSIFICATION else image.shape[:2]
        if labels.shape[:2] != expected:
            (h, w), (mask_h, mask_w) = image.shape[:2], labels.shape[:2]
            reason = f"{file} is {mask_h}x{mask_w} pixels (height x width), its image {item.image} {h}x{w}"
            fix = "Make mask and image the same size; resize masks without smoothing." + (
                " Here one looks turned against the other." if (h, w) == (mask_w, mask_h) else ""
            )
            return BadPair(item.key, Severity.SIZE, reason, fix)
        beyond = np.unique(labels[(labels >= (2 if self.task.planes else len(self.classes))) & (labels != IGNORE)])
        if beyond.size:  # a reader's mistake, which must not reach a loss
            reason = f"{file}: the reader {self.reader.name!r} gave the classes {beyond.tolist()}"
            return BadPair(item.key, Severity.MASK, reason)
        before = _present(labels)
        if self.resizing is not None:
            image, labels = self.resizing(image, labels)
        lost = before - _present(labels)
        statistics = PixelStatistics.of(image, labels, len(self.classes))
        stored = self.writer.store(item, image, labels, self.classes, changed=self.resizing is not None)
        return GoodPair(item, stored, image.shape[:2], image.shape[2], statistics, lost)

    def _labels(self, item: SourceItem) -> Labels:
        if not self.task.planes:
            return self.reader.read_labels(item, self.classes)
        assert isinstance(self.reader, ReadsPlanes)  # else the task would have been refused
        return self.reader.read_planes(item, self.classes)


def _present(labels: Labels) -> frozenset[int]:
    """The classes that occur."""
    if labels.ndim == 3:
        return frozenset(np.flatnonzero((labels == 1).any(axis=(0, 1))).tolist())
    return frozenset(np.unique(labels).tolist()) - {IGNORE}


def _bad(item: SourceItem, severity: Severity, error: DataError) -> BadPair:
    return BadPair(item.key, severity, " ".join([error.message, *error.problems]), error.fix)


def refuse(bad: Sequence[BadPair], total: int) -> DataError:
    """One error for all bad pairs: counted by kind, worst first, the many cut short."""
    worst_first = sorted(bad, key=lambda pair: (pair.severity, pair.key))
    fixes = [fix for fix, _ in Counter(pair.fix for pair in worst_first if pair.fix).most_common(_FIXES)]
    if len(bad) < total:  # else nothing would be left
        fixes.append("Or leave these out with --skip-bad.")
    return DataError(
        f"{len(bad)} of {total} images and masks cannot be used: {tally(bad)}.",
        problems=cut([pair.reason for pair in worst_first], _SHOWN),
        fix="\n".join(fixes),
    )


def nothing_pairs(orphans: Sequence[BadPair]) -> DataError:
    """The refusal where no file has a partner; the likely cause comes first in its fix."""
    error = refuse(orphans, len(orphans))
    cause = _beginnings([pair.reason for pair in orphans])
    return DataError(error.message, problems=error.problems, fix="\n".join(filter(None, (cause, error.fix))))


def _beginnings(reasons: Sequence[str]) -> str:
    """What to do about names that differ in how they begin (img_0, mask_0); "" where that is not what is wrong."""
    names: dict[str, list[str]] = defaultdict(list)
    for reason in reasons:
        kind, _, file = reason.partition(": ")
        names[kind].append(PurePosixPath(file).stem)
    if len(names) != 2:
        return ""
    begin = {kind: _beginning(found) for kind, found in names.items()}
    one, other = ({name.removeprefix(begin[kind]) for name in found} for kind, found in names.items())
    if len(set(begin.values())) == 1 or not (one & other) - {""}:
        return ""
    said = " and ".join(f"{text!r} ({kind})" for kind, text in begin.items() if text)
    return f"The likely cause: names begin with {said}. Rename files so that image and mask have equal names."


def _beginning(names: Sequence[str]) -> str:
    """What all begin with, up to its last separator, or else without the digits of a number that they share."""
    common = commonprefix(names)  # noqa: RUF071 - these are texts, not paths
    parted = re.match(r".*[_\-. ]", common)
    return parted[0] if parted else common.rstrip("0123456789")


def tally(bad: Sequence[BadPair]) -> str:
    """How many of each kind."""
    counts = Counter(pair.severity for pair in bad)
    return ", ".join(severity.counted(counts[severity]) for severity in sorted(counts))
