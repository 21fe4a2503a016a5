"""Images a second of the loader: one and two threads, with and without cache, all in one run.

    python benchmarks/bench_loader.py [FOLDER]

FOLDER is a prepared data set (its training split is read). Without one, 256x256 crops are taken from generated PNGs of
520x696 pixels, the middling size of the nuclei of the 2018 Data Science Bowl.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from attrs import frozen

from segport.adapters.cpu import usable_cpus
from segport.adapters.data.batches import ThreadBatcher
from segport.adapters.data.codec import PictureCodec
from segport.adapters.data.readers.folders import FolderReader
from segport.adapters.data.shapes import ShapesOptions, generate_shapes
from segport.adapters.storage.dataset_store import DatasetFolders
from segport.domain.augmentation.policy import AugmentationPolicy
from segport.domain.classes import ClassMap
from segport.domain.ports.dataset import SampleSource, SourceItem, TrainingPlan
from segport.domain.resampling import Fit
from segport.domain.samples import Sample

ROUNDS = 3


@frozen
class Pairs:
    """The pairs of a reader as a source."""

    reader: FolderReader
    items: tuple[SourceItem, ...]
    classes: ClassMap

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int, /) -> Sample:
        item = self.items[index]
        return Sample(item.key, self.reader.read_image(item), self.reader.read_labels(item, self.classes))


def generated(folder: Path) -> SampleSource:
    options = ShapesOptions(num_images=96, height=520, width=696, max_shape_px=160, max_shapes=8)
    classes = generate_shapes(folder / "shapes", options)
    reader = FolderReader()
    return Pairs(reader, tuple(reader.items(folder / "shapes")), classes)


def prepared(folder: Path) -> SampleSource:
    return DatasetFolders(PictureCodec()).open(folder).split("train")


def rate(source: SampleSource, policy: AugmentationPolicy, workers: int, cache: bool) -> float:
    """Images a second, the best of a few epochs; with a cache the first epoch, which fills it, does not count."""
    plan = TrainingPlan((256, 256), min(8, len(source)), 1, Fit.CROP, policy, workers, cache)
    batches = ThreadBatcher().training(source, plan)
    best = 0.0
    for epoch in range(-1 if cache else 0, ROUNDS):
        begin = time.perf_counter()
        images = sum(len(batch) for batch in batches.batches(epoch + 1))
        best = max(best, images / (time.perf_counter() - begin) if epoch >= 0 else 0.0)
    return best


def report(source: SampleSource) -> None:
    print(f"{len(source)} images, crops of 256x256, batches of 8, {usable_cpus()} cores; images a second")
    print(f"{'augmentation':14}{'threads':>9}{'decoding':>12}{'cached':>12}{'gain':>8}")
    for name in ("none", "light", "standard", "strong"):
        policy = getattr(AugmentationPolicy, name)()
        for workers in (1, 2):
            plain, cached = (rate(source, policy, workers, cache) for cache in (False, True))
            print(f"{name:14}{workers:9}{plain:12.0f}{cached:12.0f}{cached / plain:7.1f}x")


def main() -> None:
    if len(sys.argv) > 1:
        report(prepared(Path(sys.argv[1])))
        return
    with tempfile.TemporaryDirectory() as folder:
        report(generated(Path(folder)))


if __name__ == "__main__":
    main()
