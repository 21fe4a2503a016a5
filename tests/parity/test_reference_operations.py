"""The NumPy operations against torch's, one by one, in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segport.adapters.reference import ops
from segport.domain.architecture.operations import FUNCTIONS

torch = pytest.importorskip("torch", exc_type=ModuleNotFoundError)
functional = torch.nn.functional

sides = st.integers(1, 13)
seeds = st.integers(0, 2**31)
quick = settings(max_examples=150, deadline=None)


def normal(seed: int, *shape: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=shape)


def assert_same(ours: NDArray[np.float64], theirs: torch.Tensor, tolerance: float = 1e-12) -> None:
    assert ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=tolerance, atol=tolerance)


@quick
@given(
    seed=seeds, height=sides, width=sides, kernel=st.integers(1, 7), stride=st.integers(1, 3),
    padding=st.integers(0, 4), dilation=st.integers(1, 3), groups=st.integers(1, 3),
    inner=st.integers(1, 2), outer=st.integers(1, 3), biased=st.booleans(),
)  # fmt: skip
def test_a_convolution_is_torchs(
    seed: int, height: int, width: int, kernel: int, stride: int, padding: int, dilation: int, groups: int, inner: int,
    outer: int, biased: bool,
) -> None:  # fmt: skip
    assume(min(height, width) + 2 * padding >= dilation * (kernel - 1) + 1)
    x = normal(seed, 2, groups * inner, height, width)
    weight = normal(seed + 1, groups * outer, inner, kernel, kernel)
    bias = normal(seed + 2, groups * outer) if biased else None
    sizes = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    theirs = functional.conv2d(*(None if a is None else torch.from_numpy(a) for a in (x, weight, bias)), **sizes)
    assert_same(ops.convolve(x, weight, bias, **sizes), theirs, 1e-10)


@quick
@given(
    seed=seeds, height=sides, width=sides, kernel=st.integers(1, 4), stride=st.integers(1, 3), padding=st.integers(0, 2)
)
def test_a_max_pool_is_torchs_even_where_everything_is_negative(
    seed: int, height: int, width: int, kernel: int, stride: int, padding: int
) -> None:
    assume(2 * padding <= kernel <= min(height, width) + 2 * padding)
    x = normal(seed, 2, 3, height, width) - 10.0
    theirs = functional.max_pool2d(torch.from_numpy(x), kernel, stride, padding)
    assert_same(ops.max_pool(x, kernel=kernel, stride=stride, padding=padding), theirs)


@quick
@given(seed=seeds, height=sides, width=sides, to_height=sides, to_width=sides)
def test_bilinear_resizing_is_torchs_without_aligned_corners(
    seed: int, height: int, width: int, to_height: int, to_width: int
) -> None:
    x = normal(seed, 2, 3, height, width)
    theirs = functional.interpolate(torch.from_numpy(x), (to_height, to_width), mode="bilinear", align_corners=False)
    assert_same(ops.resize(x, (to_height, to_width), "bilinear"), theirs)


@quick
@given(seed=seeds, height=sides, width=sides, to_height=sides, to_width=sides)
def test_nearest_resizing_is_the_exact_one(seed: int, height: int, width: int, to_height: int, to_width: int) -> None:
    # Where a centre falls exactly between two pixels, torch's float32 scale decides by its rounding; ours is exact.
    for length, target in ((height, to_height), (width, to_width)):
        assume(target % length == 0 or all((2 * i + 1) * length % (2 * target) for i in range(target)))
    x = normal(seed, 2, 3, height, width)
    theirs = functional.interpolate(torch.from_numpy(x), (to_height, to_width), mode="nearest-exact")
    assert_same(ops.resize(x, (to_height, to_width), "nearest"), theirs)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_activation_is_torchs(function: str) -> None:
    x = np.concatenate([np.linspace(-12, 12, 241), [-800.0, 0.0, 800.0]]).reshape(1, 1, 2, -1)
    owner = torch if function == "sigmoid" else functional
    assert_same(ops.activate(x, function), getattr(owner, function)(torch.from_numpy(x)), 1e-11)


def test_a_sigmoid_keeps_its_digits_where_it_is_nearly_zero() -> None:
    x = np.linspace(-700, -30, 50).reshape(1, 1, 5, 10)
    np.testing.assert_allclose(ops.activate(x, "sigmoid"), torch.sigmoid(torch.from_numpy(x)).numpy(), rtol=1e-12)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("epsilon", [1e-5, 1e-3])
def test_a_norm_is_torchs(training: bool, epsilon: float) -> None:
    x = normal(0, 3, 5, 4, 7) * 3 + 1
    mean, scale, shift = (normal(i, 5) for i in (1, 2, 3))
    variance = normal(4, 5) ** 2
    theirs = functional.batch_norm(
        *(torch.from_numpy(a.copy()) for a in (x, mean, variance, scale, shift)), training=training, eps=epsilon
    )
    used = ops.batch_statistics(x) if training else (mean, variance)
    assert_same(ops.normalise(x, *used, scale, shift, epsilon), theirs, 1e-10)


@pytest.mark.parametrize("epsilon", [1e-6, 1e-3])
def test_a_layer_norm_is_torchs_over_the_channels_of_each_pixel(epsilon: float) -> None:
    x = normal(0, 3, 5, 4, 7) / 30 + 1
    scale, shift = normal(1, 5), normal(2, 5)
    last = torch.from_numpy(x.transpose(0, 2, 3, 1))
    theirs = functional.layer_norm(last, (5,), torch.from_numpy(scale), torch.from_numpy(shift), epsilon)
    assert_same(ops.normalise_channels(x, scale, shift, epsilon), theirs.permute(0, 3, 1, 2), 1e-10)


def test_a_global_mean_is_torchs() -> None:
    x = normal(0, 2, 3, 5, 4)
    assert_same(ops.global_mean(x), functional.adaptive_avg_pool2d(torch.from_numpy(x), 1))


@quick
@given(seed=seeds, height=sides, width=sides, size=st.integers(1, 8))
def test_a_mean_over_a_grid_is_torchs_adaptive_one(seed: int, height: int, width: int, size: int) -> None:
    x = normal(seed, 2, 3, height, width)
    assert_same(ops.grid_mean(x, size), functional.adaptive_avg_pool2d(torch.from_numpy(x), size))


@quick
@given(seed=seeds, heads=st.integers(1, 4), width=st.integers(1, 3), size=st.tuples(sides, sides, sides, sides))
def test_attention_is_torchs_without_its_projections(
    seed: int, heads: int, width: int, size: tuple[int, int, int, int]
) -> None:
    channels = heads * width
    maps = [normal(seed + i, 2, channels, *(size[2:] if i else size[:2])) for i in range(3)]
    theirs = torch.nn.MultiheadAttention(channels, heads, bias=False, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.eye(channels).repeat(3, 1))
        theirs.out_proj.weight.copy_(torch.eye(channels))
        pixels = (torch.from_numpy(x).flatten(2).transpose(1, 2) for x in maps)
        found = theirs(*pixels, need_weights=False)[0]
    assert_same(ops.attend(*maps, heads), found.transpose(1, 2).reshape(maps[0].shape), 1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_operation_keeps_the_dtype(dtype: type[np.float32]) -> None:
    x = normal(0, 1, 2, 4, 4).astype(dtype)
    one = np.ones(2, dtype)
    results = [
        ops.convolve(x, normal(1, 2, 2, 3, 3).astype(dtype), one, stride=1, padding=1, dilation=1, groups=1),
        ops.max_pool(x, kernel=2, stride=2, padding=0),
        ops.normalise(x, one, one, one, one, 1e-5),
        ops.normalise_channels(x, one, one, 1e-6),
        *(ops.resize(x, (7, 3), mode) for mode in ("bilinear", "nearest")),
        *(ops.activate(x, function) for function in FUNCTIONS),
        ops.global_mean(x),
        ops.grid_mean(x, 3),
        ops.attend(x, x, x, 2),
    ]
    assert [result.dtype for result in results] == [dtype] * len(results)
