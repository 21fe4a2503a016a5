"""The service that scores two folders of masks, with everything outside of it replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segport.application.score import ScoreMasks, ScoreReport
from segport.application.settings import ScoreSettings
from segport.domain.arrays import Counts, Labels
from segport.domain.classes import ClassMap
from segport.domain.errors import DataError
from segport.domain.ports.mask_folders import MaskPair, MaskPairs

PREDICTIONS, TRUTH = Path("predictions"), Path("truth")


class Folders:
    """Masks in memory, by name; ``pairs`` of those in the truth."""

    def __init__(self, truth: dict[str, Any], predictions: dict[str, Any], classes: ClassMap | None) -> None:
        self.masks = {TRUTH: truth, PREDICTIONS: predictions}
        self.found = classes

    def pairs(self, predictions: Path, truth: Path) -> MaskPairs:
        names = sorted(self.masks[truth])
        extra = sorted(set(self.masks[predictions]) - set(names))
        pairs = tuple(MaskPair(name, predictions / name, truth / name) for name in names)
        return MaskPairs(pairs, tuple(predictions / name for name in extra))

    def classes(self, predictions: Path, truth: Path) -> ClassMap | None:
        return self.found

    def read_truth(self, path: Path, classes: ClassMap) -> Labels:
        root = Path(path.parts[0])
        return classes.encode(np.array(self.masks[root][path.relative_to(root).as_posix()], np.uint8), str(path))

    read_prediction = read_truth


class InOrder:
    def map(self, function: Any, items: Any) -> Any:
        yield from map(function, items)


class Kept:
    """Results, kept."""

    def __init__(self) -> None:
        self.confusions: tuple[Path, list[str], list[Counts]] | None = None
        self.values: dict[Path, Mapping[str, Any]] = {}

    def save_confusions(self, path: Path, keys: Sequence[str], counts: Sequence[Counts]) -> None:
        self.confusions = (path, list(keys), list(counts))

    def save_values(self, path: Path, values: Mapping[str, Any]) -> None:
        self.values[path] = values


class Stopped:
    def now(self) -> str:
        return ""

    def seconds(self) -> float:
        return 0.0


class Tables:
    def read_classes(self, path: Path) -> ClassMap:
        return ClassMap.of([path.stem, "other"])


def score(
    truth: dict[str, Any],
    predictions: dict[str, Any],
    classes: ClassMap | None,
    kept: Kept | None = None,
    table: Path | None = None,
    **options: Any,
) -> ScoreReport:
    service = ScoreMasks(Folders(truth, predictions, classes), Tables(), InOrder(), kept or Kept(), Stopped())  # type: ignore[arg-type]
    return service(ScoreSettings(PREDICTIONS, TRUTH, classes=table, **options))


def values(report: ScoreReport) -> dict[str, float]:
    return {one.name: one.value for one in report.scores}


def test_masks_are_scored_image_by_image_and_together() -> None:
    report = score(
        {"a": [[0, 255, 255]], "b": [[0, 0, 0]]},
        {"a": [[0, 1, 0]], "b": [[0, 0, 0]], "c": [[0]]},
        ClassMap.binary("nucleus"),
    )
    assert report.keys == ("a", "b")
    assert [counts.tolist() for counts in report.counts] == [[[1, 0], [1, 1]], [[3, 0], [0, 0]]]
    assert values(report)["iou"] == 0.5
    assert [(row.name, row.iou) for row in report.rows] == [("background", 0.8), ("nucleus", 0.5)]
    assert report.extra == (PREDICTIONS / "c",)
    assert {one.name for one in report.intervals} == {"miou", "iou"}
    assert any("PaddleSeg" in row.name for row in report.definitions)
    assert report.files == ()


def test_a_single_image_says_nothing_of_others() -> None:
    assert score({"a": [[0, 1]]}, {"a": [[0, 1]]}, ClassMap.binary()).intervals == ()


def test_ignored_values_of_the_truth_count_nowhere() -> None:
    classes = ClassMap.of(["road", "car"])
    report = score({"a": [[0, 1, 255]]}, {"a": [[0, 1, 255]]}, classes, ignore=(255,))
    assert report.counts[0].sum() == 2
    with pytest.raises(DataError, match="predictions/a: Prediction holds"):
        score({"a": [[0, 1, 1]]}, {"a": [[0, 1, 255]]}, classes, ignore=(255,))


def test_a_class_ignored_in_the_truth_may_still_be_predicted() -> None:
    report = score({"a": [[0, 1, 255]]}, {"a": [[255, 255, 0]]}, ClassMap.binary(), ignore=(255,))
    assert report.counts[0].tolist() == [[0, 1], [0, 1]]


def test_folders_that_look_like_classes_are_told_to_be_pooled() -> None:
    """In each, the same images; scored as overlapping classes, or of other names, nothing is in doubt."""
    planes = {name: [[0, 255]] for name in ("cat/a", "cat/b", "dog/a", "dog/b")}
    pooled = score(planes, planes, ClassMap.binary())
    assert len(pooled.keys) == 4
    (warning,) = pooled.warnings
    assert "cat, dog hold" in warning and "image of its own" in warning and "--overlapping" in warning
    with pytest.raises(DataError, match="--overlapping"):
        score(planes, planes, ClassMap.of(["ground", "cat", "dog"]))
    assert not score(planes, planes, ClassMap.binary(), overlapping=True).warnings
    for names in ("a b", "x/a y/b", "x/a x/b y/a", "x/a x/b", "1/mask 2/mask", "a b x/a x/b"):
        masks = {name: [[0, 255]] for name in names.split()}
        assert not score(masks, masks, ClassMap.binary()).warnings, names


def test_every_pair_that_cannot_be_compared_is_named() -> None:
    with pytest.raises(DataError) as caught:
        score(
            {"a": [[0, 1]], "b": [[0, 9]], "c": [[0, 0]]},
            {"a": [[0]], "b": [[0, 1]], "c": [[0, 1]]},
            ClassMap.of(["road", "car"]),
        )
    assert "2 of 3 masks" in str(caught.value)
    sizes, unknown = caught.value.problems
    assert "predictions/a" in sizes
    assert "(1, 2)" in sizes
    assert "truth/b" in unknown
    assert "value 9" in unknown


def test_a_table_that_is_named_goes_before_one_that_is_found() -> None:
    report = score({"a": [[0]]}, {"a": [[0]]}, ClassMap.binary(), table=Path("named.csv"))
    assert report.classes.names == ("named", "other")


def test_masks_without_meaning_are_refused_with_the_flag_that_helps() -> None:
    with pytest.raises(DataError, match="--classes"):
        score({"a": [[0]]}, {"a": [[0]]}, None)


def test_matrices_and_numbers_are_written_where_asked() -> None:
    kept = Kept()
    report = score({"a": [[0, 1]]}, {"a": [[0, 1]]}, ClassMap.binary(), kept, out=Path("out"))
    assert report.files == (Path("out/confusions.npz"), Path("out/scores.json"))
    assert kept.confusions is not None
    path, keys, counts = kept.confusions
    assert (path, keys, counts[0].tolist()) == (report.files[0], ["a"], [[1, 0], [0, 1]])
    written = kept.values[report.files[1]]
    assert written["scores"]["miou"] == 1
    assert written["images"] == 1
    assert written["warnings"] == []
