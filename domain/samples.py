"""What flows from files to backends: one sample, and a batch of them."""

from __future__ import annotations

from enum import StrEnum

from attrs import field, frozen

from .arrays import Image, Images, LabelBatch, Labels
from .resampling import Frame


class Task(StrEnum):
    """What a label means.

    ``MULTICLASS``: (H, W) class ids, K logits, softmax. ``BINARY``: (H, W) ids 0 and 1, one logit, sigmoid.
    """

    MULTICLASS = "multiclass"
    BINARY = "binary"

    def outputs(self, classes: int) -> int:
        """Number of logits a model needs for that many classes."""
        return 1 if self is Task.BINARY else classes


@frozen(eq=False)
class Sample:
    """One image with its labels. ``key`` is its id in the data set: unique, and usable as a file stem."""

    key: str
    image: Image
    labels: Labels


@frozen(eq=False)
class Batch:
    """Images and labels of one size, stacked.

    When evaluating, ``frames`` tells how each image was fitted into the batch and ``natives`` holds its untouched
    labels at the original size; both are empty in training.
    """

    images: Images
    labels: LabelBatch
    keys: tuple[str, ...]
    frames: tuple[Frame, ...] = ()
    natives: tuple[Labels, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.keys)
