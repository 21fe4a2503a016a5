"""Whatever stands in a JSON file of annotations, a reader reads it or says what is wrong, and where."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segport.adapters.data.readers.coco import CocoReader
from segport.adapters.data.readers.labelme import LabelMeReader
from segport.domain.errors import SegportError
from segport.tests.properties.fuzz_seeds import COCO, IMAGE, LABELME

JUNK = st.sampled_from(
    [None, 0, -1, 1.5, float("nan"), "", "x", [], {}, [1], [[1] * 6], {"a": 1}, True, 10**12, [[[]]]]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(value[key], (*path, key))


def spoiled(whole: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    def spoil(path: tuple[Any, ...], junk: Any) -> dict[str, Any]:
        made = copy.deepcopy(whole)
        inner = made
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = junk
        return made

    return st.builds(spoil, st.sampled_from(list(places(whole))), JUNK)


@pytest.mark.parametrize(
    ("reader", "name", "contents"),
    [(CocoReader, "instances_x.json", spoiled(COCO)), (LabelMeReader, "a.json", spoiled(LABELME))],
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_errors_are_our_own(reader: Any, name: str, contents: Any, tmp_path: Path, data: st.DataObject) -> None:
    (tmp_path / "a.png").write_bytes(IMAGE)
    (tmp_path / name).write_text(json.dumps(data.draw(contents)))
    made = reader()
    with suppress(SegportError):
        made.recognises(tmp_path)
        items, classes = made.items(tmp_path), made.classes(tmp_path)
        for item in items:
            assert made.read_labels(item, classes).shape == made.read_image(item).shape[:2]
