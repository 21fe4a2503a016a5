"""Planes in files, in readers, in pictures and across the border of a framework."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from segport.adapters.data.codec import PictureCodec
from segport.adapters.data.readers.annotated import Region
from segport.adapters.data.readers.classmasks import ClassMaskReader
from segport.adapters.data.readers.coco import CocoReader
from segport.adapters.data.warp import smooth_displacement, warp
from segport.adapters.foreign import sample
from segport.adapters.reporting.overlay import IGNORED_COLOUR, overlay, paint
from segport.adapters.reporting.panels import (
    BOTH,
    CORRECT,
    CORRECT_FOREGROUND,
    FALSE_NEGATIVE,
    FALSE_POSITIVE,
    error_map,
)
from segport.adapters.reporting.reporter import FileReporter
from segport.application.class_folders import by_image, plane_classes
from segport.domain.arrays import IGNORE
from segport.domain.classes import ClassMap
from segport.domain.errors import DataError
from segport.domain.masks.decisions import confidence, decide
from segport.domain.metrics.calibration import Calibration
from segport.domain.metrics.differences import Difference
from segport.domain.ports.mask_folders import MaskPair
from segport.domain.ports.reporting import Panel
from segport.domain.resampling import Frame
from segport.domain.terms import Fit, Task

RNG = np.random.default_rng(2)
TWO = ClassMap.of(["background", "disc", "cup"]).without_background()
SIZE = (6, 8)


def some_planes(shape: tuple[int, ...] = (5, 7, 3)) -> np.ndarray:
    return RNG.choice(np.array([0, 1, IGNORE], np.uint8), shape)


def test_planes_come_back_and_can_be_looked_at(tmp_path: Path) -> None:
    planes, paths = some_planes(), [tmp_path / name / "m.png" for name in "abc"]
    PictureCodec().write_planes(paths, planes)
    np.testing.assert_array_equal(PictureCodec().read_planes(paths), planes)
    with Pillow.open(paths[1]) as picture:
        assert picture.mode == "L"
        shown = np.array(picture)
    np.testing.assert_array_equal(shown, np.select([planes[..., 1] == 1, planes[..., 1] == IGNORE], [255, 128], 0))


def test_planes_of_several_sizes_are_no_mask(tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, size in zip(paths, ((3, 4), (4, 3)), strict=True):
        PictureCodec().write_planes([path], np.zeros((*size, 1), np.uint8))
    with pytest.raises(DataError, match=r"differ in size: .*b\.png is \(4, 3\), and .*a\.png \(3, 4\)"):
        PictureCodec().read_planes(paths)


def test_the_background_is_no_plane() -> None:
    assert TWO.names == ("disc", "cup")
    assert ClassMap.of(["disc", "_Background_"]).without_background().names == ("disc",)
    assert TWO.without_background() == TWO


def test_regions_lie_in_the_planes_of_their_classes_whatever_lies_in_others() -> None:
    def at(rows: slice, columns: slice, value: int = 1) -> np.ndarray:
        mask = np.zeros(SIZE, np.uint8)
        mask[rows, columns] = value
        return mask

    regions = [
        Region("disc", "a", at(slice(0, 3), slice(0, 8))),
        Region("cup", "b", at(slice(1, 4), slice(0, 4))),
        Region("cup", "crowd", at(slice(3, 6), slice(0, 8)), ignored=True),
        Region("", "nobody knows", at(slice(0, 6), slice(7, 8)), ignored=True),
        Region("disc", "unsure", at(slice(4, 5), slice(0, 1), IGNORE)),
        Region("background", "no plane", at(slice(0, 6), slice(0, 8))),
    ]
    planes = CocoReader().stack(regions, SIZE, TWO, lambda region, size: region.shape)
    disc, cup = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
    disc[:, 7], cup[:, 7], cup[3:6] = IGNORE, IGNORE, IGNORE
    disc[:3], cup[1:4, :4] = 1, 1  # what is certain goes before what nobody knows
    disc[4, 0] = IGNORE
    np.testing.assert_array_equal(planes, np.stack([disc, cup], axis=-1))


def test_a_region_of_another_size_or_class_is_named() -> None:
    with pytest.raises(DataError, match=r"here: drawn as \(2, 2\), but the image is \(6, 8\)"):
        CocoReader().stack([Region("cup", "here", np.ones((2, 2)))], SIZE, TWO, lambda region, size: region.shape)
    with pytest.raises(DataError, match="'saucer' is not among the 2"):
        CocoReader().stack([Region("saucer", "here", np.ones(SIZE))], SIZE, TWO, lambda region, size: region.shape)


def test_the_mask_of_one_class_may_say_that_nobody_knows(tmp_path: Path) -> None:
    for path, values in (("images/a", 0), ("masks/cup/a", 128), ("masks/disc/a", 255)):
        file = tmp_path / f"{path}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(np.full(SIZE, values, np.uint8)).save(file)
    reader = ClassMaskReader()
    (item,) = reader.items(tmp_path)
    planes = reader.read_planes(item, TWO)
    assert (planes[..., 0] == 1).all()
    assert (planes[..., 1] == IGNORE).all()
    with pytest.raises(DataError, match="value 128"):
        reader.read_labels(item, ClassMap.of(["background", "disc", "cup"]))


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("elastic", [False, True])
def test_planes_are_warped_as_the_label_maps_they_would_be(count: int, elastic: bool) -> None:
    image, planes = RNG.integers(0, 256, (30, 40, 3), np.uint8), some_planes((30, 40, count))
    matrix = np.array([[0.8, 0.3, -4], [-0.2, 1.1, 7], [0, 0, 1]])
    displacement = smooth_displacement(RNG.normal(0, 2, (4, 4, 2)).astype(np.float32), (24, 28)) if elastic else None
    _, moved = warp(image, planes, matrix, (24, 28), displacement)
    assert moved.shape == (24, 28, count)
    for k in range(count):
        alone = warp(image, np.ascontiguousarray(planes[..., k]), matrix, (24, 28), displacement)[1]
        np.testing.assert_array_equal(moved[..., k], alone)


def test_a_plane_is_inside_where_that_is_likelier_than_not() -> None:
    p = np.array([[[0.2, 0.9], [0.5, 0.51]]], np.float32)
    decided = decide(p, Task.MULTILABEL)
    np.testing.assert_array_equal(decided, [[[0, 1], [0, 1]]])
    np.testing.assert_allclose(confidence(p, decided, Task.MULTILABEL), [[[0.8, 0.9], [0.5, 0.51]]])
    np.testing.assert_array_equal(decide(p, Task.MULTICLASS), [[1, 1]])
    np.testing.assert_allclose(confidence(p, decide(p, Task.MULTICLASS), Task.MULTICLASS), [[0.9, 0.51]])


def test_calibration_of_planes_is_that_of_each_by_itself() -> None:
    truth, prediction = some_planes(), RNG.integers(0, 2, (5, 7, 3)).astype(np.uint8)
    sure = RNG.uniform(0.5, 1, truth.shape).astype(np.float32)
    found = Calibration.of_planes(truth, prediction, sure, 3)
    for k in range(3):
        alone = Calibration.of(truth[..., k], prediction[..., k], sure[..., k], 2).overall
        np.testing.assert_array_equal(found.counts[k], alone.counts[0])
        np.testing.assert_array_equal(found.sums[k], alone.sums[0])


def test_every_class_of_a_pixel_is_decided() -> None:
    first, other = np.array([[3.0, -2.0], [1.0, 5.0]], np.float32), np.array([[3.0, 2.0], [-0.5, 5.0]], np.float32)
    found = Difference.of(first, other, planes=True)
    assert (found.pixels, found.differing, found.largest) == (4, 2, 4.0)
    assert Difference.of(first, other).differing == 0


def test_overlapping_classes_are_mixed_and_keep_their_outlines() -> None:
    planes = np.zeros((9, 12, 2), np.uint8)
    planes[1:8, 1:8, 0] = planes[1:8, 4:11, 1] = 1
    planes[0, 0] = IGNORE
    colours = np.array([[200, 0, 0], [0, 100, 0]], np.uint8)
    painted = paint(planes, colours)
    assert painted[4, 2].tolist() == [200, 0, 0]
    assert painted[4, 6].tolist() == [100, 50, 0]
    assert painted[8, 11].tolist() == [0, 0, 0]
    assert painted[0, 0].tolist() == list(IGNORED_COLOUR)
    laid = overlay(np.full((9, 12, 3), 40, np.uint8), planes, colours, 0.5, background=None)
    assert laid[4, 6].tolist() == [70, 45, 20]
    assert laid[4, 4].tolist() == [0, 100, 0]  # the second one's left edge, within the first
    assert laid[4, 7].tolist() == [200, 0, 0]
    assert laid[8, 11].tolist() == laid[0, 0].tolist() == [40, 40, 40]


def test_errors_of_planes_have_a_colour_each() -> None:
    truth = np.array([[[0, 0], [1, 0], [1, 0], [0, 1], [1, 0], [IGNORE, IGNORE]]], np.uint8)
    prediction = np.array([[[0, 0], [1, 0], [1, 1], [0, 0], [0, 1], [1, 1]]], np.uint8)
    found = error_map(truth, prediction, binary=False)[0].tolist()
    wanted = [CORRECT, CORRECT_FOREGROUND, FALSE_POSITIVE, FALSE_NEGATIVE, BOTH]
    assert found[:5] == [list(colour) for colour in wanted]


def test_two_planes_are_not_taken_for_background_and_foreground(tmp_path: Path) -> None:
    image, planes = np.full((40, 50, 3), 90, np.uint8), np.ones((40, 50, 2), np.uint8)
    panel = Panel("a", image, planes, np.zeros_like(planes), 0.0)
    FileReporter().panels({"All": [panel]}, TWO, tmp_path / "p.png")
    with Pillow.open(tmp_path / "p.png") as picture:
        shown = np.array(picture).reshape(-1, 3)
    for colour in (FALSE_NEGATIVE, BOTH, *TWO.colours.tolist()):
        assert (shown == colour).all(axis=1).any()


def pairs(*keys: str) -> list[MaskPair]:
    return [MaskPair(key, Path("p") / key, Path("t") / key) for key in keys]


def test_pairs_of_class_folders_are_brought_together_by_image() -> None:
    found = pairs("cup/a", "cup/b", "disc/a", "disc/b")
    classes = plane_classes(found, Path("t"), None)
    assert classes.names == ("cup", "disc")
    assert plane_classes(found, Path("t"), ClassMap.of(["background", "disc", "cup"])).names == ("disc", "cup")
    matrices = [np.full((2, 2), number) for number in range(4)]
    together = by_image(found, matrices, classes)
    assert list(together) == ["a", "b"]
    np.testing.assert_array_equal(together["b"], np.stack([matrices[1], matrices[3]]))


def test_class_folders_that_lack_masks_or_have_too_many_are_refused_at_once() -> None:
    with pytest.raises(DataError) as raised:
        plane_classes(pairs("cup/a", "disc/b", "c"), Path("t"), ClassMap.of(["disc", "rim"]))
    problems = "\n".join(raised.value.problems)
    for words in ("c.png: not in a folder", "cup/: no such class", "disc/a: no such mask", "rim/b: no such mask"):
        assert words in problems


def test_planes_of_a_framework_may_have_their_axis_first_or_last() -> None:
    image, planes = RNG.integers(0, 256, (5, 7, 3), np.uint8), some_planes((5, 7, 4))
    for given in (planes, np.moveaxis(planes, 2, 0), planes.astype(np.int64)):
        np.testing.assert_array_equal(sample("0", image, given).labels, planes)
    with pytest.raises(DataError, match=r"Item 0: labels of shape \(5, 7, 4\) from 0 to 3, .* planes of 0 and 1"):
        sample("0", image, np.minimum(planes, 3))
    with pytest.raises(DataError, match=r"the image is \(5, 7\), its labels \(6, 7, 4\)"):
        sample("0", image, np.zeros((6, 7, 4), np.uint8))


def test_a_frame_pads_planes_with_what_counts_nowhere() -> None:
    frame = Frame.for_fit(Fit.LETTERBOX, (4, 8), (8, 8))
    placed = frame.place_labels(np.ones((4, 8, 2), np.uint8))
    assert (placed[:2] == IGNORE).all()
    assert (placed[2:6] == 1).all()
