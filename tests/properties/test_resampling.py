"""The one mask rule against a plain loop in fractions, and frames that can be undone."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from unittest.mock import patch

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segport.domain.arrays import IGNORE
from segport.domain.errors import DataError, InvalidSpecError
from segport.domain.resampling import Fit, Frame, resize_bilinear, resize_labels

sides = st.integers(1, 9)
sizes = st.tuples(sides, sides)
label_values = st.sampled_from([0, 1, 2, 254, IGNORE])
label_maps = sizes.flatmap(lambda size: arrays(np.uint8, size, elements=label_values))
wide = st.tuples(st.integers(1, 40), st.integers(1, 40))


def spans(source: int, target: int, index: int) -> dict[int, Fraction]:
    """Which source pixels a target pixel draws on along one axis, and how much of each: the rule as a sentence."""
    if target >= source:
        return {math.floor((Fraction(index) + Fraction(1, 2)) * source / target): Fraction(1)}
    low, high = Fraction(index * source, target), Fraction((index + 1) * source, target)
    shares = {i: min(high, Fraction(i + 1)) - max(low, Fraction(i)) for i in range(source)}
    return {i: share for i, share in shares.items() if share > 0}


def by_the_book(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    result = np.empty(size, np.uint8)
    for y in range(size[0]):
        for x in range(size[1]):
            area: Counter[int] = Counter()
            for i, high in spans(labels.shape[0], size[0], y).items():
                for j, wide_share in spans(labels.shape[1], size[1], x).items():
                    area[int(labels[i, j])] += high * wide_share
            valid = sum(share for label, share in area.items() if label != IGNORE)
            if 2 * valid < sum(area.values()):
                result[y, x] = IGNORE
            else:
                result[y, x] = min((-share, label) for label, share in area.items() if label != IGNORE)[1]
    return result


@settings(deadline=None)
@given(label_maps, sizes)
def test_resized_labels_follow_the_rule_by_the_book(labels: np.ndarray, size: tuple[int, int]) -> None:
    resized = resize_labels(labels, size)
    assert resized.dtype == np.uint8
    np.testing.assert_array_equal(resized, by_the_book(labels, size))


@settings(deadline=None, max_examples=40)
@given(wide.flatmap(lambda size: arrays(np.uint8, size, elements=label_values)), sizes, st.integers(1, 60))
def test_a_mask_reduced_block_by_block_is_the_same(labels: np.ndarray, size: tuple[int, int], most: int) -> None:
    with patch("segport.domain.resampling._AT_ONCE", most):
        blocked = resize_labels(labels, size)
    np.testing.assert_array_equal(blocked, resize_labels(labels, size))


@given(label_maps)
def test_resizing_to_the_same_size_is_a_copy(labels: np.ndarray) -> None:
    resized = resize_labels(labels, labels.shape)
    np.testing.assert_array_equal(resized, labels)
    assert not np.shares_memory(resized, labels)


@given(label_maps, st.integers(1, 4), st.integers(1, 4))
def test_enlarging_by_whole_factors_and_back_loses_nothing(labels: np.ndarray, rows: int, columns: int) -> None:
    enlarged = resize_labels(labels, (labels.shape[0] * rows, labels.shape[1] * columns))
    np.testing.assert_array_equal(enlarged, np.kron(labels, np.ones((rows, columns), np.uint8)))
    np.testing.assert_array_equal(resize_labels(enlarged, labels.shape), labels)


@given(label_maps, sizes)
def test_reducing_commutes_with_flips(labels: np.ndarray, size: tuple[int, int]) -> None:
    size = (min(size[0], labels.shape[0]), min(size[1], labels.shape[1]))
    np.testing.assert_array_equal(resize_labels(labels[::-1, ::-1], size), resize_labels(labels, size)[::-1, ::-1])


def test_an_ignored_border_does_not_eat_what_it_surrounds() -> None:
    labels = np.array([[IGNORE, 1, IGNORE, 1], [2, 1, 1, IGNORE]], np.uint8)
    assert resize_labels(labels, (1, 2)).tolist() == [[1, 1]]  # the second pixel is valid by exactly half


def test_a_mostly_ignored_pixel_is_ignored() -> None:
    assert resize_labels(np.array([[IGNORE, IGNORE, 1]], np.uint8), (1, 1)).tolist() == [[IGNORE]]


def test_a_tie_goes_to_the_lowest_class() -> None:
    assert resize_labels(np.array([[7, 3]], np.uint8), (1, 1)).tolist() == [[3]]


def test_nothing_cannot_be_resized() -> None:
    with pytest.raises(DataError, match=r"\(0, 3\)"):
        resize_labels(np.zeros((0, 3), np.uint8), (2, 2))
    with pytest.raises(DataError, match=r"\(0, 2\)"):
        resize_labels(np.zeros((3, 3), np.uint8), (0, 2))


@settings(deadline=None)
@given(
    st.tuples(sides, sides, st.integers(1, 3)).flatmap(
        lambda shape: arrays(np.float32, shape, elements=st.floats(-100, 100, width=32))
    ),
    wide,
)
def test_bilinear_agrees_with_opencv(values: np.ndarray, size: tuple[int, int]) -> None:
    expected = cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR).reshape(*size, values.shape[2])
    resized = resize_bilinear(values, size)
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, expected, atol=2e-3)


@given(sizes, sizes, st.floats(-1e6, 1e6, width=32))
def test_bilinear_keeps_constants_exactly(source: tuple[int, int], size: tuple[int, int], value: float) -> None:
    resized = resize_bilinear(np.full((*source, 2), value, np.float32), size)
    np.testing.assert_array_equal(resized, np.full((*size, 2), value, np.float32))


frames = st.builds(Frame.for_fit, st.sampled_from(Fit), wide, wide, st.sampled_from([1, 2, 8, 32]))


@given(frames)
def test_frames_keep_their_promises(frame: Frame) -> None:
    (top, bottom), (left, right) = ((w.start, w.stop) for w in frame.canvas_window)
    assert 0 <= top < bottom <= frame.canvas[0]
    assert 0 <= left < right <= frame.canvas[1]
    for shown, window in zip(frame.canvas_window, frame.content_window, strict=True):
        assert shown.stop - shown.start == window.stop - window.start


@given(st.sampled_from(Fit), wide, wide, st.integers(1, 32))
def test_the_canvas_is_the_least_multiple_of_the_stride(
    fit: Fit, native: tuple[int, int], size: tuple[int, int], stride: int
) -> None:
    frame = Frame.for_fit(fit, native, size, stride)
    asked = native if fit is Fit.NATIVE else size
    for got, wanted in zip(frame.canvas, asked, strict=True):
        assert got % stride == 0
        assert 0 <= got - wanted < stride


@given(wide, wide)
def test_letterbox_shows_all_and_crop_covers_all(native: tuple[int, int], size: tuple[int, int]) -> None:
    letterbox, crop = (Frame.for_fit(fit, native, size) for fit in (Fit.LETTERBOX, Fit.CROP))
    assert any(a == b for a, b in zip(letterbox.content, letterbox.canvas, strict=True))
    assert all(a <= b for a, b in zip(letterbox.content, letterbox.canvas, strict=True))
    assert any(a == b for a, b in zip(crop.content, crop.canvas, strict=True))
    assert all(a >= b for a, b in zip(crop.content, crop.canvas, strict=True))


@given(frames, st.data())
def test_points_go_to_the_canvas_and_back(frame: Frame, data: st.DataObject) -> None:
    x, y = data.draw(st.floats(-50, 50)), data.draw(st.floats(-50, 50))
    there = frame.to_canvas @ [x, y, 1]
    np.testing.assert_allclose(frame.to_native @ there, [x, y, 1], atol=1e-6)


@given(frames)
def test_the_corners_of_the_image_are_the_corners_of_its_content(frame: Frame) -> None:
    (h, w), (y, x) = frame.native, frame.offset
    first = frame.to_canvas @ [-0.5, -0.5, 1]
    last = frame.to_canvas @ [w - 0.5, h - 0.5, 1]
    np.testing.assert_allclose(first[:2], [x - 0.5, y - 0.5], atol=1e-9)
    np.testing.assert_allclose(last[:2], [x + frame.content[1] - 0.5, y + frame.content[0] - 0.5], atol=1e-9)


@given(frames, st.integers(0, 254))
def test_a_constant_mask_comes_back_where_it_was_seen(frame: Frame, label: int) -> None:
    placed = frame.place_labels(np.full(frame.native, label, np.uint8))
    assert placed.shape == frame.canvas
    assert (placed[frame.canvas_window] == label).all()
    assert (placed == label).sum() == placed[frame.canvas_window].size
    restored = frame.restore_labels(placed)
    assert restored.shape == frame.native
    assert set(np.unique(restored)) <= {label, IGNORE}
    if frame.content_window == tuple(slice(0, n) for n in frame.content):
        assert (restored == label).all()


@given(frames, st.floats(-1e6, 1e6, width=32))
def test_constant_scores_come_back_exactly(frame: Frame, score: float) -> None:
    canvas = np.full((*frame.canvas, 2), np.nan, np.float32)  # whatever the padding holds must not leak in
    canvas[frame.canvas_window] = score
    np.testing.assert_array_equal(frame.restore(canvas), np.full((*frame.native, 2), score, np.float32))


@given(frames, st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_restoring_a_few_rows_at_a_time_gives_the_same_bits(frame: Frame, rows: int, seed: int) -> None:
    canvas = np.random.default_rng(seed).normal(size=(*frame.canvas, 2)).astype(np.float32)
    bands = [frame.restore(canvas, slice(top, top + rows)) for top in range(0, frame.native[0], rows)]
    np.testing.assert_array_equal(np.concatenate(bands), frame.restore(canvas))


@given(wide, st.integers(1, 32), st.integers(0, 2**32 - 1))
def test_native_fit_is_undone_exactly(native: tuple[int, int], stride: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    frame = Frame.for_fit(Fit.NATIVE, native, (1, 1), stride)
    labels = generator.integers(0, 256, native).astype(np.uint8)
    np.testing.assert_array_equal(frame.restore_labels(frame.place_labels(labels)), labels)
    scores = generator.normal(size=(*frame.canvas, 3)).astype(np.float32)
    np.testing.assert_array_equal(frame.restore(scores), scores[: native[0], : native[1]])


@given(wide, st.integers(1, 4), st.sampled_from(Fit), st.integers(0, 2**32 - 1))
def test_whole_enlargements_are_undone_exactly(native: tuple[int, int], factor: int, fit: Fit, seed: int) -> None:
    frame = Frame.for_fit(fit, native, (native[0] * factor, native[1] * factor))
    labels = np.random.default_rng(seed).integers(0, 256, native).astype(np.uint8)
    np.testing.assert_array_equal(frame.restore_labels(frame.place_labels(labels)), labels)


def test_crop_ignores_what_it_did_not_see() -> None:
    frame = Frame.for_fit(Fit.CROP, (2, 6), (2, 2))
    assert frame.restore_labels(np.ones((2, 2), np.uint8)).tolist() == [[255, 255, 1, 1, 255, 255]] * 2
    scores = np.array([[[1.0], [2.0]]] * 2, np.float32)
    assert frame.restore(scores)[..., 0].tolist() == [[1, 1, 1, 2, 2, 2]] * 2


def test_a_frame_refuses_arrays_of_another_size_and_impossible_sizes() -> None:
    frame = Frame.for_fit(Fit.NATIVE, (3, 5), (8, 8), 4)
    with pytest.raises(DataError, match=r"native size \(3, 5\), found \(5, 3\)"):
        frame.place_labels(np.zeros((5, 3), np.uint8))
    with pytest.raises(DataError, match=r"canvas size \(4, 8\), found \(3, 5\)"):
        frame.restore(np.zeros((3, 5, 2), np.float32))
    with pytest.raises(InvalidSpecError, match="at least 1"):
        Frame.for_fit(Fit.STRETCH, (3, 5), (0, 8))
