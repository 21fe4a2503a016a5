"""Weights taken over from another model: by canonical name, where the shapes are equal."""

from __future__ import annotations

from attrs import frozen

from .weights import Weights


@frozen(eq=False)
class Transfer:
    """What a model begins with, and where it is from.

    Attributes:
        weights: every tensor of the new model.
        matched: names taken from the source.
        reinitialised: names the source lacks or has in another shape (the head, when the classes differ): as they were.
        left_over: names of the source whose tensors are not used.
    """

    weights: Weights
    matched: tuple[str, ...]
    reinitialised: tuple[str, ...]
    left_over: tuple[str, ...]


def transfer(initial: Weights, source: Weights) -> Transfer:
    """``initial`` with every tensor replaced that ``source`` has under the same name and in the same shape."""
    matched = tuple(n for n, array in initial.items() if n in source and source[n].shape == array.shape)
    taken = set(matched)
    return Transfer(
        weights={name: source[name] if name in taken else array for name, array in initial.items()},
        matched=matched,
        reinitialised=tuple(name for name in initial if name not in taken),
        left_over=tuple(name for name in source if name not in taken),
    )
