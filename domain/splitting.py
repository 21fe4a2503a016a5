"""Which image belongs to which split: a pure function of ids, groups and seed, whatever the order they come in."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from attrs import frozen

from .errors import DataError, InvalidSpecError

TRAIN, VAL, TEST, HOLDING = SPLITS = ("train", "val", "test", "holding")
"""Every split there can be, in the order they are listed."""

_ALIASES = {
    "training": TRAIN, "trn": TRAIN, "valid": VAL, "validation": VAL, "dev": VAL,
    "testing": TEST, "holdout": HOLDING, "hold-out": HOLDING,
}  # fmt: skip


@frozen
class Ratios:
    """Shares of the images that go to train, val and test. Only their proportion counts: 8,1,1 is 0.8,0.1,0.1."""

    train: float = 0.8
    val: float = 0.1
    test: float = 0.1

    def __attrs_post_init__(self) -> None:
        shares = (self.train, self.val, self.test)
        if not all(math.isfinite(s) and s >= 0 for s in shares) or self.train == 0:
            raise InvalidSpecError(
                f"split = {self}: expected shares of train, val and test, none negative, and some for train.",
                fix="For example --split 0.8,0.1,0.1.",
            )

    def __str__(self) -> str:
        return f"{self.train:g},{self.val:g},{self.test:g}"

    @classmethod
    def parse(cls, text: str) -> Ratios:
        """From "0.8,0.1,0.1", or "0.8,0.2" for no test split. Raises InvalidSpecError."""
        try:
            shares = [float(part) for part in text.split(",")]
        except ValueError:
            shares = []
        if not 2 <= len(shares) <= 3:
            raise InvalidSpecError(
                f"split = {text!r}: expected two or three numbers (train,val,test) or a .csv file.",
                fix="For example --split 0.8,0.1,0.1, or a file with the columns id,split.",
            )
        return cls(*shares, *([0.0] if len(shares) == 2 else []))

    def shares(self) -> dict[str, float]:
        """Normalised shares of the splits that get any."""
        total = self.train + self.val + self.test
        return {n: s / total for n, s in zip(SPLITS, (self.train, self.val, self.test), strict=False) if s > 0}


def canonical(name: str) -> str:
    """The split a name stands for ("validation" is "val"). Raises DataError for a name that stands for none."""
    lowered = name.strip().lower()
    found = _ALIASES.get(lowered, lowered)
    if found not in SPLITS:
        raise DataError(f"{name!r} is not a split.", fix=f"Known: {', '.join(SPLITS)}.")
    return found


def bind(keys: Iterable[str], *marks: Mapping[str, str]) -> dict[str, str]:
    """Joins keys that share any mark into groups.

    Args:
        keys: ids.
        marks: each maps some ids to a mark (a patient, a video, a hash of the file); equal marks belong together, and
            joining is transitive.

    Returns:
        Id to the least id of its group.
    """
    parent = {key: key for key in keys}

    def root(key: str) -> str:
        while parent[key] != key:
            parent[key] = key = parent[parent[key]]
        return key

    for mark in marks:
        first: dict[str, str] = {}
        for key in parent:
            if key in mark:
                a, b = root(first.setdefault(mark[key], key)), root(key)
                parent[max(a, b)] = min(a, b)
    return {key: root(key) for key in parent}


def split_by_ratios(groups: Mapping[str, str], ratios: Ratios, *, seed: int, holdout: int = 0) -> dict[str, str]:
    """Splits at random, groups whole.

    ``holdout`` images are set aside first. Then groups go, larger ones first and in random order among equals, to the
    split that lacks most images; without groups, sizes are the shares rounded by largest remainder. Every split with a
    share gets an image.

    Args:
        groups: id to group, as from ``bind``.
        ratios: shares.
        seed: not negative.
        holdout: images in the holding split; a little less where whole groups do not add up to it.

    Returns:
        Id to split, in order of id.

    Raises:
        DataError: for fewer images, or groups, than splits.
    """
    members = _members(groups)
    order = _shuffled(members, seed)
    held = dict.fromkeys(_take(order, members, holdout), HOLDING)
    rest = [group for group in order if group not in held]
    shares = ratios.shares()
    if len(rest) < len(shares):
        raise _too_few(members, groups, len(held), shares)
    quotas = _quotas(shares, sum(len(members[group]) for group in rest))
    chosen = held | _fill(rest, members, quotas)
    return {key: chosen[groups[key]] for key in sorted(groups)}


def split_as_given(
    given: Mapping[str, str], groups: Mapping[str, str], *, seed: int, holdout: int = 0, val_share: float = 0.1
) -> tuple[dict[str, str], list[str]]:
    """Keeps splits that exist; takes out of train what they lack: the holding images, and val where there is none.

    Args:
        given: id to split.
        groups: id to group, as from ``bind``.
        seed: of what is taken out of train.
        holdout: images to set aside.
        val_share: share of train that becomes val.

    Returns:
        Id to split in order of id, and a sentence on everything that was changed.

    Raises:
        DataError: when there is no train split, or too little of it.
    """
    splits = {key: canonical(name) for key, name in sorted(given.items())}
    names = set(splits.values())
    if TRAIN not in names:
        raise DataError(
            f"The given splits ({', '.join(sorted(names))}) have no 'train'.", fix="Use --split 0.8,0.1,0.1."
        )
    if not holdout and VAL in names:
        return splits, []
    training = {key: groups[key] for key, name in splits.items() if name == TRAIN}
    ratios = Ratios(1, 0, 0) if VAL in names else Ratios(1 - val_share, val_share, 0)
    taken = split_by_ratios(training, ratios, seed=seed, holdout=holdout)
    counts = {name: list(taken.values()).count(name) for name in (VAL, HOLDING)}
    notes = [f"{n} image{'s' * (n > 1)} of 'train' became {name!r} (seed {seed})" for name, n in counts.items() if n]
    return splits | taken, notes


def _too_few(
    members: Mapping[str, Sequence[str]], groups: Mapping[str, str], held: int, shares: Mapping[str, float]
) -> DataError:
    """The error for fewer images, or groups, than splits: whether the holdout took them or they are too few anyway."""
    what = "images" if len(members) == len(groups) else "groups of images that belong together"
    splits = f"{len(shares)} split{'s' if len(shares) > 1 else ''} ({', '.join(shares)})"
    if held and len(members) >= len(shares):
        left = f"{len(members) - held} of {len(members)} {what}"
        return DataError(f"The holdout leaves {left} for {splits}.", fix="Set fewer images aside with --holdout.")
    fewer = len(members) > 1 and len(shares) > 2
    return DataError(
        f"There are {len(members)} {what} for {splits}.",
        fix="Add images, or ask for fewer splits, for example --split 0.8,0.2." if fewer else "Add images.",
    )


def _members(groups: Mapping[str, str]) -> dict[str, list[str]]:
    members: dict[str, list[str]] = defaultdict(list)
    for key in sorted(groups):
        members[groups[key]].append(key)
    return members


def _shuffled(members: Mapping[str, Sequence[str]], seed: int) -> list[str]:
    """Random order, then larger groups first: what comes last can still even out the sizes."""
    names = sorted(members, key=lambda group: members[group][0])
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    return sorted(order, key=lambda group: -len(members[group]))


def _take(order: Iterable[str], members: Mapping[str, Sequence[str]], images: int) -> list[str]:
    taken, left = [], images
    for group in order:
        if len(members[group]) <= left:
            taken.append(group)
            left -= len(members[group])
    return taken


def _quotas(shares: Mapping[str, float], images: int) -> dict[str, int]:
    """Largest remainder, ties to the first split, at least 1 each."""
    exact = {name: share * images for name, share in shares.items()}
    quotas = {name: max(1, math.floor(value)) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: quotas[name] - exact[name])
    for i in range(images - sum(quotas.values())):
        quotas[by_remainder[i % len(by_remainder)]] += 1
    while sum(quotas.values()) > images:
        quotas[max(quotas, key=lambda name: quotas[name])] -= 1
    return quotas


def _fill(order: Sequence[str], members: Mapping[str, Sequence[str]], quotas: Mapping[str, int]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    lacking = dict(quotas)
    empty = list(quotas)
    for i, group in enumerate(order):
        candidates = empty if len(order) - i <= len(empty) else quotas
        target = max(candidates, key=lambda name: lacking[name])
        chosen[group] = target
        lacking[target] -= len(members[group])
        empty = [name for name in empty if name != target]
    return chosen
