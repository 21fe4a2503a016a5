"""Backends broken on purpose: models that compute, load or lend badly."""

from __future__ import annotations

import attrs
import numpy as np

from segport.domain.architecture.operations import Attention
from segport.domain.errors import InvalidSpecError
from segport.domain.ports.backend import Precision
from segport.tests.conformance.saboteurs.backends.honest import Backend, Wrapper


class ChannelsFirst(Backend):
    class Model(Wrapper):
        def logits(self, images, **mode):
            return [np.moveaxis(z, 3, 1) for z in self.inner.logits(images, **mode)]


class SlightlyOffLogits(Backend):
    class Model(Wrapper):
        def logits(self, images, **mode):
            return [z * np.float32(1.0002) for z in self.inner.logits(images, **mode)]


class AttendsWithOneHead(Backend):
    def build(self, spec, weights, **options):
        nodes = [attrs.evolve(n, operation=Attention()) if n.name == "attention" else n for n in spec.graph.nodes]
        return super().build(attrs.evolve(spec, graph=attrs.evolve(spec.graph, nodes=tuple(nodes))), weights, **options)


class RunningStatisticsInTraining(Backend):
    class Model(Wrapper):
        def logits(self, images, *, training=False):
            return self.inner.logits(images)


class OnlyMultiplesOfFour(Backend):
    class Model(Wrapper):
        def logits(self, images, **mode):
            if images.shape[1] % 4 or images.shape[2] % 4:
                raise ValueError("size is no multiple of 4")
            return self.inner.logits(images, **mode)


class LeaksAcrossTheBatch(Backend):
    class Model(Wrapper):
        def logits(self, images, **mode):
            return [z + np.float32(0.01) * z.mean(0) for z in self.inner.logits(images, **mode)]


class HalfPrecisionWeights(Backend):
    class Model(Wrapper):
        def weights(self):
            return {n: a.astype(np.float16).astype(np.float32) for n, a in self.inner.weights().items()}


class LoadsWhatFits(Backend):
    class Model(Wrapper):
        def load(self, weights):
            own = self.inner.weights()
            self.inner.load(
                {n: weights[n] if n in weights and weights[n].shape == own[n].shape else own[n] for n in own}
            )


class LendsItsWeights(Backend):
    class Model(Wrapper):
        def __init__(self, inner):
            super().__init__(inner)
            self.lent = inner.weights()

        def weights(self):
            return self.lent


class ScribblesOnImages(Backend):
    class Model(Wrapper):
        def logits(self, images, **mode):
            found = self.inner.logits(images, **mode)
            images[:, 0] = 0
            return found


class AnyDeviceWillDo(Backend):
    def build(self, spec, weights, *, device="auto", precision=Precision.AUTO):
        try:
            return super().build(spec, weights, device=device, precision=precision)
        except InvalidSpecError:
            return super().build(spec, weights, precision=precision)


class RoughInHalfPrecision(Backend):
    class Model(Wrapper):
        def logits(self, images, **mode):
            rough = self.inner.precision == "bf16"
            return [np.rint(z / 2) * 2 if rough else z for z in self.inner.logits(images, **mode)]


CAUGHT_BY: dict[type[Backend], tuple[str, ...]] = {
    ChannelsFirst: ("logits_are_float32_with_one_value_per_pixel_and_class",),
    SlightlyOffLogits: ("logits_equal_the_reference",),
    AttendsWithOneHead: ("logits_equal_the_reference",),
    RunningStatisticsInTraining: ("training_logits_use_the_statistics_of_the_batch_and_leave_the_running_ones",),
    OnlyMultiplesOfFour: ("images_of_any_size_and_batches_of_any_length_are_taken",),
    LeaksAcrossTheBatch: ("an_image_does_not_depend_on_its_batch",),
    HalfPrecisionWeights: ("weights_survive_the_round_trip",),
    LoadsWhatFits: ("loading_what_does_not_fit_is_refused_and_changes_nothing",),
    LendsItsWeights: ("weights_given_and_taken_are_copies",),
    ScribblesOnImages: ("images_and_labels_are_not_written_to",),
    AnyDeviceWillDo: ("unknown_devices_are_refused",),
    RoughInHalfPrecision: ("mixed_precision_stays_near_float32",),
}
