"""What ``prepare`` warns of: data that can be used, and may not be what was meant."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from ..domain.classes import ClassMap
from ..domain.listing import listed
from ..domain.splitting import SPLITS, TRAIN
from .pairs import BadPair, GoodPair, tally


def warnings_of(
    good: Sequence[GoodPair],
    bad: Sequence[BadPair],
    splits: Mapping[str, str],
    classes: ClassMap,
    *,
    ignored: Sequence[int] = (),
) -> tuple[str, ...]:
    """Every warning about the pairs, those left out first.

    ``ignored`` are the mask values that were asked to be, of masks that are counted as they were stored.
    """
    return (
        *_left_out(bad),
        *_duplicates(good, splits),
        *_scarce_classes(good, splits, classes),
        *_lost_classes(good, classes),
        *_uncounted_splits(good, splits),
        *_nowhere_ignored(good, ignored),
    )


def occurrences(good: Sequence[GoodPair], splits: Mapping[str, str], classes: ClassMap) -> dict[str, dict[str, int]]:
    """How many images have each class, by class and split."""
    counts = {name: dict.fromkeys((s for s in SPLITS if s in splits.values()), 0) for name in classes.names}
    for pair in good:
        for name, present in zip(classes.names, pair.statistics.images, strict=True):
            counts[name][splits[pair.item.key]] += int(present)
    return counts


def _left_out(bad: Sequence[BadPair]) -> list[str]:
    if not bad:
        return []
    return [f"left out: {tally(bad)}: {listed([pair.key for pair in bad])}"]


def _duplicates(good: Sequence[GoodPair], splits: Mapping[str, str]) -> list[str]:
    """Exact copies of an image: within a split, across splits (which flatters every score), or with other masks."""
    copies: dict[str, list[GoodPair]] = defaultdict(list)
    for pair in sorted(good, key=lambda pair: pair.item.key):
        copies[pair.stored.image_sha256].append(pair)
    across, contradicting, within = [], [], []
    for same in copies.values():
        if len(same) > 1:
            text = " = ".join(f"{pair.item.key} ({splits[pair.item.key]})" for pair in same)
            if len({splits[pair.item.key] for pair in same}) > 1:
                across.append(text)
            else:
                within.append(text)
            if len({pair.stored.mask_sha256 for pair in same}) > 1:
                contradicting.append(text)
    said = [
        (across, "exactly equal images in different splits, so scores there are flattered"),
        (contradicting, "exactly equal images with different masks"),
        (within, "exactly equal images, kept in one split"),
    ]
    return [f"{meaning}: {listed(texts)}" for texts, meaning in said if texts]


def _scarce_classes(good: Sequence[GoodPair], splits: Mapping[str, str], classes: ClassMap) -> list[str]:
    found = occurrences(good, splits, classes)
    nowhere = [name for name, counts in found.items() if not any(counts.values())]
    untrained = [name for name, counts in found.items() if any(counts.values()) and not counts[TRAIN]]
    return [
        *([f"no image has the class {listed(nowhere)}"] if nowhere else []),
        *([f"no training image has the class {listed(untrained)}, but others do"] if untrained else []),
    ]


def _uncounted_splits(good: Sequence[GoodPair], splits: Mapping[str, str]) -> list[str]:
    counted = Counter(dict.fromkeys(splits.values(), 0))
    for pair in good:
        counted[splits[pair.item.key]] += int(pair.statistics.pixels.sum())
    empty = [split for split in SPLITS if split in counted and not counted[split]]
    return [f"every pixel is ignored in {listed(empty)}, so there is nothing to score"] if empty else []


def _nowhere_ignored(good: Sequence[GoodPair], ignored: Sequence[int]) -> list[str]:
    """Ignored pixels are counted for all values together: only where there are none is it sure that each is missing."""
    if not ignored or any(pair.statistics.ignored for pair in good):
        return []
    return [f"no mask holds the ignored value{'s' if len(ignored) > 1 else ''} {listed(ignored)}"]


def _lost_classes(good: Sequence[GoodPair], classes: ClassMap) -> list[str]:
    images = Counter(index for pair in good for index in pair.lost)
    lost = [f"{classes.names[index]} in {count}" for index, count in sorted(images.items())]
    return [f"images whose resized mask has nothing left of a class: {listed(lost)}"] if lost else []
