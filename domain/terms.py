"""Words that settings are written in. Nothing here needs NumPy, so that ``--help`` starts without it."""

from __future__ import annotations

from enum import StrEnum

TILE, OVERLAP = 1024, 128
"""Pixels: the side of the tiles that larger images are cut into, and what neighbours share."""


class Task(StrEnum):
    """What a label means.

    ``MULTICLASS``: (H, W) class ids, K logits, softmax. ``BINARY``: (H, W) ids 0 and 1, one logit, sigmoid.
    ``MULTILABEL``: classes may overlap; (H, W, K) planes of 0 and 1, K logits, a sigmoid each. ``CLASSIFICATION``: one
    class an image, as a label of one pixel, (1, 1); K logits at one pixel, softmax.
    """

    MULTICLASS = "multiclass"
    BINARY = "binary"
    MULTILABEL = "multilabel"
    CLASSIFICATION = "classification"

    def outputs(self, classes: int) -> int:
        """Number of logits a model needs for that many classes."""
        return 1 if self is Task.BINARY else classes

    @property
    def planes(self) -> bool:
        """Whether every class is a question of its own, so that labels and masks are (H, W, K) planes."""
        return self is Task.MULTILABEL

    @property
    def unit(self) -> str:
        """What the pixels of classes are counted in; one that several classes have is claimed by each."""
        return {Task.CLASSIFICATION: "images", Task.MULTILABEL: "claimed pixels"}.get(self, "pixels")

    def matrix(self, classes: int) -> tuple[int, ...]:
        """Shape of what is counted of an image: (K, K), or (K, 2, 2) of planes; a single class is told from none."""
        return (classes, 2, 2) if self.planes else (max(2, classes),) * 2


class Fit(StrEnum):
    """How an image is brought to the size a model takes.

    ``NATIVE``: not resized, padded at the bottom and right. ``LETTERBOX``: as large as fits, centred, padded; also
    written ``pad``. ``STRETCH``: both axes resized on their own. ``CROP``: as small as covers, the centre kept.
    """

    NATIVE = "native"
    LETTERBOX = "letterbox"
    STRETCH = "stretch"
    CROP = "crop"

    @classmethod
    def _missing_(cls, value: object) -> Fit | None:
        return cls.LETTERBOX if value == "pad" else None


class Precision(StrEnum):
    """Arithmetic of convolutions and products; weights, losses and statistics stay float32."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"
