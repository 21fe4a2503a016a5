"""Training batches: shuffled, augmented, of one size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from attrs import frozen

from ...domain.augmentation.affine import compose
from ...domain.augmentation.elastic import displacement_grid
from ...domain.augmentation.parameters import AugmentationParameters, sample_parameters
from ...domain.ports.dataset import SampleSource, Shard, TrainingPlan
from ...domain.samples import Batch, Sample
from .colour import recolour
from .fitting import require_one_size
from .ordered_map import ordered_map
from .warp import smooth_displacement, warp

_WHOLE = Shard()


@frozen
class TrainingBatches:
    """The batches of a source under a plan.

    What batch ``i`` of an epoch holds follows from (seed, epoch, i) alone: each sample's parameters come from
    (seed, epoch, index), and no thread shares a generator with another.
    """

    source: SampleSource
    plan: TrainingPlan

    def __len__(self) -> int:
        return max(1, len(self.source) // self.plan.batch)

    def batches(self, epoch: int, start: int = 0, shard: Shard = _WHOLE) -> Iterator[Batch]:
        """The epoch's batches from number ``start`` on; closing the iterator stops its threads.

        A shard takes every ``world``-th sample of each batch, from ``rank`` on. Raises what reading a sample raises.
        """
        order = training_order(self.plan.seed, epoch, len(self.source))
        size = self.plan.batch
        parts = (order[i * size : (i + 1) * size][shard.rank :: shard.world] for i in range(start, len(self)))
        make = partial(self._batch, epoch)
        return ordered_map(make, (part for part in parts if part), self.plan.workers, self.plan.workers + 2)

    def _batch(self, epoch: int, indices: Sequence[int]) -> Batch:
        samples = [self._sample(epoch, index) for index in indices]
        images = np.stack([sample.image for sample in samples])
        labels = np.stack([sample.labels for sample in samples])
        return Batch(images, labels, tuple(sample.key for sample in samples))

    def _sample(self, epoch: int, index: int) -> Sample:
        parameters = sample_parameters(self.plan.augmentation, self.plan.seed, epoch, index)
        return augment(self.source[index], parameters, self.plan.size)


def training_order(seed: int, epoch: int, samples: int) -> list[int]:
    """The order of an epoch: a permutation of all indices, from (seed, epoch) alone."""
    return [int(index) for index in np.random.default_rng([seed, epoch]).permutation(samples)]


def augment(sample: Sample, parameters: AugmentationParameters, size: tuple[int, int]) -> Sample:
    """A crop of ``size`` (height, width) of the sample, with one warp for all geometry and one table for all tones.

    Where the crop reaches beyond the image, image and labels both continue by reflection. A label of the whole image
    stays as it is. Raises DataError when image and labels differ in size otherwise.
    """
    source = (sample.image.shape[0], sample.image.shape[1])
    require_one_size(sample)
    displacement = None
    if parameters.elastic > 0.0:
        displacement = smooth_displacement(displacement_grid(parameters, size), size)
    matrix = compose(parameters, source, size)
    spread = np.ascontiguousarray(np.broadcast_to(sample.labels, source) if sample.whole else sample.labels)
    image, labels = warp(sample.image, spread, matrix, size, displacement)
    return Sample(sample.key, recolour(image, parameters), sample.labels if sample.whole else labels)
