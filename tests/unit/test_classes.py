"""The class map: what it encodes, what it refuses, and what it says then."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segport.domain.arrays import IGNORE
from segport.domain.classes import ClassMap, SegmentClass
from segport.domain.errors import DataError, InvalidSpecError, UnknownNameError

ROADS = ClassMap.of(["sky", "road", "car"])


@st.composite
def class_maps(draw: st.DrawFn) -> ClassMap:
    letters = st.characters(exclude_categories=["Cs", "Cc"])
    names = draw(st.lists(st.text(letters, min_size=1, max_size=4), min_size=1, max_size=6, unique=True))
    channel = st.integers(0, 255)
    colours = draw(st.lists(st.tuples(channel, channel, channel), min_size=8, max_size=8, unique=True))
    values = draw(st.lists(st.integers(0, 65535), min_size=14, max_size=14, unique=True))
    classes = tuple(SegmentClass(n, colours[i], tuple(values[2 * i : 2 * i + 2])) for i, n in enumerate(names))
    return ClassMap(classes, ignored=tuple(values[12:]), ignored_colours=tuple(colours[6:]))


def test_a_map_knows_its_names_colours_and_indices() -> None:
    assert len(ROADS) == 3
    assert ROADS.names == ("sky", "road", "car")
    assert ROADS.colours.dtype == np.uint8
    assert ROADS.colours.tolist() == [[0, 0, 0], [230, 159, 0], [86, 180, 233]]
    assert ROADS.index("car") == 2
    assert ROADS.palette()[3:6] == [230, 159, 0]
    assert ROADS.palette()[-3:] == [224, 224, 192]
    with pytest.raises(UnknownNameError, match="Did you mean 'road'"):
        ROADS.index("raod")


def test_nothing_is_ignored_unless_it_is_said() -> None:
    assert ROADS.ignored == ()
    with pytest.raises(DataError, match="value 255: 1 pixel"):
        ROADS.encode(np.array([[0, 1, 255]], np.uint8))
    assert ROADS.with_ignored([255]).encode(np.array([[0, 1, 255]], np.uint8)).tolist() == [[0, 1, IGNORE]]


def test_a_binary_map_takes_both_conventions() -> None:
    labels = ClassMap.binary("nucleus").encode(np.array([[0, 255], [1, 0]], np.uint8))
    assert labels.tolist() == [[0, 1], [1, 0]]
    assert ClassMap.binary("nucleus").names == ("background", "nucleus")
    assert ClassMap.binary().encode(np.array([[True, False]])).tolist() == [[1, 0]]


def test_ignoring_a_value_takes_it_from_its_class() -> None:
    ignoring = ClassMap.binary().with_ignored([255, 7])
    assert ignoring.classes[1].values == (1,)
    assert ignoring.encode(np.array([[0, 1, 255, 7]], np.uint8)).tolist() == [[0, 1, IGNORE, IGNORE]]
    assert ignoring.with_ignored([9]).ignored == (7, 9, 255)


@given(class_maps(), st.data())
def test_encoding_is_a_look_up_of_every_pixel(classes: ClassMap, data: st.DataObject) -> None:
    meaning = {value: index for index, entry in enumerate(classes.classes) for value in entry.values}
    meaning |= dict.fromkeys(classes.ignored, IGNORE)
    raw = data.draw(st.lists(st.sampled_from(sorted(meaning)), min_size=1, max_size=20))
    for dtype in (np.uint16, np.int32, np.int64):
        labels = classes.encode(np.array([raw], dtype))
        assert labels.dtype == np.uint8
        assert labels.tolist() == [[meaning[value] for value in raw]]


@given(class_maps(), st.data())
def test_encoding_colours_is_a_look_up_of_every_pixel(classes: ClassMap, data: st.DataObject) -> None:
    meaning = {entry.colour: index for index, entry in enumerate(classes.classes)}
    meaning |= dict.fromkeys(classes.ignored_colours, IGNORE)
    rgb = data.draw(st.lists(st.sampled_from(sorted(meaning)), min_size=1, max_size=20))
    assert classes.encode_colours(np.array([rgb], np.uint8)).tolist() == [[meaning[colour] for colour in rgb]]


@given(st.lists(st.integers(-3, 70000), min_size=1, max_size=40))
def test_every_unknown_value_is_named_with_its_pixels(raw: list[int]) -> None:
    unknown = {value for value in raw if value not in (0, 1, 2)}
    if not unknown:
        assert ROADS.encode(np.array([raw], np.int64)).tolist() == [raw]
        return
    with pytest.raises(DataError) as caught:
        ROADS.encode(np.array([raw], np.int64), where="masks/a.png")
    text = str(caught.value)
    assert text.startswith(f"masks/a.png holds {len(unknown)} value")
    for value in unknown if len(unknown) <= 16 else ():
        assert f"value {value}: {raw.count(value)} pixel" in text
    for value in unknown:
        assert str(value) in text


@pytest.mark.parametrize(("value", "dtype"), [(255, np.int8), (65535, np.int16), (65535, np.int64)])
def test_negative_values_are_not_taken_for_large_ones(value: int, dtype: type[np.generic]) -> None:
    classes = ClassMap((SegmentClass("a", (0, 0, 0), (value,)),))
    with pytest.raises(DataError, match="value -1: 1 pixel"):
        classes.encode(np.array([[-1]], dtype))


def test_the_most_frequent_unknown_value_comes_first() -> None:
    with pytest.raises(DataError) as caught:
        ROADS.encode(np.array([[9, 4, 9, 0]], np.uint8))
    assert caught.value.problems == ("value 9: 2 pixels (50 %)", "value 4: 1 pixel (25 %)")


@pytest.mark.parametrize(
    ("raw", "dtype", "hint"),
    [
        ([0, 255], np.uint8, "0/255 binary mask"),
        ([255, 255], np.uint8, "0/255 binary mask"),
        ([0, 65535], np.uint16, "0/65535 binary mask"),
        ([0, 1, 255], np.uint8, "255 is often ignore: pass --ignore 255"),
        ([1, 2, 3], np.uint8, "labels start at 1"),
        ([0, 9, 7], np.uint8, "--ignore 7,9"),
        (list(range(200)), np.uint8, "JPEG compression"),
    ],
)
def test_unknown_values_come_with_the_likely_fix(raw: list[int], dtype: type[np.generic], hint: str) -> None:
    with pytest.raises(DataError) as caught:
        ROADS.encode(np.array([raw], dtype))
    assert hint in caught.value.fix


def test_unknown_colours_are_counted_and_come_with_the_likely_fix() -> None:
    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[0] = (1, 2, 3)
    with pytest.raises(DataError, match=r"b.png holds 1 colour that belongs to no class") as caught:
        ROADS.encode_colours(rgb, where="b.png")
    assert caught.value.problems == ("colour (1, 2, 3): 2 pixels (50 %)",)
    assert "class_dict.csv" in caught.value.fix
    noise = np.random.default_rng(1).integers(1, 80, (16, 16, 3)).astype(np.uint8)
    with pytest.raises(DataError, match="JPEG compression") as caught:
        ROADS.encode_colours(noise)
    assert len(caught.value.problems) == 17
    assert "more colours" in caught.value.problems[-1]


@pytest.mark.parametrize("raw", [np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.float32), np.zeros(4, np.uint8)])
def test_other_shapes_and_dtypes_are_refused(raw: np.ndarray) -> None:
    with pytest.raises(DataError, match="expected an index mask"):
        ROADS.encode(raw)


def test_every_fault_of_a_map_is_shown_at_once() -> None:
    with pytest.raises(InvalidSpecError) as caught:
        ClassMap(
            (SegmentClass("a", (0, 0, 0), (0, 70000)), SegmentClass("a", (0, 0, 0), (1,))),
            ignored=(1, -1),
            ignored_colours=((0, 300, 0),),
        )
    assert caught.value.problems == (
        "the class name 'a' is given more than once",
        "the colour (0, 0, 0) is given more than once",
        "the raw value 1 is given more than once",
        "the raw value 70000 is not within 0 to 65535",
        "the raw value -1 is not within 0 to 65535",
        "the colour (0, 300, 0) is not within 0 to 255",
    )


@pytest.mark.parametrize("count", [0, 256])
def test_there_are_1_to_255_classes(count: int) -> None:
    assert len(ClassMap.of([str(index) for index in range(255)])) == 255
    with pytest.raises(InvalidSpecError, match=f"1 to 255 classes, not {count}"):
        ClassMap.of([str(index) for index in range(count)])


@given(class_maps())
def test_a_map_survives_json(classes: ClassMap) -> None:
    assert ClassMap.from_data(json.loads(json.dumps(classes.to_data()))) == classes


@pytest.mark.parametrize(
    "data", [{}, {"classes": [{"name": "a"}]}, {"classes": [{"name": "a", "colour": [1], "values": []}]}]
)
def test_other_data_is_no_class_map(data: dict[str, object]) -> None:
    with pytest.raises(InvalidSpecError, match="no class map"):
        ClassMap.from_data(data)
    with pytest.raises(InvalidSpecError, match="1 to 255 classes"):
        ClassMap.from_data({"classes": []})
