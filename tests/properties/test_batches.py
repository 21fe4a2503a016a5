"""Batches follow from (seed, epoch) alone: not from threads, not from where one starts, not from the cache."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segport.adapters.data.batches import ThreadBatcher
from segport.adapters.data.cache import CachedSource
from segport.adapters.data.executor import ThreadExecutor
from segport.adapters.data.ordered_map import ordered_map
from segport.domain.arrays import IGNORE
from segport.domain.augmentation.policy import AugmentationPolicy
from segport.domain.errors import DataError
from segport.domain.ports.dataset import Shard, TrainingPlan, ViewingPlan
from segport.domain.resampling import Fit, Frame
from segport.domain.samples import Batch, Sample

BATCHER = ThreadBatcher()


class Memory:
    """Random samples of given sizes; counts how often each is read, and breaks at ``broken``."""

    def __init__(self, sizes: list[tuple[int, int]], channels: int = 3, broken: int = -1) -> None:
        rng = np.random.default_rng(len(sizes))
        self.samples = [
            Sample(f"s{i}", rng.integers(0, 256, (*size, channels), np.uint8), rng.integers(0, 3, size, np.uint8))
            for i, size in enumerate(sizes)
        ]
        self.reads = [0] * len(sizes)
        self.broken = broken

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        self.reads[index] += 1
        if index == self.broken:
            raise DataError("s.png is broken")
        time.sleep(0.0005 * (index % 3))  # so that threads finish in another order than they began
        return self.samples[index]


SOURCE = Memory([(24 + i, 40 - i) for i in range(13)])
PLAN = TrainingPlan((16, 20), 4, 7, Fit.CROP, AugmentationPolicy.strong(), workers=0, cache=False)


def content(batches: Iterator[Batch]) -> list[tuple[bytes, bytes, tuple[str, ...]]]:
    return [(batch.images.tobytes(), batch.labels.tobytes(), batch.keys) for batch in batches]


@settings(deadline=None, max_examples=25)
@given(
    workers=st.integers(0, 5),
    cache=st.booleans(),
    fit=st.sampled_from(list(Fit)),
    epoch=st.integers(0, 50),
    start=st.integers(0, 4),
)
def test_threads_cache_and_start_never_change_a_batch(workers, cache, fit, epoch, start) -> None:
    plan = attrs.evolve(PLAN, fit=fit)
    expected = content(BATCHER.training(SOURCE, plan).batches(epoch))
    batches = BATCHER.training(SOURCE, attrs.evolve(plan, workers=workers, cache=cache))
    assert content(batches.batches(epoch)) == expected
    assert content(batches.batches(epoch, start)) == expected[start:]
    assert len(batches) == len(expected) == 3


def test_an_epoch_is_a_new_order_of_different_samples() -> None:
    batches = BATCHER.training(SOURCE, attrs.evolve(PLAN, batch=13))
    first, second = next(batches.batches(0)), next(batches.batches(1))
    assert sorted(first.keys) == sorted(second.keys) == sorted(f"s{i}" for i in range(13))
    assert first.keys != second.keys
    assert content(batches.batches(0)) != content(
        BATCHER.training(SOURCE, attrs.evolve(PLAN, batch=13, seed=8)).batches(0)
    )


@given(world=st.integers(1, 5))
@settings(deadline=None, max_examples=5)
def test_shards_together_are_the_global_batches(world) -> None:
    for source in (BATCHER.training(SOURCE, PLAN), BATCHER.viewing(SOURCE, ViewingPlan(Fit.STRETCH, (8, 8), 4, 4))):
        whole = [key for batch in source.batches(3) for key in batch.keys]
        shards = [
            [key for batch in source.batches(3, shard=Shard(r, world)) for key in batch.keys] for r in range(world)
        ]
        assert sorted(key for shard in shards for key in shard) == sorted(whole)
    assert shards[0][0] == "s0"


def test_a_short_batch_is_dropped_unless_it_is_the_only_one() -> None:
    few = Memory([(20, 20)] * 3)
    assert [len(batch) for batch in BATCHER.training(few, PLAN).batches(0)] == [3]
    assert [len(batch) for batch in BATCHER.training(SOURCE, PLAN).batches(0)] == [4, 4, 4]
    with pytest.raises(DataError, match="no images"):
        BATCHER.training(Memory([]), PLAN)


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_an_error_in_a_worker_reaches_the_consumer_as_it_is(workers: int) -> None:
    source = Memory([(20, 20)] * 12, broken=5)
    with pytest.raises(DataError, match=r"s\.png is broken"):
        list(BATCHER.training(source, attrs.evolve(PLAN, workers=workers)).batches(0))
    with pytest.raises(DataError, match=r"s\.png is broken"):
        list(BATCHER.viewing(source, ViewingPlan(Fit.NATIVE, (8, 8), 4, 4, workers)).batches(0))


def test_closing_the_iterator_stops_its_threads_and_reads_no_further() -> None:
    source = Memory([(20, 20)] * 400)
    batches = BATCHER.training(source, attrs.evolve(PLAN, workers=3)).batches(0)
    next(batches)
    assert any("segport-data" in thread.name for thread in threading.enumerate())
    batches.close()  # type: ignore[attr-defined]
    assert not any("segport-data" in thread.name for thread in threading.enumerate())
    assert sum(source.reads) <= 4 * (1 + 5 + 3)


def test_the_map_is_ordered_and_bounded() -> None:
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        time.sleep(0.001 * (item % 4))
        return item * item

    results = ordered_map(work, range(50), workers=4, ahead=6)
    for expected in range(10):
        assert next(results) == expected**2
    time.sleep(0.02)
    assert len(begun) <= 10 + 6
    assert list(results) == [n * n for n in range(10, 50)]
    assert list(ThreadExecutor(0).map(work, [3, 2])) == [9, 4]
    assert list(ThreadExecutor().map(work, iter(range(5)))) == [0, 1, 4, 9, 16]


def test_the_cache_reads_each_sample_once_and_gives_it_back_unchanged() -> None:
    source = Memory([(20, 31), (7, 5), (20, 31)])
    cached = CachedSource(source)
    for _ in range(3):
        for index, sample in enumerate(source.samples):
            kept = cached[index]
            assert kept.key == sample.key
            assert np.array_equal(kept.image, sample.image)
            assert np.array_equal(kept.labels, sample.labels)
    assert source.reads == [1, 1, 1]
    assert cached.kept == 3


def test_the_cache_spreads_over_segments_and_gives_up_without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segport.adapters.data.cache._SEGMENT", 4096)
    source = Memory([(20, 31)] * 4)  # 2480 bytes each: one a segment
    cached = CachedSource(source)
    for _ in range(2):
        assert all(np.array_equal(cached[i].image, source.samples[i].image) for i in range(4))
    assert source.reads == [1] * 4
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 6000})())
    source = Memory([(20, 31)] * 2)
    cramped = CachedSource(source)
    for _ in range(2):
        assert all(np.array_equal(cramped[i].labels, source.samples[i].labels) for i in range(2))
    assert cramped.kept == 1
    assert source.reads == [1, 2]


@pytest.mark.parametrize("fit", [Fit.LETTERBOX, Fit.STRETCH])
@pytest.mark.parametrize("channels", [1, 3])
def test_without_augmentation_training_sees_what_viewing_sees(fit: Fit, channels: int) -> None:
    source = Memory([(50, 33), (9, 41), (24, 24)], channels)
    plan = TrainingPlan((24, 32), 3, 1, fit, AugmentationPolicy.none(), 0, False)
    trained = next(BATCHER.training(source, plan).batches(0))
    viewed = next(BATCHER.viewing(source, ViewingPlan(fit, (24, 32), 8, 3)).batches(0))
    order = [viewed.keys.index(key) for key in trained.keys]
    assert np.array_equal(trained.images, viewed.images[order])
    assert np.array_equal(trained.labels, viewed.labels[order])


def test_native_viewing_pads_below_and_right_and_keeps_every_pixel() -> None:
    sizes = [(10, 12), (9, 16), (17, 5), (10, 10), (1, 1)]
    source = Memory(sizes)
    batches = list(BATCHER.viewing(source, ViewingPlan(Fit.NATIVE, (4, 4), 8, 2)).batches(0))
    assert [batch.keys for batch in batches] == [("s0", "s1"), ("s2",), ("s3",), ("s4",)]
    index = 0
    for batch in batches:
        for image, labels, frame, native in zip(batch.images, batch.labels, batch.frames, batch.natives, strict=True):
            (height, width), sample = sizes[index], source.samples[index]
            assert frame == Frame.for_fit(Fit.NATIVE, (height, width), (4, 4), 8)
            assert image.shape[0] % 8 == image.shape[1] % 8 == 0
            padding = [(0, image.shape[0] - height), (0, image.shape[1] - width)]
            mode = "reflect" if min(height, width) > 1 else "edge"
            assert np.array_equal(image, np.pad(sample.image, [*padding, (0, 0)], mode=mode))
            assert np.array_equal(labels, np.pad(sample.labels, padding, constant_values=IGNORE))
            assert native is sample.labels
            index += 1
    assert index == 5


def test_a_source_that_knows_its_sizes_is_not_read_to_plan_batches() -> None:
    class Sized(Memory):
        def size(self, index: int) -> tuple[int, int]:
            return self.samples[index].labels.shape

    source = Sized([(8, 8), (8, 8), (16, 8)])
    assert len(BATCHER.viewing(source, ViewingPlan(Fit.NATIVE, (8, 8), 8, 4))) == 2
    assert source.reads == [0, 0, 0]
    plain = Memory([(8, 8), (8, 8), (16, 8)])
    assert len(BATCHER.viewing(plain, ViewingPlan(Fit.NATIVE, (8, 8), 8, 4))) == 2


def test_reduced_images_are_averaged_over_area() -> None:
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    image = np.repeat(checks[..., None].astype(np.uint8), 3, axis=2)
    source = Memory([(64, 64)])
    source.samples = [Sample("c", image, np.zeros((64, 64), np.uint8))]
    batch = next(BATCHER.viewing(source, ViewingPlan(Fit.STRETCH, (16, 16), 8, 1)).batches(0))
    assert np.abs(batch.images.astype(int) - 127.5).max() <= 1


def test_labels_of_another_size_than_the_image_are_refused_by_key() -> None:
    source = Memory([(8, 8)])
    source.samples = [Sample("odd", np.zeros((8, 8, 3), np.uint8), np.zeros((9, 8), np.uint8))]
    with pytest.raises(DataError, match="odd"):
        list(BATCHER.training(source, PLAN).batches(0))
