"""The service that shows a prepared data set: what is in it, and what training will see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from attrs import frozen

from ..domain.augmentation.policy import AugmentationPolicy
from ..domain.classes import ClassMap
from ..domain.description import DatasetInfo
from ..domain.ports.catalogue import Catalogue
from ..domain.ports.dataset import Batcher, Dataset, TrainingPlan
from ..domain.ports.preparing import DatasetStore
from ..domain.ports.reporting import Reporter
from ..domain.samples import Sample
from .settings import InspectSettings, TrainSettings
from .training.recipe import derive


@frozen
class InspectReport:
    """What is known of a data set, and the pictures drawn of it."""

    info: DatasetInfo
    classes: ClassMap
    files: tuple[Path, ...]


@frozen
class InspectDataset:
    """Draws a contact sheet and the class frequencies."""

    datasets: DatasetStore
    catalogue: Catalogue
    batcher: Batcher
    reporter: Reporter

    def __call__(self, settings: InspectSettings) -> InspectReport:
        """Raises DataError for a folder that is no prepared data set."""
        dataset = self.datasets.open(settings.data)
        out = settings.out or settings.data / "inspect"
        sheet = out / ("augmented.png" if settings.augmented else "samples.png")
        bars = out / "classes.png"
        samples = self._augmented(dataset, settings) if settings.augmented else _spread(dataset, settings.samples)
        self.reporter.contact_sheet(samples, dataset.classes, sheet, title=dataset.info.name)
        self.reporter.class_frequencies(dataset.info.pixel_counts, bars, title=f"{dataset.info.name}: training pixels")
        return InspectReport(dataset.info, dataset.classes, (sheet, bars))

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


def _spread(dataset: Dataset, number: int) -> list[Sample]:
    """Samples at even distances over all splits."""
    sources = [dataset.split(name) for name in dataset.splits]
    places = [(source, i) for source in sources for i in range(len(source))]
    chosen = np.unique(np.linspace(0, len(places) - 1, min(number, len(places))).round().astype(int))
    return [places[i][0][places[i][1]] for i in chosen]
