"""What every backend's model must do."""

from __future__ import annotations

from functools import partial

import numpy as np

from ...domain.errors import CheckpointError, InvalidSpecError
from ...domain.ports.backend import Precision
from ...domain.samples import Task
from . import expect
from .subject import SIZE, Subject, batch, lively, misfits, small_spec

LOGITS_TOLERANCE = 3e-5
MIXED_TOLERANCE = 0.1


def logits_are_float32_with_one_value_per_pixel_and_class(subject: Subject) -> None:
    """(N, H, W, K) float32 for each output, main one first; K = 1 for binary, H and W for classification."""
    for task, size, classes in (
        (Task.MULTICLASS, SIZE, 4),
        (Task.BINARY, SIZE, 1),
        (Task.CLASSIFICATION, (1, 1), 4),
    ):
        spec = small_spec(task)
        logits = subject.model(spec).logits(batch(spec, 3).images)
        expect.that(len(logits) == 2, f"{len(logits)} outputs, expected 2")
        for output in logits:
            expect.that(output.shape == (3, *size, classes), f"logits of shape {output.shape}")
            expect.that(output.dtype == np.float32, f"logits of {output.dtype}")


def logits_equal_the_reference(subject: Subject) -> None:
    """In inference, to float32 rounding."""
    for task, channels in ((Task.MULTICLASS, 3), (Task.BINARY, 1)):
        spec = small_spec(task, channels=channels, dropout=0.5)
        images = batch(spec, 2, seed=1).images
        wanted = subject.reference(spec, lively(spec.graph, 0)).logits(images)
        for found, right in zip(subject.model(spec).logits(images), wanted, strict=True):
            expect.close("logits", found, right, LOGITS_TOLERANCE)


def training_logits_use_the_statistics_of_the_batch_and_leave_the_running_ones(subject: Subject) -> None:
    """As the reference's in training mode, with no weight changed by asking."""
    spec = small_spec()
    images = batch(spec, 3, seed=2).images
    model = subject.model(spec)
    wanted = subject.reference(spec, lively(spec.graph, 0)).logits(images, training=True)
    for found, right in zip(model.logits(images, training=True), wanted, strict=True):
        expect.close("training logits", found, right, LOGITS_TOLERANCE)
    expect.same_weights("weights after asking for logits", model.weights(), lively(spec.graph, 0))


def images_of_any_size_and_batches_of_any_length_are_taken(subject: Subject) -> None:
    """One model, one image after three, sizes that are no multiple of the stride."""
    spec = small_spec()
    model, reference = subject.model(spec), subject.reference(spec, lively(spec.graph, 0))
    for count, size in ((3, (24, 32)), (1, (24, 32)), (2, (17, 29)), (1, (5, 7))):
        images = batch(spec, count, size).images
        for found, right in zip(model.logits(images), reference.logits(images), strict=True):
            expect.close(f"logits of {count} images of {size}", found, right, LOGITS_TOLERANCE)


def an_image_does_not_depend_on_its_batch(subject: Subject) -> None:
    """In inference."""
    spec = small_spec()
    model, images = subject.model(spec), batch(spec, 3).images
    together = model.logits(images)[0]
    for i in range(len(images)):
        expect.close(f"image {i} alone", model.logits(images[i : i + 1])[0][0], together[i], LOGITS_TOLERANCE)


def weights_survive_the_round_trip(subject: Subject) -> None:
    """Bit for bit, by canonical name, float32, through building and through loading."""
    spec = small_spec()
    model = subject.model(spec, seed=3)
    expect.same_weights("weights after building", model.weights(), lively(spec.graph, 3))
    model.load(lively(spec.graph, 4))
    expect.same_weights("weights after loading", model.weights(), lively(spec.graph, 4))
    kinds = {str(array.dtype) for array in model.weights().values()}
    expect.that(kinds == {"float32"}, f"weights of {kinds}")


def loading_what_does_not_fit_is_refused_and_changes_nothing(subject: Subject) -> None:
    """CheckpointError, from building as from loading."""
    spec = small_spec()
    model = subject.model(spec)
    for broken in misfits(lively(spec.graph, 5)):
        expect.raises(CheckpointError, f"loading: {broken.why}", partial(model.load, broken.weights))
        expect.same_weights("weights after a refused load", model.weights(), lively(spec.graph, 0))
        build = partial(subject.with_weights, spec, broken.weights)
        expect.raises(CheckpointError, f"building: {broken.why}", build)


def weights_given_and_taken_are_copies(subject: Subject) -> None:
    """Writing to them afterwards changes no model."""
    spec = small_spec()
    given = lively(spec.graph, 0)
    model = subject.with_weights(spec, given)
    for arrays in (given, model.weights()):
        for array in arrays.values():
            array += 1
    expect.same_weights("weights after writing to copies", model.weights(), lively(spec.graph, 0))


def images_and_labels_are_not_written_to(subject: Subject) -> None:
    """Read-only arrays are taken as well."""
    spec = small_spec()
    data = batch(spec)
    images, labels = data.images.copy(), data.labels.copy()
    model = subject.model(spec)
    for _ in range(2):
        model.logits(data.images)
        evaluator = subject.backend.evaluator(model)
        for fed in evaluator.feed([data]):
            evaluator.tally(fed)
            evaluator.probabilities(fed)
        evaluator.close()
        expect.equal("images", data.images, images)
        expect.equal("labels", data.labels, labels)
        data.images.setflags(write=False)
        data.labels.setflags(write=False)


def unknown_devices_are_refused(subject: Subject) -> None:
    """InvalidSpecError, and the devices that are listed work."""
    spec = small_spec()
    weights = lively(spec.graph, 0)
    build = subject.backend.build
    expect.raises(InvalidSpecError, "device 'abacus'", lambda: build(spec, weights, device="abacus"))
    expect.that(len(subject.backend.devices()) > 0, "no device is listed")
    for info in subject.backend.devices():
        expect.that(info.precision is not Precision.AUTO, f"{info.name}: precision 'auto' is no choice")
        expect.that(bool(info.reason), f"{info.name}: no reason is given for its precision")
        model = build(spec, weights, device=info.name)
        found = model.precision
        expect.that(found == info.precision.value, f"{info.name}: precision {found!r}, not {info.precision.value!r}")


def mixed_precision_stays_near_float32(subject: Subject) -> None:
    """Half precision moves logits by a few percent of their range, not more, and weights not at all."""
    spec = small_spec()
    images = batch(spec).images
    model = subject.model(spec, precision=Precision.BF16)
    for found, right in zip(model.logits(images), subject.model(spec).logits(images), strict=True):
        expect.close("bf16 logits", found, right, MIXED_TOLERANCE)
    expect.same_weights("weights of a bf16 model", model.weights(), lively(spec.graph, 0))
