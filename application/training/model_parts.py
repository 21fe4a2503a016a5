"""The model of a run: its graph, bound to classes, normalisation and geometry."""

from __future__ import annotations

from collections.abc import Sequence

from ...domain.architecture.graph import Graph
from ...domain.architecture.operations import Norm
from ...domain.architecture.shapes import Shape
from ...domain.classes import ClassMap
from ...domain.description import DatasetInfo
from ...domain.errors import InvalidSpecError
from ...domain.ports.catalogue import Catalogue
from ...domain.ports.model import NativeArchitecture
from ...domain.resampling import Fit
from ...domain.samples import Task
from ...domain.spec import ModelSpec, Normalisation, imagenet
from ..settings import TrainSettings
from .part_checks import images_at_once


def model_spec(catalogue: Catalogue, settings: TrainSettings, info: DatasetInfo, classes: ClassMap) -> ModelSpec:
    """Draws the graph and binds it to classes, normalisation and geometry."""
    assert settings.model and settings.size and settings.fit
    graph = _graph(catalogue, settings, info.channels, info.task.outputs(len(classes)))
    height, width = settings.size
    if height % graph.stride or width % graph.stride:
        up = [max(graph.stride, -(-side // graph.stride) * graph.stride) for side in settings.size]
        raise InvalidSpecError(
            f"size = {height}x{width}: this model needs multiples of {graph.stride}.", fix=f"Use {up[0]}x{up[1]}."
        )
    shapes = graph.shapes(height, width)
    _check_task(settings, info.task, shapes[graph.outputs[0]])
    normalised = [shapes[node.name] for node in graph.nodes if isinstance(node.operation, Norm)]
    _check_norms(settings, images_at_once(settings, info), normalised)
    return ModelSpec(
        graph=graph,
        classes=classes,
        task=info.task,
        normalisation=_normalisation(settings, info),
        fit=settings.fit,
        size=settings.size,
        architecture=str(settings.model),
        encoder=str(settings.encoder or ""),
    )


def _graph(catalogue: Catalogue, settings: TrainSettings, channels: int, outputs: int) -> Graph:
    """On the encoder, but for a native model, which brings its own."""
    assert settings.model
    architecture = catalogue.architecture(settings.model.name, settings.model.options)
    if settings.encoder is None:
        assert isinstance(architecture, NativeArchitecture)
        return architecture.graph(channels=channels, outputs=outputs)
    encoder = catalogue.encoder(settings.encoder.name, settings.encoder.options)
    return architecture.graph(channels=channels, outputs=outputs, encoder=encoder)


def _check_task(settings: TrainSettings, task: Task, logits: Shape) -> None:
    """One pixel of logits for classification, and for nothing else."""
    classifies = logits[1:] == (1, 1) != settings.size
    if classifies and task is not Task.CLASSIFICATION:
        raise InvalidSpecError(
            f"model = {settings.model} gives one class per image, and the data set has masks.",
            fix="Use --model unet or another that gives every pixel a class; its encoder can still be taken over.",
        )
    if task is Task.CLASSIFICATION and not classifies:
        raise InvalidSpecError(
            f"model = {settings.model} gives every pixel a class, and the data set has one class per image.",
            fix="Use --model classifier; the encoder can still be taken over.",
        )
    if settings.fit is Fit.CROP and task is not Task.CLASSIFICATION:
        raise InvalidSpecError(
            "fit = crop: what is cut off would be left without a prediction.", fix="Use letterbox, stretch or native."
        )


def _check_norms(settings: TrainSettings, images: int, normalised: Sequence[Shape]) -> None:
    """Of a single value, a batch norm in training leaves nothing: torch refuses it, others go on with zeros."""
    if images == 1 and any(shape[1:] == (1, 1) for shape in normalised):
        few = "" if settings.batch == 1 else ", and one training image"
        raise InvalidSpecError(
            f"batch = {settings.batch}{few}: {settings.model} on {settings.encoder} normalises features of a single "
            "pixel in training.",
            fix="Use a batch of 2 or more, of as many images.",
        )


def _normalisation(settings: TrainSettings, info: DatasetInfo) -> Normalisation:
    """As asked for. A channel that is the same everywhere, as of a picture in blue alone, becomes 0."""
    if settings.normalisation == "imagenet":
        return imagenet(info.channels)
    return Normalisation(info.mean, tuple(std or 1.0 for std in info.std))
