"""The service that shows a prepared data set: what is in it, and what training will see."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from ..domain.augmentation.policy import AugmentationPolicy
from ..domain.classes import ClassMap
from ..domain.description import DatasetInfo
from ..domain.ports.catalogue import Catalogue
from ..domain.ports.dataset import Batcher, Dataset, Executor, LabelledSource, TrainingPlan
from ..domain.ports.preparing import DatasetStore
from ..domain.ports.reporting import Reporter
from ..domain.samples import Sample
from .listening import FileListener, nobody
from .settings import InspectSettings, TrainSettings
from .training.recipe import derive


@frozen
class ClassCount:
    """Pixels of a class in a split, and images in which it occurs."""

    pixels: int
    images: int


@frozen
class InspectReport:
    """What is known of a data set, and the pictures drawn of it.

    ``counts`` are by split, then by class, of the masks as they lie there.
    """

    info: DatasetInfo
    classes: ClassMap
    counts: Mapping[str, Mapping[str, ClassCount]]
    files: tuple[Path, ...]


@frozen
class InspectDataset:
    """Counts every mask, and draws a contact sheet and the classes' frequencies."""

    datasets: DatasetStore
    catalogue: Catalogue
    batcher: Batcher
    executor: Executor
    reporter: Reporter

    def __call__(self, settings: InspectSettings, *, listen: FileListener = nobody) -> InspectReport:
        """Raises DataError for a folder that is no prepared data set. ``listen`` hears how many masks are counted."""
        dataset = self.datasets.open(settings.data)
        out = settings.out or settings.data / "inspect"
        sheet = out / ("augmented.png" if settings.augmented else "samples.png")
        bars = out / "classes.png"
        samples = self._augmented(dataset, settings) if settings.augmented else _spread(dataset, settings.samples)
        title = f"{dataset.info.name}: {'training samples, augmented' if settings.augmented else 'samples'}"
        self.reporter.contact_sheet(samples, dataset.classes, sheet, title=title)
        counts = self._counts(dataset, listen)
        pixels = {split: {name: c.pixels for name, c in classes.items()} for split, classes in counts.items()}
        self.reporter.class_frequencies(pixels, bars, title=f"{dataset.info.name}: share of {dataset.info.task.unit}")
        return InspectReport(dataset.info, dataset.classes, counts, (sheet, bars))

    def _counts(self, dataset: Dataset, listen: FileListener) -> dict[str, dict[str, ClassCount]]:
        """By split, then by class."""
        names = dataset.classes.names
        places = [(split, source, i) for split, source in _sources(dataset).items() for i in range(len(source))]
        totals = {split: np.zeros((len(names), 2), np.int64) for split in dataset.splits}

        def counted(place: tuple[str, LabelledSource, int]) -> NDArray[np.int64]:
            labels = place[1].labels(place[2])
            if labels.ndim == 3:
                pixels = (labels == 1).sum(axis=(0, 1), dtype=np.int64)
            else:
                pixels = np.bincount(labels.ravel(), minlength=256)[: len(names)]
            return np.stack([pixels, pixels > 0], axis=-1)

        with closing(self.executor.map(counted, places)) as results:
            for done, ((split, *_), counts) in enumerate(zip(places, results, strict=True), 1):
                totals[split] += counts
                listen(done, len(places))
        return {
            split: {name: ClassCount(*row) for name, row in zip(names, total.tolist(), strict=True)}
            for split, total in totals.items()
        }

    def _augmented(self, dataset: Dataset, settings: InspectSettings) -> list[Sample]:
        """The first samples of the first epoch, as the recipe would train on them."""
        recipe = derive(dataset.info, TrainSettings(data=settings.data)).settings
        assert recipe.size and recipe.fit and recipe.augment
        policy: AugmentationPolicy = self.catalogue.augmentation(recipe.augment.name, recipe.augment.options)
        train = dataset.split("train")
        plan = TrainingPlan(
            recipe.size, min(settings.samples, len(train)), recipe.seed, recipe.fit, policy, cache=False
        )
        batch = next(self.batcher.training(train, plan).batches(0))
        return [Sample(*parts) for parts in zip(batch.keys, batch.images, batch.labels, strict=True)]


def _sources(dataset: Dataset) -> dict[str, LabelledSource]:
    return {split: dataset.split(split) for split in dataset.splits}


def _spread(dataset: Dataset, number: int) -> list[Sample]:
    """Samples at even distances over all splits."""
    places = [(source, i) for source in _sources(dataset).values() for i in range(len(source))]
    chosen = np.unique(np.linspace(0, len(places) - 1, min(number, len(places))).round().astype(int))
    return [places[i][0][places[i][1]] for i in chosen]
