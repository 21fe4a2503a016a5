"""What is kept in memory behaves as what is kept in folders does."""

from __future__ import annotations

from inspect import getmembers, isfunction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segport.adapters.memory.dataset import SampleDataset
from segport.adapters.memory.runs import MemoryRuns
from segport.adapters.memory.sources import ArraySource
from segport.adapters.memory.store import MemoryDatasets, MemoryResults, NoPictures
from segport.adapters.storage.checkpoint import load_checkpoint
from segport.adapters.storage.runs import RunFolders
from segport.domain.errors import CheckpointError, DataError, InvalidSpecError
from segport.domain.events import EpochDone
from segport.domain.ports.backend import TrainState
from segport.domain.ports.checkpoints import Checkpoint, RunStore
from segport.domain.ports.reporting import Reporter
from segport.domain.samples import Task

LABELS = np.array([[[0, 1], [1, 255]], [[1, 1], [0, 0]]], np.uint8)
IMAGES = np.stack([np.full((2, 2, 3), 51, np.uint8), np.full((2, 2, 3), 153, np.uint8)])


@pytest.fixture(params=[RunFolders, MemoryRuns])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    monkeypatch.chdir(tmp_path)
    made: RunStore = request.param()
    return made


@pytest.fixture
def checkpoint(untrained: Path) -> Checkpoint:
    bare = load_checkpoint(untrained)
    return Checkpoint(bare.spec, bare.weights, TrainState(bare.weights, {}, 3), {"epoch": 1})


def test_a_run_is_created_once_and_opened(store: RunStore) -> None:
    configuration = {"train": {"epochs": 3}}
    assert not store.holds(Path("a"))
    assert store.create(Path("a"), configuration).path == Path("a")
    assert store.holds(Path("a")) and store.home(Path("a")) == Path("a")
    assert store.open(Path("a")).configuration() == configuration
    with pytest.raises(CheckpointError, match="already"):
        store.create(Path("a"), configuration)
    with pytest.raises(CheckpointError):
        store.open(Path("b"))
    first = store.unused("x")
    store.create(first, configuration)
    assert first.name == "x-001" and store.unused("x").name == "x-002"


def test_checkpoints_best_and_last(store: RunStore, checkpoint: Checkpoint) -> None:
    run = store.create(Path("a"), {})
    assert run.last() is None
    with pytest.raises(CheckpointError, match="no checkpoint 'best'"):
        run.load("best")
    for epoch in (1, 2, 4):
        run.save_best(checkpoint, epoch=epoch, metric="miou", score=epoch / 10)
    run.save_last(checkpoint)
    best, last = run.load("best"), run.last()
    assert best.state is None and last is not None and last.state is not None and last.state.step == 3
    assert last.progress == {"epoch": 1}
    assert set(store.load_checkpoint(Path("a")).weights) == set(store.load_pretrained(Path("a")).weights)
    run.rewind(1)
    with pytest.raises(CheckpointError):  # of three only the last two were kept
        run.load("best")


def test_what_a_session_goes_on_changing_is_copied(store: RunStore, checkpoint: Checkpoint) -> None:
    run = store.create(Path("a"), {})
    name = next(iter(checkpoint.weights))
    mine = {**checkpoint.weights, name: checkpoint.weights[name].copy()}
    run.save_last(Checkpoint(checkpoint.spec, mine, TrainState(mine, {"m/x": mine[name]}, 1), {}))
    before = mine[name].copy()
    mine[name] += 1
    last = run.last()
    assert last is not None and last.state is not None
    for kept in (last.weights[name], last.state.weights[name], last.state.slots["m/x"]):
        np.testing.assert_array_equal(kept, before)


def test_rows_are_replaced_and_rewound(store: RunStore) -> None:
    run = store.create(Path("a"), {})
    for epoch, value in ((1, 0.1), (2, 0.2), (2, 0.3), (3, 0.4)):
        run.record(EpochDone(epoch, {"val_miou": value}, 0.01, 1.0, True))
    assert [row["val_miou"] for row in run.metrics()] == [0.1, 0.3, 0.4]
    run.rewind(2)
    assert [row["epoch"] for row in store.open(Path("a")).metrics()] == [1, 2]


def test_runs_of_seeds(store: RunStore) -> None:
    with pytest.raises(KeyError), store.create_seeds(Path("s"), {"seeds": [1, 2]}):
        raise KeyError
    assert store.seeds(Path("s")) is None
    with store.create_seeds(Path("s"), {"seeds": [1, 2]}) as group:
        assert list(group.runs) == [1, 2]
    again = store.seeds(Path("s"))
    assert again is not None and again.runs == group.runs
    with pytest.raises(CheckpointError, match="already"):
        store.create(Path("s"), {})


