"""The operations a graph may use. A backend that knows these runs every architecture.

Each says what shape it makes of its inputs' shapes, and which weights it holds. Shapes are (channels, height, width):
the batch axis is every operation's own business. Weights follow torchvision: OIHW kernels, and for a norm ``weight``,
``bias``, ``running_mean``, ``running_var``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import field, frozen

from ..errors import InvalidSpecError
from .checks import number, one_of, truth, whole
from .native import Native as Native
from .operation import INITIALISATIONS, WeightSpec
from .operation import Operation as Operation
from .shapes import Shape, pixels, same_shapes, same_sizes, window

FUNCTIONS = ("relu", "relu6", "silu", "sigmoid", "gelu", "hardswish", "leaky_relu")
"""Activations: "gelu" is the exact one (erf), "leaky_relu" has slope 0.01."""
MODES = ("bilinear", "nearest")
"""Resizing: half-pixel bilinear without antialias, and centre-aligned nearest."""


@frozen
class Input(Operation):
    """The normalised image. Every graph has one, named "image"."""

    kind = "input"
    arity = 0
    channels: int = field(validator=whole())

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """The image's own; the size is given from outside."""
        raise InvalidSpecError("An input has no inputs to take its shape from.")


@frozen
class Conv(Operation):
    """2-D convolution (cross-correlation) with symmetric zero padding. ``init`` is how the kernel starts."""

    kind = "conv"
    channels: int = field(validator=whole())
    kernel: int = field(default=3, validator=whole())
    stride: int = field(default=1, validator=whole())
    padding: int = field(default=0, validator=whole(0))
    dilation: int = field(default=1, validator=whole())
    groups: int = field(default=1, validator=whole())
    bias: bool = field(default=False, validator=truth())
    init: str = field(default="he", validator=one_of(INITIALISATIONS))

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """(channels, floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1)."""
        channels, height, width = inputs[0]
        if channels % self.groups or self.channels % self.groups:
            raise InvalidSpecError(f"{self.groups} groups do not divide {channels} -> {self.channels} channels.")
        return (
            self.channels,
            window(height, self.kernel, self.stride, self.padding, self.dilation),
            window(width, self.kernel, self.stride, self.padding, self.dilation),
        )

    def weights(self, inputs: Sequence[Shape]) -> tuple[WeightSpec, ...]:
        """``weight`` (out, in / groups, k, k), and ``bias`` (out,)."""
        shape = (self.channels, inputs[0][0] // self.groups, self.kernel, self.kernel)
        kernel = WeightSpec("weight", shape, self.init)
        return (kernel, WeightSpec("bias", (self.channels,), "zeros")) if self.bias else (kernel,)

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        """The whole kernel at every pixel of the result."""
        return math.prod(self.weights(inputs)[0].shape) * pixels(self.shape(inputs))


@frozen
class Norm(Operation):
    """Batch normalisation. ``momentum`` is the weight of the new value; the running variance is the unbiased one.

    ``zero_gamma`` starts the scale at zero, so that a residual branch begins as the identity (Goyal et al. 2017,
    1706.02677).
    """

    kind = "norm"
    epsilon: float = field(default=1e-5, validator=number(1e-12, 1.0))
    momentum: float = field(default=0.1, validator=number(0.0, 1.0))
    zero_gamma: bool = field(default=False, validator=truth())

    def weights(self, inputs: Sequence[Shape]) -> tuple[WeightSpec, ...]:
        """Scale, shift and running statistics, (channels,) each."""
        shape = (inputs[0][0],)
        return (
            WeightSpec("weight", shape, "zeros" if self.zero_gamma else "ones"),
            WeightSpec("bias", shape, "zeros"),
            WeightSpec("running_mean", shape, "zeros", trainable=False),
            WeightSpec("running_var", shape, "ones", trainable=False),
        )


@frozen
class LayerNorm(Operation):
    """Normalisation over the channels of every pixel alone (Ba et al. 2016, 1607.06450), the same in training."""

    kind = "layer_norm"
    epsilon: float = field(default=1e-6, validator=number(1e-12, 1.0))

    def weights(self, inputs: Sequence[Shape]) -> tuple[WeightSpec, ...]:
        """Scale and shift, (channels,) each."""
        shape = (inputs[0][0],)
        return WeightSpec("weight", shape, "ones"), WeightSpec("bias", shape, "zeros")


@frozen
class LayerScale(Operation):
    """Each channel times a learnt number, which starts at 1e-6 (Touvron et al. 2021, 2103.17239).

    So a deep network's residual branches begin as almost nothing.
    """

    kind = "layer_scale"

    def weights(self, inputs: Sequence[Shape]) -> tuple[WeightSpec, ...]:
        """``weight`` (channels,)."""
        return (WeightSpec("weight", (inputs[0][0],), "tiny"),)


@frozen
class Activation(Operation):
    """An elementwise function, one of ``FUNCTIONS``."""

    kind = "activation"
    function: str = field(default="relu", validator=one_of(FUNCTIONS))


@frozen
class MaxPool(Operation):
    """Largest value in a window; the padding never wins."""

    kind = "max_pool"
    kernel: int = field(default=2, validator=whole())
    stride: int = field(default=2, validator=whole())
    padding: int = field(default=0, validator=whole(0))

    def __attrs_post_init__(self) -> None:
        # A window inside the padding alone would have no largest value; frameworks refuse it as well.
        if 2 * self.padding > self.kernel:
            raise InvalidSpecError(f"MaxPool: padding {self.padding} is more than half of the kernel {self.kernel}.")

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """As a convolution's, channels unchanged."""
        channels, height, width = inputs[0]
        return (
            channels,
            window(height, self.kernel, self.stride, self.padding, 1),
            window(width, self.kernel, self.stride, self.padding, 1),
        )


@frozen
class GlobalPool(Operation):
    """Mean over the whole image: (channels, 1, 1)."""

    kind = "global_pool"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """(channels, 1, 1)."""
        return (inputs[0][0], 1, 1)


@frozen
class GridPool(Operation):
    """Mean over every cell of a ``size`` x ``size`` grid on the image, whatever the image's size.

    Along L pixels, cell i goes from floor(i L / size) up to ceil((i + 1) L / size), as in torch's AdaptiveAvgPool2d:
    cells overlap where ``size`` does not divide L.
    """

    kind = "grid_pool"
    size: int = field(validator=whole())

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """(channels, size, size)."""
        return (inputs[0][0], self.size, self.size)


@frozen
class Resize(Operation):
    """The first input resized to the second one's height and width, in one of the ``MODES``."""

    kind = "resize"
    arity = 2
    mode: str = field(default="bilinear", validator=one_of(MODES))

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """Channels of the first input, size of the second."""
        return (inputs[0][0], *inputs[1][1:])


@frozen
class Concat(Operation):
    """Inputs joined along the channels, in the order written."""

    kind = "concat"
    arity = None

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """Sum of channels; sizes must agree."""
        same_sizes("concat", inputs)
        return (sum(s[0] for s in inputs), *inputs[0][1:])


@frozen
class Add(Operation):
    """Elementwise sum of inputs of one shape."""

    kind = "add"
    arity = None

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """The inputs' own; they must be equal."""
        same_shapes("add", inputs)
        return inputs[0]


@frozen
class Average(Operation):
    """Elementwise mean of inputs of one shape."""

    kind = "average"
    arity = None

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """The inputs' own; they must be equal."""
        same_shapes("average", inputs)
        return inputs[0]


@frozen
class Multiply(Operation):
    """Elementwise product; the second input may be (channels, 1, 1), as a gate is."""

    kind = "multiply"
    arity = 2

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """The first input's."""
        if inputs[1] != (inputs[0][0], 1, 1):
            same_shapes("multiply", inputs)
        return inputs[0]


@frozen
class Attention(Operation):
    """Each pixel of the first input, by how it agrees with those of the second, takes the weighed mean of the third's.

    Queries, keys and values of Vaswani et al. 2017 (1706.03762, eq. 1): softmax(q k^T / sqrt(d)) v, for each of
    ``heads`` groups of d channels alone; the softmax in float32. Keys and values may be of another size than queries.
    """

    kind = "attention"
    arity = 3
    heads: int = field(default=1, validator=whole())

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """The queries'; channels must be the same everywhere, and a multiple of ``heads``."""
        queries, keys, values = inputs
        same_shapes("attention", [keys, values])
        if queries[0] != keys[0] or queries[0] % self.heads:
            raise InvalidSpecError(
                f"attention of {self.heads} heads needs as many channels, divided by them, in queries and keys,"
                f" not {queries[0]} and {keys[0]}."
            )
        return queries

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        """Of the two products: queries with keys, and the weights with the values."""
        return 2 * inputs[0][0] * pixels(inputs[0]) * pixels(inputs[1])


@frozen
class Dropout(Operation):
    """Zeroes values with probability ``rate`` in training and scales the rest up; the identity otherwise."""

    kind = "dropout"
    rate: float = field(default=0.1, validator=number(0.0, 0.99))


OPERATIONS: tuple[type[Operation], ...] = (
    Input, Conv, Norm, LayerNorm, LayerScale, Activation, MaxPool, GlobalPool, GridPool, Resize, Concat, Add,
    Average, Multiply, Attention, Dropout, Native,
)  # fmt: skip
