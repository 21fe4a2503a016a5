"""Each convention in which torch and TensorFlow differ by themselves: both give the reference's numbers here.

Every test also shows that the other convention would be seen: with it, the figures are far from those that are right.
"""

# ruff: noqa: E402 - imports come after asking whether both frameworks are installed

from importlib.util import find_spec

import attrs
import numpy as np
import pytest

for needed in ("torch", "tensorflow"):
    if find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed", allow_module_level=True)

from segport.adapters.reference import ops
from segport.adapters.reference.model import NumpyModel, normalised
from segport.adapters.tensorflow.backend import TensorflowBackend
from segport.adapters.torch.backend import TorchBackend
from segport.domain.architecture.graph import IMAGE, Graph, Node
from segport.domain.architecture.operation import Operation
from segport.domain.architecture.operations import (
    MODES,
    OPERATIONS,
    Activation,
    Concat,
    Conv,
    Input,
    MaxPool,
    Norm,
    Resize,
)
from segport.domain.classes import ClassMap
from segport.domain.losses.crossentropy import CrossEntropy
from segport.domain.ports.backend import Precision, StepPlan
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.domain.spec import ModelSpec, Normalisation
from segport.domain.training.optimizers import Adam, Sgd
from segport.plugins.conformance.subject import batch, lively, pixelwise_spec, small_spec, train

BACKENDS = (TorchBackend(), TensorflowBackend())
TOLERANCE, FAR = 2e-5, 1e-3
CLASSES = ClassMap.of(["a", "b", "c"])


def spec_of(*nodes: Node, stride: int = 1) -> ModelSpec:
    graph = Graph((Node(IMAGE, Input(3)), *nodes), (nodes[-1].name,), stride)
    return ModelSpec(graph, CLASSES, Task.MULTICLASS, Normalisation((0.4,) * 3, (0.25,) * 3), Fit.NATIVE, (8, 8))


def one(operation: Operation, stride: int = 1) -> ModelSpec:
    return spec_of(Node("only", operation, (IMAGE,)), Node("full", Resize("nearest"), ("only", IMAGE)), stride=stride)


def pixels(height: int = 12, width: int = 10) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (2, height, width, 3), dtype=np.uint8)


def everywhere(spec: ModelSpec, images: np.ndarray, *, training: bool = False) -> np.ndarray:
    """The logits, after holding both frameworks' against the reference's."""
    weights = lively(spec.graph, 1)
    (wanted,) = NumpyModel(spec, weights, np.float64).logits(images, training=training)
    for backend in BACKENDS:
        model = backend.build(spec, weights, device="cpu", precision=Precision.FP32)
        (found,) = model.logits(images, training=training)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE, err_msg=backend.name)
    return wanted


def differs(wrong: np.ndarray, right: np.ndarray) -> bool:
    return wrong.shape != right.shape or float(np.abs(wrong - right).max()) > FAR


def planar(images: np.ndarray) -> np.ndarray:
    return normalised(images, one(Norm()).normalisation, np.float64)


def test_a_convolution_with_stride_two_pads_all_sides_alike() -> None:
    spec = one(Conv(3, kernel=3, stride=2, padding=1), stride=2)
    right = everywhere(spec, pixels())
    kernel = lively(spec.graph, 1)["only.weight"].astype(np.float64)
    below = np.pad(planar(pixels()), ((0, 0), (0, 0), (0, 1), (0, 1)))  # what "same" does with an even size
    wrong = ops.convolve(below, kernel, None, stride=2, padding=0, dilation=1, groups=1)
    assert differs(wrong.repeat(2, 2).repeat(2, 3).transpose(0, 2, 3, 1), right)


def test_the_padding_of_a_max_pool_never_wins() -> None:
    images = pixels() // 4  # dark: below the mean, so that a padding of zero would be the largest
    right = everywhere(one(MaxPool(3, 2, 1), stride=2), images)
    assert (right < 0).all()


def test_a_max_pool_drops_what_is_left_over_of_an_odd_size() -> None:
    images = pixels(11, 9)
    right = everywhere(one(MaxPool(2, 2), stride=2), images)
    assert one(MaxPool(2, 2), stride=2).graph.shapes(11, 9)["only"] == (3, 5, 4)
    assert np.isfinite(right).all()


def test_the_epsilon_of_a_norm_is_the_graphs() -> None:
    assert differs(everywhere(one(Norm(epsilon=1e-2)), pixels()), everywhere(one(Norm()), pixels()))


def test_the_momentum_of_a_norm_is_the_weight_of_the_new_value_and_its_variance_is_unbiased() -> None:
    spec = pixelwise_spec(norm=True)
    data = batch(spec, 1, (5, 5))
    values = (data.images / 255.0 - spec.normalisation.mean) / spec.normalisation.std
    for backend in BACKENDS:
        model = backend.build(spec, lively(spec.graph, 0), device="cpu", precision=Precision.FP32)
        before = model.weights()["first.running_var"]
        train(backend.trainer(model, StepPlan(CrossEntropy(), (1.0,), Sgd())), [data], 0.0)
        found = model.weights()["first.running_var"]
        unbiased, biased = (0.9 * before + 0.1 * values.var((0, 1, 2), ddof=ddof) for ddof in (1, 0))
        np.testing.assert_allclose(found, unbiased, rtol=1e-5, err_msg=backend.name)
        assert differs(biased, unbiased)


def test_scale_shift_mean_and_variance_of_a_norm_go_by_name() -> None:
    spec = one(Norm())
    right, held = everywhere(spec, pixels()), lively(spec.graph, 1)
    swapped = {**held, "only.weight": held["only.bias"], "only.bias": held["only.weight"]}
    assert differs(NumpyModel(spec, swapped).logits(pixels())[0], right)


