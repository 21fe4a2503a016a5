"""A model that is no graph of plain operations: one framework's own code, as the one operation of its graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve, field, frozen
from attrs.validators import instance_of

from .checks import whole
from .operation import Operation, WeightSpec
from .shapes import Shape


def _specs(values: Iterable[WeightSpec | Mapping[str, Any]]) -> tuple[WeightSpec, ...]:
    """As they are, or from the plain values of a checkpoint."""
    given = (value if isinstance(value, WeightSpec) else WeightSpec(**value) for value in values)
    return tuple(evolve(spec, shape=tuple(spec.shape)) for spec in given)


@frozen
class Native(Operation):
    """A whole model that is one framework's own code: from the normalised image to logits of its size.

    It says what must be stored of the model and by whom it is made, and nothing of how it computes. So no other
    framework has a form of it.

    Attributes:
        framework: name of the backend that runs it.
        architecture: what makes it, with its options, as users write it: "smp-unet:encoder_name=resnet18".
        channels: of the logits.
        arrays: what the model holds, by the names that its code gives them.
    """

    kind = "native"
    framework: str = field(validator=instance_of(str))
    architecture: str = field(validator=instance_of(str))
    channels: int = field(validator=whole())
    arrays: tuple[WeightSpec, ...] = field(converter=_specs)

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """Logits of the image's size."""
        return (self.channels, *inputs[0][1:])

    def weights(self, inputs: Sequence[Shape]) -> tuple[WeightSpec, ...]:
        """All arrays."""
        return self.arrays
