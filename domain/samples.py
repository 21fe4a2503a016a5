"""What flows from files to backends: one sample, and a batch of them."""

from __future__ import annotations

from attrs import field, frozen

from . import html
from .arrays import Image, Images, LabelBatch, Labels
from .resampling import Frame
from .terms import Task as Task


@frozen(eq=False)
class Sample:
    """One image with its labels. ``key`` is its id: unique in its split, and usable as a file stem."""

    key: str
    image: Image
    labels: Labels

    @property
    def whole(self) -> bool:
        """Whether the label is one of the whole image: a single pixel, where the image has more."""
        return self.labels.shape == (1, 1) != self.image.shape[:2]

    def _repr_html_(self) -> str:
        """In a notebook: image and labels, side by side."""
        labels = html.painted(self.labels, self.image.shape[:2])
        return html.pictures(self.image, labels, caption=f"{self.key}, {' x '.join(map(str, self.image.shape))}")


@frozen(eq=False)
class Batch:
    """Images and labels of one size, stacked.

    When evaluating, ``frames`` tells how each image's labels were fitted into the batch (those of the whole image are
    one pixel before and after) and ``natives`` holds them untouched, at the original size; both are empty in training.
    """

    images: Images
    labels: LabelBatch
    keys: tuple[str, ...]
    frames: tuple[Frame, ...] = ()
    natives: tuple[Labels, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.keys)
