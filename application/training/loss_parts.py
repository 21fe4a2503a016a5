"""The loss of a run, and the weights of classes and outputs in it."""

from __future__ import annotations

from ...domain.description import DatasetInfo
from ...domain.errors import InvalidSpecError
from ...domain.listing import listed
from ...domain.losses.planes import PerPlane
from ...domain.ports.catalogue import Catalogue
from ...domain.ports.loss import Loss, OneClassAPixel
from ...domain.spec import ModelSpec
from ..settings import TrainSettings


def make_loss(catalogue: Catalogue, settings: TrainSettings, info: DatasetInfo) -> Loss:
    """The loss with the weights of the classes: its own, or of planes those of the mean over them."""
    assert settings.loss
    options = dict(settings.loss.options)
    weights = () if settings.class_weights in (None, "none") else info.class_weights[settings.class_weights or ""]
    if weights and not info.task.planes:
        options["class_weights"] = weights
    loss = catalogue.loss(settings.loss.name, options)
    if not info.task.planes:
        _check_class_weights(settings, loss, len(info.pixel_counts))
        return loss
    if isinstance(loss, OneClassAPixel) and loss.softmax:
        raise InvalidSpecError(
            f"loss = {settings.loss}: it shares a pixel out among the classes, and in a multilabel task they overlap.",
            fix="Use one that judges each class by itself: bce-dice, bce, dice, focal, jaccard, tversky, lovasz-hinge.",
        )
    return PerPlane(loss, weights)


def _check_class_weights(settings: TrainSettings, loss: Loss, classes: int) -> None:
    given = len(getattr(loss, "class_weights", ()))
    if given not in (0, classes):
        raise InvalidSpecError(
            f"loss = {settings.loss}: class_weights has {given} values, and the data set {classes} classes.",
            fix="Give one weight for each class, in their order, or leave it to --class-weights.",
        )


def output_weights(settings: TrainSettings, spec: ModelSpec) -> tuple[float, ...]:
    """As given, or halved from each output to the next."""
    outputs = len(spec.graph.outputs)
    weights = settings.output_weights or tuple(0.5**i for i in range(outputs))
    if len(weights) != outputs:
        raise InvalidSpecError(
            f"output_weights has {len(weights)} values, and the model {outputs} outputs.",
            fix="Give one weight for each output, main one first, or leave it out.",
        )
    if min(weights) < 0 or not any(weights):
        raise InvalidSpecError(
            f"output_weights = {listed(weights)}: expected numbers of at least 0, one of them above.",
        )
    return weights
