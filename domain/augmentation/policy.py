"""How strongly training images may be changed: ranges only, no pixels and no randomness."""

from __future__ import annotations

import math

from attrs import fields, frozen

from ..errors import InvalidSpecError

_LIMITS = {
    "rotate": 180.0,
    "shear": 60.0,
    "elastic": 100.0,
    "brightness": 1.0,
    "contrast": 0.99,
    "saturation": 1.0,
    "hue": 0.5,
    "gamma": 9.0,
    "blur": 20.0,
    "noise": 1.0,
}
_SCALES = (0.1, 10.0)


@frozen
class AugmentationPolicy:
    """Ranges that the parameters of every sample are drawn from. Zero, ``False`` and ``(1, 1)`` switch a step off.

    Attributes:
        flip_horizontal: mirror left and right, for half of the samples.
        flip_vertical: mirror top and bottom, for half of the samples.
        quarter_turns: turn by 0, 90, 180 or 270 degrees, each as often.
        rotate: largest further rotation either way, in degrees, in [0, 180].
        scale: least and largest enlargement, drawn log-uniformly; within [0.1, 10].
        shear: largest horizontal shear angle either way, in degrees, in [0, 60].
        elastic: largest elastic displacement, in output pixels, in [0, 100].
        brightness: largest shift either way, as a part of the full range, in [0, 1].
        contrast: the factor around mid-grey is in [1 - contrast, 1 + contrast]; in [0, 0.99].
        saturation: the factor is in [1 - saturation, 1 + saturation]; in [0, 1].
        hue: largest shift either way, as a part of the colour circle, in [0, 0.5].
        gamma: the exponent is log-uniform in [1 / (1 + gamma), 1 + gamma]; in [0, 9].
        blur: largest standard deviation of a Gaussian blur, in pixels, in [0, 20]; for half of the samples.
        noise: largest standard deviation of Gaussian noise, as a part of the full range, in [0, 1]; likewise.

    Raises:
        InvalidSpecError: listing every field that is out of its range.
    """

    flip_horizontal: bool = False
    flip_vertical: bool = False
    quarter_turns: bool = False
    rotate: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    shear: float = 0.0
    elastic: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    gamma: float = 0.0
    blur: float = 0.0
    noise: float = 0.0

    def __attrs_post_init__(self) -> None:
        problems = [*self._range_problems(), *self._scale_problems()]
        if problems:
            raise InvalidSpecError("The augmentation policy is not possible.", problems=problems)

    @classmethod
    def none(cls) -> AugmentationPolicy:
        """Changes nothing: the crop alone is random."""
        return cls()

    @classmethod
    def light(cls) -> AugmentationPolicy:
        """Mirroring, a little scale and light. Safe where left and right do not matter, but up and down do."""
        return cls(flip_horizontal=True, scale=(0.8, 1.25), brightness=0.1, contrast=0.1)

    @classmethod
    def standard(cls) -> AugmentationPolicy:
        """For scenes with an up and a down: mirroring, small rotations, scale, colour."""
        return cls(
            flip_horizontal=True,
            rotate=10.0,
            scale=(0.5, 2.0),
            brightness=0.12,
            contrast=0.25,
            saturation=0.25,
            hue=0.02,
            gamma=0.2,
        )

    @classmethod
    def strong(cls) -> AugmentationPolicy:
        """For images without an up or a down (microscopy, from above): every turn, deformation, colour, blur, noise."""
        return cls(
            flip_horizontal=True,
            flip_vertical=True,
            quarter_turns=True,
            rotate=45.0,
            scale=(0.5, 2.0),
            shear=8.0,
            elastic=4.0,
            brightness=0.2,
            contrast=0.35,
            saturation=0.4,
            hue=0.04,
            gamma=0.4,
            blur=1.2,
            noise=0.03,
        )

    def _range_problems(self) -> list[str]:
        values = {attribute.name: getattr(self, attribute.name) for attribute in fields(type(self))}
        return [
            f"{name} = {values[name]!r}: expected a number from 0 to {limit:g}."
            for name, limit in _LIMITS.items()
            if not 0.0 <= values[name] <= limit
        ]

    def _scale_problems(self) -> list[str]:
        low, high = self.scale
        if all(map(math.isfinite, self.scale)) and _SCALES[0] <= low <= high <= _SCALES[1]:
            return []
        least, most = _SCALES
        return [f"scale = {self.scale!r}: expected (least, largest), {least:g} <= least <= largest <= {most:g}."]
