"""class_dict.csv in the variants that exports come in, and every mistake at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segport.domain.classes import ClassMap, SegmentClass, format_class_dict, parse_class_dict
from segport.domain.errors import DataError

TWO = ClassMap((SegmentClass("sky", (128, 128, 128), (0,)), SegmentClass("road", (128, 64, 0), (1,))))


@pytest.mark.parametrize(
    "text",
    [
        "name,r,g,b\nsky,128,128,128\nroad,128,64,0\n",
        "name,r,g,b\nsky,128, 128, 128\nroad,128,64, 0",
        "\ufeffName,R,G,B\r\nsky,128,128,128\r\nroad,128,64,0\r\n",
        "name,r,g,b\rsky,128,128,128\rroad,128,64,0\r",
        " Red , Green, Blue, Class_Name \n128,128,128,sky\n\n128,64,0,road\n  \n",
        "class_index,label,r,g,b\n1,road,128,64,0\n0,sky,128,128,128\n",
        ",name,r,g,b\n0,sky,128,128,128\n1,road,128,64,0\n",
        "name;r;g;b\nsky;128;128;128\nroad;128;64;0\n",
        "name\tr\tg\tb\nsky\t128\t128\t128\nroad\t128\t64\t0\n",
        'name, r, g, b\n"sky", "128", "128", "128"\n"road", "128", "64", "0"\n',
        'name,r,g,b,remark\n"sky",128,128,128,up\n"road",128,64,0,"down, flat"\n',
        "name,r,g,b,ignore\nsky,128,128,128,0\nroad,128,64,0,False\n",
    ],
)
def test_common_headers_are_understood(text: str) -> None:
    assert parse_class_dict(text) == TWO


def test_an_index_column_gives_raw_values_and_the_order() -> None:
    classes = parse_class_dict("id,name,r,g,b\n11,road,1,1,1\n7,sky,2,2,2\n300,car,3,3,3\n")
    assert classes.names == ("sky", "road", "car")
    assert [entry.values for entry in classes.classes] == [(7,), (11,), (300,)]


def test_rows_flagged_as_void_are_ignored_by_value_and_colour() -> None:
    classes = parse_class_dict("name,r,g,b,void\nsky,1,1,1,0\nborder,2,2,2,yes\nroad,3,3,3,\n")
    assert classes.names == ("sky", "road")
    assert [entry.values for entry in classes.classes] == [(0,), (2,)]  # rows are counted, ignored or not
    assert classes.ignored == (1,)
    assert classes.ignored_colours == ((2, 2, 2),)


def test_a_row_called_void_is_a_class_unless_it_is_flagged() -> None:
    assert parse_class_dict("name,r,g,b\nvoid,0,0,0\nsky,1,1,1\n").names == ("void", "sky")


def test_every_mistake_is_reported_at_once_with_its_row() -> None:
    text = (
        "index,name,r,g,b,ignore\n"
        "0,sky,1,x,1,0\n"
        "0,sky,1,2,256,maybe\n"
        "\n"
        "70000,,7,7,7,0\n"
        "3,road\n"
        "-1,car,7,7,7,0\n"
        "1.5,bus,-8,8,8,0\n"
    )
    with pytest.raises(DataError, match=r"my\.csv cannot be used") as caught:
        parse_class_dict(text, where="my.csv")
    assert caught.value.problems == (
        "row 2, column g: expected an integer, found 'x'",
        "row 3, column b: expected 0 to 255, found 256",
        "row 3, column ignore: expected 0 or 1, found 'maybe'",
        "row 5, column index: expected 0 to 65535, found 70000",
        "row 5, column name: it is empty",
        "row 6: expected at least 6 columns, found 2",
        "row 7, column index: expected 0 to 65535, found -1",
        "row 8, column r: expected 0 to 255, found -8",
        "row 8, column index: expected an integer, found '1.5'",
        "row 3: name 'sky' was given in row 2 already",
        "row 7: colour (7, 7, 7) was given in row 5 already",
        "row 3: index 0 was given in row 2 already",
    )


def test_missing_columns_are_named_with_the_header_that_was_found() -> None:
    with pytest.raises(DataError, match=r"no column name, b; its header is 'colour, r, g'") as caught:
        parse_class_dict("colour,r,g\n1,2,3\n")
    assert "name,r,g,b" in caught.value.fix


def test_tables_without_classes_are_refused() -> None:
    with pytest.raises(DataError, match=r"class_dict\.csv is empty"):
        parse_class_dict(" \n\n")
    with pytest.raises(DataError, match="no table of text"):
        parse_class_dict("name,r,g,b\n" + "x" * 200_000)
    with pytest.raises(DataError, match="1 to 255 classes, found 0"):
        parse_class_dict("name,r,g,b\n")
    rows = "".join(f"c{index},{index},0,0\n" for index in range(256))
    with pytest.raises(DataError, match="1 to 255 classes, found 256"):
        parse_class_dict("name,r,g,b\n" + rows)


channel = st.integers(0, 255)
# Spaces around a name are not kept, and a NUL or a lone surrogate cannot stand in a text file.
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).map(str.strip).filter(bool)


@given(
    st.lists(names, min_size=1, max_size=9, unique=True),
    st.lists(st.tuples(channel, channel, channel), min_size=9, max_size=9, unique=True),
)
def test_what_is_written_is_read_again(chosen: list[str], colours: list[tuple[int, int, int]]) -> None:
    classes = ClassMap(tuple(SegmentClass(name, colours[i], (i,)) for i, name in enumerate(chosen)))
    assert parse_class_dict(format_class_dict(classes)) == classes


def test_the_written_form_is_plain() -> None:
    assert format_class_dict(TWO) == "name,r,g,b\nsky,128,128,128\nroad,128,64,0\n"
