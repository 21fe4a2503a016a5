"""Every loss by the name users write."""

from __future__ import annotations

from collections.abc import Mapping

from ..ports.loss import Loss
from .combined import BceDice, CeDice
from .crossentropy import BinaryCrossEntropy, CrossEntropy
from .focal import Focal
from .lovasz import LovaszHinge, LovaszSoftmax
from .regional import Dice, Jaccard, Tversky

LOSSES: Mapping[str, type[Loss]] = {
    "cross-entropy": CrossEntropy,
    "bce": BinaryCrossEntropy,
    "dice": Dice,
    "jaccard": Jaccard,
    "tversky": Tversky,
    "focal": Focal,
    "lovasz-hinge": LovaszHinge,
    "lovasz-softmax": LovaszSoftmax,
    "bce-dice": BceDice,
    "ce-dice": CeDice,
}


def summary(name: str) -> str:
    """One line on a loss of the table: the first of its docstring."""
    return (LOSSES[name].__doc__ or "").strip().partition("\n")[0]
