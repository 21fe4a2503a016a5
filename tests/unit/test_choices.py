"""A part by name with options, as text and as a table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segport.domain.choices import Choice
from segport.domain.errors import InvalidSpecError

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True)
OPTIONS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(alphabet='ab,"[]{}\\\\ =:é\\n', max_size=6)
VALUES = st.recursive(
    NUMBERS | st.booleans() | st.none() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=5,
)


@given(name=NAMES, options=st.dictionaries(OPTIONS, VALUES, max_size=4))
def test_what_is_written_is_read_back(name: str, options: dict[str, Any]) -> None:
    choice = Choice(name, options)
    assert Choice.of(str(choice)) == choice
    assert Choice.of({"name": name, **options}) == choice or "name" in options
    assert Choice.of(choice) is choice


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("unet", Choice("unet")),
        (" unet ", Choice("unet")),
        ("unet:", Choice("unet")),
        ("focal:gamma=2", Choice("focal", {"gamma": 2})),
        ("focal: gamma = 2.5 , alpha=1e-3", Choice("focal", {"gamma": 2.5, "alpha": 0.001})),
        ("unet:deep-supervision=true", Choice("unet", {"deep_supervision": True})),
        ("unet:decoder_channels=[64,32],dropout=0", Choice("unet", {"decoder_channels": [64, 32], "dropout": 0})),
        ("unet:upsampling=nearest", Choice("unet", {"upsampling": "nearest"})),
        ('unet:upsampling="near,est"', Choice("unet", {"upsampling": "near,est"})),
        ("plateau:mode=a=b", Choice("plateau", {"mode": "a=b"})),
    ],
)
def test_text_says_what_people_mean_by_it(text: str, choice: Choice) -> None:
    assert Choice.of(text) == choice


def test_a_table_may_write_hyphens_too() -> None:
    assert Choice.of({"name": "unet", "deep-supervision": True}) == Choice.of("unet:deep-supervision=true")


@pytest.mark.parametrize("value", ["", 3, None, {}, {"name": 3}, {"options": 1}, ["unet"]])
def test_what_is_no_name_says_how_to_write_one(value: Any) -> None:
    with pytest.raises(InvalidSpecError, match="is not a name") as caught:
        Choice.of(value)
    assert "name:option=value" in caught.value.fix


@pytest.mark.parametrize("text", ["unet:deep", "unet:=3", "unet:a=1,b"])
def test_what_is_no_option_is_quoted(text: str) -> None:
    with pytest.raises(InvalidSpecError, match="is not an option"):
        Choice.of(text)
