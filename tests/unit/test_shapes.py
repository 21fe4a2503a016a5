"""The shapes data set: the same from the same seed, and exactly labelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from segport.adapters.data.drawing import OUTLINES, _coverage
from segport.adapters.data.executor import ThreadExecutor
from segport.adapters.data.readers.folders import FolderReader
from segport.adapters.data.shapes import GenerateShapes, ShapesOptions, generate_shapes
from segport.domain.errors import DataError, InvalidSpecError, UnknownNameError

FEW = ShapesOptions(num_images=6, height=40, width=56, min_shape_px=12, max_shape_px=24, shapes=tuple(OUTLINES))


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.*"))}


def test_the_same_seed_gives_the_same_bytes_in_any_number_of_threads(tmp_path: Path) -> None:
    generate_shapes(tmp_path / "a", FEW, ThreadExecutor(0))
    generate_shapes(tmp_path / "b", FEW, ThreadExecutor(4))
    generate_shapes(tmp_path / "c", ShapesOptions(**{**FEW.__getstate__(), "seed": 42}))
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert tree(tmp_path / "a")["images/shapes-00000.png"] != tree(tmp_path / "c")["images/shapes-00000.png"]
    assert len(tree(tmp_path / "a")) == 13
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]


def test_an_image_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    generate_shapes(tmp_path / "six", FEW)
    generate_shapes(tmp_path / "two", ShapesOptions(**{**FEW.__getstate__(), "num_images": 2}))
    assert tree(tmp_path / "two").items() <= tree(tmp_path / "six").items()


def test_a_reader_takes_it_without_being_told_anything(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    class Wanted:
        out, num_images, height, width, seed = tmp_path / "s", 12, 48, 64, 3
        min_shape_px, max_shape_px, shapes = 16, 32, ["star", "cross"]
        overlapping = False

    GenerateShapes()(Wanted(), listen=lambda done, total: told.append((done, total)))
    assert told == [(n, 12) for n in range(1, 13)]
    reader = FolderReader()
    classes = reader.classes(tmp_path / "s")
    assert classes is not None
    assert classes.names == ("background", "star", "cross")
    items = reader.items(tmp_path / "s")
    labels = [reader.read_labels(item, classes) for item in items]
    assert {int(value) for one in labels for value in np.unique(one)} == {0, 1, 2}
    assert all(reader.read_image(item).shape == (48, 64, 3) for item in items)
    with Pillow.open(items[0].masks[0]) as mask:
        assert mask.mode == "P"


def test_a_pixel_belongs_to_what_covers_half_of_it() -> None:
    square = np.array([(2.0, 3.0), (10.0, 3.0), (10.0, 7.0), (2.0, 7.0)])
    cover = _coverage((12, 14), square)
    expected = np.zeros((12, 14))
    expected[3:7, 2:10] = 1.0
    assert np.array_equal(cover >= 0.5, expected >= 0.5)
    assert abs(cover.sum() - 32.0) < 0.15 * 32.0


def test_shapes_have_about_the_size_asked_for(tmp_path: Path) -> None:
    options = ShapesOptions(10, 96, 96, 30, 30, ("ellipse",), 1)
    generate_shapes(tmp_path / "s", options)
    spans = []
    for path in (tmp_path / "s" / "masks").iterdir():
        with Pillow.open(path) as image:
            y, x = np.nonzero(np.array(image))
        spans.append(max(np.ptp(y), np.ptp(x)) + 1)
    assert max(spans) <= 32
    assert np.median(spans) >= 28


def test_impossible_options_are_all_named() -> None:
    with pytest.raises(InvalidSpecError) as caught:
        ShapesOptions(num_images=0, min_shape_px=50, max_shape_px=20, shapes=("star", "star"))
    assert [problem.split(" ")[0] for problem in caught.value.problems] == ["num_images", "max_shape_px", "shapes"]
    with pytest.raises(UnknownNameError, match=r"'elipse'.*\n.*'ellipse'"):
        ShapesOptions(shapes=("elipse",))


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(DataError, match="not empty"):
        generate_shapes(tmp_path, FEW)
    assert tree(tmp_path) == {"mine.txt": b"precious"}


def test_nothing_is_left_of_a_generation_that_failed(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_shapes(tmp_path / "s", FEW, None, interrupt)
    assert list(tmp_path.iterdir()) == []
