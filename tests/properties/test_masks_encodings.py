"""One-hot, colour, palette and multilabel encodings: what is claimed to be invertible is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import label_binarize

from segport.domain.arrays import IGNORE
from segport.domain.errors import DataError, InvalidSpecError
from segport.domain.masks import colours, onehot, palette, planes
from segport.domain.masks.planes import Overlap

sizes = st.tuples(st.integers(1, 8), st.integers(1, 8))
channel = st.integers(0, 255)
colour = st.tuples(channel, channel, channel)


@st.composite
def labelled(draw: st.DrawFn, most: int = 255) -> tuple[np.ndarray, int]:
    classes = draw(st.integers(1, most))
    value = st.one_of(st.integers(0, classes - 1), st.just(IGNORE))
    return draw(arrays(np.uint8, draw(sizes), elements=value)), classes


@given(labelled())
def test_onehot_is_undone_exactly(case: tuple[np.ndarray, int]) -> None:
    labels, classes = case
    encoded = onehot.to_onehot(labels, classes)
    assert encoded.shape == (*labels.shape, classes)
    np.testing.assert_array_equal(encoded.sum(axis=-1), labels != IGNORE)
    np.testing.assert_array_equal(onehot.from_onehot(encoded), labels)


@given(labelled())
def test_onehot_agrees_with_scikit_learn(case: tuple[np.ndarray, int]) -> None:
    labels, classes = case
    if classes < 3:  # scikit-learn writes two classes as one column
        classes = 3
    expected = label_binarize(labels.ravel(), classes=range(IGNORE + 1))[:, :classes]
    np.testing.assert_array_equal(onehot.to_onehot(labels, classes).reshape(-1, classes), expected)


def test_onehot_of_no_class_is_refused() -> None:
    with pytest.raises(DataError, match=r"Labels \[3, 9\] are neither one of 3 classes nor 255"):
        onehot.to_onehot(np.array([[0, 3, 9]], np.uint8), 3)
    with pytest.raises(DataError, match="1 pixels belong to several classes"):
        onehot.from_onehot(np.array([[[1, 1], [0, 1]]]))
    with pytest.raises(DataError, match="0 and 1 only"):
        onehot.from_onehot(np.array([[[0, 2]]]))
    with pytest.raises(DataError, match="255 classes apart, not 256"):
        onehot.from_onehot(np.zeros((1, 1, 256), np.uint8))


@given(st.lists(colour, min_size=2, max_size=40, unique=True), sizes, st.data())
def test_colours_are_undone_exactly(
    entries: list[tuple[int, int, int]], size: tuple[int, int], data: st.DataObject
) -> None:
    *classes, ignored = entries
    value = st.one_of(st.integers(0, len(classes) - 1), st.just(IGNORE))
    labels = data.draw(arrays(np.uint8, size, elements=value))
    rgb = colours.to_colours(labels, classes, ignored)
    for y, x in np.ndindex(size):
        assert tuple(rgb[y, x]) == (ignored if labels[y, x] == IGNORE else classes[labels[y, x]])
    np.testing.assert_array_equal(colours.from_colours(rgb, classes, [ignored]), labels)


@given(st.lists(colour, min_size=1, max_size=20, unique=True), st.data())
def test_every_unknown_colour_is_counted(entries: list[tuple[int, int, int]], data: st.DataObject) -> None:
    known = entries[: data.draw(st.integers(0, len(entries)))]
    drawn = data.draw(st.lists(st.sampled_from(entries), min_size=1, max_size=30))
    labels, unknown = colours.match_colours(np.array([drawn], np.uint8), known)
    expected = {entry: drawn.count(entry) for entry in drawn if entry not in known}
    assert {entry.colour: entry.pixels for entry in unknown} == expected
    assert [entry.pixels for entry in unknown] == sorted(expected.values(), reverse=True)
    assert labels.tolist() == [[known.index(entry) if entry in known else IGNORE for entry in drawn]]


@given(arrays(np.uint8, st.tuples(st.integers(0, 20), st.just(3))))
def test_packed_colours_are_undone_exactly(rgb: np.ndarray) -> None:
    np.testing.assert_array_equal(colours.unpack(colours.pack(rgb)), rgb)


def test_colour_errors() -> None:
    white = np.full((2, 2, 3), 255, np.uint8)
    with pytest.raises(DataError, match=r"colour \(255, 255, 255\): 4 pixels"):
        colours.from_colours(white, [(0, 0, 0)])
    with pytest.raises(InvalidSpecError, match="share one colour"):
        colours.from_colours(white, [(255, 255, 255)], [(255, 255, 255)])
    with pytest.raises(DataError, match=r"\(H, W, 3\) uint8; found \(2, 2\) uint8"):
        colours.from_colours(white[..., 0], [(0, 0, 0)])
    with pytest.raises(DataError, match=r"Labels \[2\] have no colour"):
        colours.to_colours(np.array([[2]], np.uint8), [(0, 0, 0), (1, 1, 1)])


@given(labelled())
def test_palette_indices_are_undone_exactly(case: tuple[np.ndarray, int]) -> None:
    labels, classes = case
    np.testing.assert_array_equal(palette.from_indices(palette.to_indices(labels, classes), classes), labels)


@given(st.lists(colour, max_size=255))
def test_a_palette_holds_every_colour_at_its_index(entries: list[tuple[int, int, int]]) -> None:
    flat = palette.to_palette(entries)
    assert len(flat) == 768
    assert [tuple(row) for row in palette.palette_colours(flat)[: len(entries)]] == entries
    assert tuple(palette.palette_colours(flat)[IGNORE]) == palette.IGNORE_COLOUR


def test_short_palettes_are_filled_with_black() -> None:
    table = palette.palette_colours([1, 2, 3, 4, 5, 6])
    assert table[:3].tolist() == [[1, 2, 3], [4, 5, 6], [0, 0, 0]]
    assert not table[2:].any()


@pytest.mark.parametrize("broken", [[1, 2], [0] * 771, [0, 0, 256]])
def test_broken_palettes_are_refused(broken: list[int]) -> None:
    with pytest.raises(DataError):
        palette.palette_colours(broken)


def test_the_voc_palette_is_the_published_one() -> None:
    published = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128)]
    assert [palette.voc_colour(index) for index in range(7)] == published
    assert palette.voc_colour(15) == (192, 128, 128)
    assert palette.voc_colour(255) == palette.IGNORE_COLOUR


@pytest.mark.parametrize("count", [0, 1, 8, 9, 255])
def test_default_colours_are_distinct(count: int) -> None:
    chosen = palette.default_colours(count)
    assert len({*chosen, palette.IGNORE_COLOUR}) == count + 1
    assert chosen == palette.default_colours(255)[:count]


def test_there_is_no_room_for_256_classes() -> None:
    with pytest.raises(InvalidSpecError, match="256"):
        palette.default_colours(256)
    with pytest.raises(InvalidSpecError, match="256"):
        palette.to_palette([(0, 0, 0)] * 256)
    with pytest.raises(DataError, match=r"\(H, W\) uint8; found \(2,\) uint8"):
        palette.to_indices(np.zeros(2, np.uint8), 4)
    with pytest.raises(DataError, match=r"\[4\]"):
        palette.from_indices(np.array([[4]], np.uint8), 4)


stacks = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(0, 6)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1))
)


@given(stacks, st.sampled_from([Overlap.FIRST, Overlap.LAST, Overlap.SMALLEST]), st.integers(0, 3))
def test_overlaps_go_to_the_plane_the_rule_names(stack: np.ndarray, rule: Overlap, first: int) -> None:
    labels = planes.from_planes(stack, rule, first=first, uncovered=9)
    areas = stack.sum(axis=(0, 1))
    for y, x in np.ndindex(labels.shape):
        claims = [int(k) for k in np.flatnonzero(stack[y, x])]
        winner = {
            Overlap.FIRST: lambda claims: min(claims),
            Overlap.LAST: lambda claims: max(claims),
            Overlap.SMALLEST: lambda claims: min((int(areas[k]), k) for k in claims)[1],
        }[rule]
        assert labels[y, x] == (first + winner(claims) if claims else 9)


@given(labelled(most=6), st.sampled_from(Overlap), st.integers(0, 3))
def test_planes_are_undone_exactly(case: tuple[np.ndarray, int], rule: Overlap, first: int) -> None:
    labels, classes = case
    shifted = np.where(labels == IGNORE, IGNORE, labels + first).astype(np.uint8)
    stack = planes.to_planes(shifted, classes, first=first)
    np.testing.assert_array_equal(planes.from_planes(stack, rule, first=first), shifted)


def test_overlapping_planes_are_refused_when_asked() -> None:
    stack = np.zeros((2, 2, 3), np.uint8)
    stack[0, :, 0] = 1
    stack[:, 0, 2] = 1
    with pytest.raises(DataError, match=r"1 pixels lie in several planes \(of \[0, 2\]\)"):
        planes.from_planes(stack, Overlap.REFUSE)
    with pytest.raises(InvalidSpecError, match="do not fit below 255"):
        planes.from_planes(stack, Overlap.FIRST, first=253)
    with pytest.raises(DataError, match=r"\(H, W, K\)"):
        planes.from_planes(stack[..., 0], Overlap.FIRST)