def test_concatenation_keeps_the_order_written() -> None:
    def joined(*order: str) -> ModelSpec:
        first, second = (Node(name, Conv(2, kernel=1), (IMAGE,)) for name in ("first", "second"))
        return spec_of(first, second, Node("joined", Concat(), order))

    one_way, other = (everywhere(joined(*order), pixels()) for order in (("first", "second"), ("second", "first")))
    assert differs(one_way, other)


@pytest.mark.parametrize("size", [(16, 12), (13, 9)])
@pytest.mark.parametrize("mode", MODES)
def test_resizing_is_half_pixel_bilinear_without_antialias_or_centred_nearest(mode: str, size: tuple[int, int]) -> None:
    small = Node("small", Conv(3, kernel=3, stride=3, padding=1), (IMAGE,))
    down = Node("down", Resize(mode), (IMAGE, "small"))
    up = Node("up", Resize(mode), ("down", IMAGE))
    right = everywhere(spec_of(small, down, up, stride=3), pixels(*size))
    assert differs(right[:, :, ::-1], right)


def test_bicubic_transposed_convolution_and_padded_average_pool_are_not_offered() -> None:
    assert set(MODES) == {"bilinear", "nearest"}
    kinds = {operation.kind for operation in OPERATIONS}
    assert kinds.isdisjoint({"transposed_conv", "conv_transpose", "average_pool"})


def test_kernels_are_out_in_height_width_at_the_border() -> None:
    spec = one(Conv(3, kernel=3, padding=1))
    right, held = everywhere(spec, pixels()), lively(spec.graph, 1)
    for axes in ((1, 0, 2, 3), (0, 1, 3, 2)):
        turned = {"only.weight": np.ascontiguousarray(held["only.weight"].transpose(axes))}
        assert differs(NumpyModel(spec, turned).logits(pixels())[0], right)


@pytest.mark.parametrize(
    "conv",
    [
        Conv(6, kernel=3, padding=1, groups=3),
        Conv(3, kernel=3, padding=1, groups=3, bias=True),
        Conv(6, kernel=3, stride=2, padding=1, groups=3),
    ],
    ids=["two a channel", "depthwise", "stride 2"],
)
def test_kernels_of_groups_keep_their_channels_together(conv: Conv) -> None:
    right = everywhere(one(conv, stride=conv.stride), pixels())
    spec = one(conv, stride=conv.stride)
    held = lively(spec.graph, 1)
    assert differs(
        NumpyModel(spec, {**held, "only.weight": held["only.weight"][::-1].copy()}).logits(pixels())[0], right
    )


@pytest.mark.parametrize("size", [(12, 10), (11, 7)])
@pytest.mark.parametrize(
    "conv",
    [
        Conv(4, kernel=3, padding=2, dilation=2),
        Conv(4, kernel=3, padding=1, dilation=3),
        Conv(4, kernel=3, stride=2, padding=2, dilation=2),
        Conv(6, kernel=3, padding=2, dilation=2, groups=3),
        Conv(6, kernel=3, dilation=2, groups=2),
    ],
    ids=repr,
)
def test_dilated_kernels_with_any_padding_stride_and_groups(conv: Conv, size: tuple[int, int]) -> None:
    channels = 4 if conv.groups == 2 else 3
    wide = Node("wide", Conv(channels, kernel=1), (IMAGE,))
    spec = spec_of(wide, Node("only", conv, ("wide",)), Node("full", Resize("nearest"), ("only", IMAGE)), stride=8)
    right = everywhere(spec, pixels(*size))
    plain = attrs.evolve(conv, dilation=1, padding=min(conv.padding, 1))
    nodes = [attrs.evolve(node, operation=plain) if node.name == "only" else node for node in spec.graph.nodes]
    wrong = attrs.evolve(spec, graph=attrs.evolve(spec.graph, nodes=tuple(nodes)))
    assert differs(NumpyModel(wrong, lively(spec.graph, 1)).logits(pixels(*size))[0], right)


def test_the_slope_of_a_leaky_relu_is_a_hundredth() -> None:
    right = everywhere(one(Activation("leaky_relu")), pixels())
    assert right.min() == pytest.approx(0.01 * planar(pixels()).min(), rel=1e-5)


@pytest.mark.parametrize("function", ["gelu", "hardswish", "silu"])
def test_smooth_activations_are_the_exact_ones(function: str) -> None:
    everywhere(one(Activation(function)), pixels())


def test_the_epsilon_of_adam_is_added_after_bias_correction() -> None:
    spec, optimizer = small_spec(), Adam(epsilon=1e-3)
    data, weights = batch(spec), lively(spec.graph, 0)
    for backend in BACKENDS:
        plan = StepPlan(CrossEntropy(), (1.0, 0.5), optimizer)
        session = backend.trainer(backend.build(spec, weights, device="cpu", precision=Precision.FP32), plan)
        train(session, [data], 0.01)
        state = session.snapshot()
        m, v = (state.slots[f"{slot}/head.weight"].astype(np.float64) for slot in ("m", "v"))
        right = -0.01 * (m / 0.1) / (np.sqrt(v / 0.001) + 1e-3)
        wrong = -0.01 * (m / 0.1) / ((np.sqrt(v) + 1e-3) / np.sqrt(0.001))
        moved = state.weights["head.weight"] - weights["head.weight"]
        np.testing.assert_allclose(moved, right, rtol=0, atol=2e-7, err_msg=backend.name)
        assert np.abs(wrong - right).max() > 1e-3