def test_a_data_set_is_measured_as_prepare_would() -> None:
    source = ArraySource(IMAGES, LABELS, ["a", "b"])
    made = SampleDataset.of("two", ["ground", "cell"], train=source, val=ArraySource(IMAGES[:1], LABELS[:1]))
    info = made.info
    assert (info.name, info.task, info.channels, info.split_sizes) == ("two", Task.BINARY, 3, {"train": 2, "val": 1})
    np.testing.assert_allclose(info.mean, 0.4)
    np.testing.assert_allclose(info.std, 0.2)
    assert info.pixel_counts == {"ground": 3, "cell": 4} and info.ignored_pixels == 1
    assert (info.height, info.width) == ((2, 2, 2), (2, 2, 2))
    assert made.splits == ("train", "val") and made.split("train")[1].key == "b"
    assert made.split("val").size(0) == (2, 2)
    np.testing.assert_array_equal(made.split("train").labels(0), LABELS[0])
    changed = LABELS.copy()
    changed[0, 0, 0] = 1
    assert SampleDataset.of("two", ["ground", "cell"], train=ArraySource(IMAGES, changed)).info.fingerprint != (
        SampleDataset.of("two", ["ground", "cell"], train=source).info.fingerprint
    )
    with pytest.raises(DataError, match=r"has no split 'test'.*\n.*train, val"):
        made.split("test")


@pytest.mark.parametrize(
    ("image", "labels", "options", "told"),
    [
        (
            IMAGES[0] / 255,
            LABELS[0],
            {},
            "train, odd: expected an image of (H, W, 1 or 3) uint8, found (2, 2, 3) float64",
        ),
        (IMAGES[0, ..., 0], LABELS[0], {}, "train, odd: expected an image of (H, W, 1 or 3) uint8, found (2, 2) uint8"),
        (IMAGES[0, ..., :1], LABELS[0], {}, "train, odd: the image has 1 channels, and the first 3"),
        (
            IMAGES[0],
            LABELS[0, :1],
            {},
            "train, odd: expected labels of (2, 2) uint8 for this binary image, found (1, 2) uint8",
        ),
        (IMAGES[0], LABELS[0] + 1, {}, "train, odd: labels are 0 to 1, and 255 where a pixel does not count; found 2"),
        (
            IMAGES[0],
            LABELS[0],
            {"task": "multilabel"},
            "train, odd: expected labels of (2, 2, 2) uint8 for this multilabel image, found (2, 2) uint8",
        ),
    ],
)
def test_samples_that_cannot_be_used_are_named(image: Any, labels: Any, options: dict[str, Any], told: str) -> None:
    good = np.stack([LABELS[1]] * 2, -1) if options else LABELS[1]
    source = ArraySource([IMAGES[1], image], [good, labels], ["good", "odd"])
    with pytest.raises(DataError, match="The data set two has samples that cannot be used") as caught:
        SampleDataset.of("two", ["ground", "cell"], train=source, **options)
    assert caught.value.problems == (told,)


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(DataError, match="There are 2 images, 1 labels and 2"):
        ArraySource(IMAGES, LABELS[:1])
    with pytest.raises(DataError, match="1 different keys"):
        ArraySource(IMAGES, LABELS, ["a", "a"])
    with pytest.raises(DataError, match="no training samples"):
        SampleDataset.of("two", ["ground", "cell"], val=ArraySource(IMAGES, LABELS))
    with pytest.raises(InvalidSpecError, match="task = 'masks': expected one of 'multiclass', 'binary'"):
        SampleDataset.of("two", ["ground", "cell"], task="masks", train=ArraySource(IMAGES, LABELS))
    two = SampleDataset.of("two", ["ground", "cell"], train=ArraySource(IMAGES, LABELS))
    with pytest.raises(DataError, match="one name: two, two"):
        MemoryDatasets([two, two])
    store = MemoryDatasets([two])
    assert store.open(Path("/anywhere/two")) is two
    for ask in (store.create, store.survey, store.read_classes, store.read_splits):
        with pytest.raises(DataError, match=r"Prepare with Toolkit\(\)"):
            ask(Path("x"))


def test_results_are_kept_by_their_path() -> None:
    results = MemoryResults()
    counts = [np.eye(2, dtype=np.int64)]
    results.save_confusions(Path("a.npz"), ["one"], counts)
    assert results.has(Path("a.npz")) and not results.has(Path("b.npz"))
    keys, found = results.load_confusions(Path("a.npz"))
    assert keys == ["one"]
    np.testing.assert_array_equal(found, counts)
    with pytest.raises(DataError, match=r"b\.npz"):
        results.load_confusions(Path("b.npz"))
    results.save_probabilities(Path("p"), [np.full((1, 1, 2), 0.5, np.float32)], (1, 1, 2))
    results.save_values(Path("v"), {"x": 1})
    results.save_table(Path("t"), [{"x": 1}])
    assert results.kept[Path("p")].dtype == np.float16 and results.kept[Path("t")] == [{"x": 1}]


def test_no_pictures_has_all_that_a_reporter_has() -> None:
    names = [name for name, _ in getmembers(Reporter, isfunction) if not name.startswith("_")]
    assert len(names) > 8
    for name in names:
        assert getattr(NoPictures(), name)("anything", 1, option=2) is None
