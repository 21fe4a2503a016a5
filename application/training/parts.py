"""From names in settings to the objects a run is made of. All wrong names are reported at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import attrs
from attrs import frozen

from ...domain.architecture.graph import Graph
from ...domain.architecture.operations import Norm
from ...domain.architecture.shapes import Shape
from ...domain.augmentation.policy import AugmentationPolicy
from ...domain.choices import Choice
from ...domain.classes import ClassMap
from ...domain.description import DatasetInfo
from ...domain.errors import InvalidSpecError, SegportError, UnknownNameError
from ...domain.losses.planes import PerPlane
from ...domain.ports.backend import Backend, Capability, StepPlan
from ...domain.ports.catalogue import Catalogue
from ...domain.ports.dataset import TrainingPlan, ViewingPlan
from ...domain.ports.loss import Loss, OneClassAPixel
from ...domain.ports.model import NativeArchitecture
from ...domain.ports.tracking import Tracker
from ...domain.resampling import Fit
from ...domain.samples import Task
from ...domain.spec import ModelSpec, Normalisation, imagenet
from ...domain.training.averaging import Averaging
from ...domain.training.optimizers import OPTIMIZERS
from ...domain.training.plateau import Plateau
from ...domain.training.schedules import SCHEDULES, Schedule, WarmUp
from ...domain.training.selection import better
from ...domain.training.tuning import Tuning
from ..settings import TrainSettings
from .loop import LoopPlan
from .scoring import columns

T = TypeVar("T")


@frozen(eq=False)
class Parts:
    """All that training needs besides data and a folder. ``trackers`` are yet to be opened for one."""

    backend: Backend
    spec: ModelSpec
    step: StepPlan
    loop: LoopPlan
    training: TrainingPlan
    viewing: ViewingPlan
    trackers: Mapping[str, Callable[[Path], Tracker]]


class _Problems:
    """Collects what goes wrong, so that one message can show it all."""

    def __init__(self) -> None:
        self.found: list[SegportError] = []

    def attempt(self, make: Callable[[], T]) -> T | None:
        """The made thing, or None with its error noted."""
        try:
            return make()
        except SegportError as error:
            self.found.append(error)
            return None

    def raise_any(self) -> None:
        if len(self.found) == 1:
            raise self.found[0]
        if self.found:
            raise InvalidSpecError(
                f"{len(self.found)} settings cannot be used.", problems=[str(error) for error in self.found]
            )


def assemble(catalogue: Catalogue, settings: TrainSettings, info: DatasetInfo, classes: ClassMap) -> Parts:
    """Makes every part of complete ``settings``. Raises one SegportError that tells all that is wrong with them."""
    assert settings.size and settings.fit and settings.batch and settings.epochs and settings.rate
    assert settings.model and settings.loss and settings.optimizer and settings.schedule
    assert settings.augment and settings.monitor
    problems = _Problems()
    backend = problems.attempt(lambda: training_backend(catalogue, settings.backend))
    spec = problems.attempt(lambda: model_spec(catalogue, settings, info, classes))
    loss = problems.attempt(lambda: _loss(catalogue, settings, info))
    optimizer = problems.attempt(lambda: _named("optimizer", OPTIMIZERS, settings.optimizer))
    schedule = problems.attempt(lambda: _schedule(settings))
    policy = problems.attempt(lambda: _policy(catalogue, settings))
    trackers = problems.attempt(lambda: {t.name: catalogue.tracker(t.name, t.options) for t in settings.track})
    problems.attempt(lambda: _check_monitor(settings, classes))
    problems.attempt(lambda: _check_freezing(settings))
    problems.raise_any()
    assert backend and spec and loss and optimizer and schedule and policy and trackers is not None
    training = TrainingPlan(
        settings.size, settings.batch, settings.seed, settings.fit, policy, settings.workers, settings.cache
    )
    return Parts(
        backend=backend,
        spec=spec,
        step=StepPlan(
            loss=loss,
            output_weights=_output_weights(settings, spec),
            optimizer=optimizer,
            clip_norm=settings.clip or None,
            accumulate=settings.accumulate,
            seed=settings.seed,
            deterministic=settings.deterministic,
            tuning=Tuning(rate=settings.encoder_rate, fixed_norms=settings.freeze_norms),
            averaging=Averaging(settings.ema) if settings.ema else None,
        ),
        loop=LoopPlan(
            epochs=settings.epochs,
            batch=settings.batch,
            rate=settings.rate,
            schedule=schedule,
            accumulate=settings.accumulate,
            monitor=f"val_{settings.monitor}",
            validate_every=settings.validate_every,
            log_every=settings.log_every,
            patience=settings.patience or 0,
            frozen_epochs=settings.epochs if settings.freeze_encoder == "always" else settings.freeze_encoder,
        ),
        training=training,
        viewing=ViewingPlan(spec.fit, settings.size, spec.graph.stride, settings.batch, settings.workers),
        trackers=trackers,
    )


def check_names(catalogue: Catalogue, settings: TrainSettings) -> None:
    """Raises one SegportError that tells every name and option that is wrong whatever the data set."""
    problems = _Problems()
    problems.attempt(lambda: training_backend(catalogue, settings.backend))
    makers: tuple[tuple[Choice | None, Callable[[str, Mapping[str, Any]], object]], ...] = (
        (settings.model, catalogue.architecture),
        (settings.encoder, catalogue.encoder),
        (settings.loss, catalogue.loss),
        (settings.augment, catalogue.augmentation),
        *((tracker, catalogue.tracker) for tracker in settings.track),
    )
    for choice, make in makers:
        if choice is not None:
            problems.attempt(partial(make, choice.name, choice.options))
    for kind, table, choice in (
        ("optimizer", OPTIMIZERS, settings.optimizer),
        ("schedule", SCHEDULES, settings.schedule),
    ):
        if choice is not None:
            problems.attempt(partial(_named, kind, table, choice))
    problems.raise_any()


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
    _check_norms(settings, [shapes[node.name] for node in graph.nodes if isinstance(node.operation, Norm)])
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


def _loss(catalogue: Catalogue, settings: TrainSettings, info: DatasetInfo) -> Loss:
    """The loss with the weights of the classes: its own, or of planes those of the mean over them."""
    assert settings.loss
    options = dict(settings.loss.options)
    weights = () if settings.class_weights in (None, "none") else info.class_weights[settings.class_weights or ""]
    if weights and not info.task.planes:
        options["class_weights"] = weights
    loss = catalogue.loss(settings.loss.name, options)
    if not info.task.planes:
        return loss
    if isinstance(loss, OneClassAPixel) and loss.softmax:
        raise InvalidSpecError(
            f"loss = {settings.loss}: it shares a pixel out among the classes, and in a multilabel task they overlap.",
            fix="Use one that judges each class by itself: bce-dice, bce, dice, focal, jaccard, tversky, lovasz-hinge.",
        )
    return PerPlane(loss, weights)


def _check_task(settings: TrainSettings, task: Task, logits: Shape) -> None:
    """One pixel of logits for classification, and for nothing else."""
    classifies = logits[1:] == (1, 1) != settings.size
    if classifies and task is not Task.CLASSIFICATION:
        raise InvalidSpecError(
            f"model = {settings.model} gives one class an image, and the data set has masks.",
            fix="Use --model unet or another that gives every pixel a class; its encoder can still be taken over.",
        )
    if task is Task.CLASSIFICATION and not classifies:
        raise InvalidSpecError(
            f"model = {settings.model} gives every pixel a class, and the data set has one class an image.",
            fix="Use --model classifier; the encoder can still be taken over.",
        )
    if settings.fit is Fit.CROP and task is not Task.CLASSIFICATION:
        raise InvalidSpecError(
            "fit = crop: what is cut off would be left without a prediction.", fix="Use letterbox, stretch or native."
        )


def _check_norms(settings: TrainSettings, normalised: Sequence[Shape]) -> None:
    """Of a single value, a batch norm in training leaves nothing: torch refuses it, others go on with zeros."""
    if settings.batch == 1 and any(shape[1:] == (1, 1) for shape in normalised):
        raise InvalidSpecError(
            f"batch = 1: {settings.model} on {settings.encoder} normalises features of a single pixel in training.",
            fix="Use a batch of 2 or more.",
        )


def training_backend(catalogue: Catalogue, choice: Choice) -> Backend:
    """The backend of that choice. Raises InvalidSpecError for one that does not train."""
    backend = catalogue.backend(choice.name, choice.options)
    if Capability.TRAINING not in backend.capabilities:
        others = ", ".join(name for name in catalogue.names("backend") if name != backend.name)
        raise InvalidSpecError(
            f"The backend {backend.name!r} evaluates and predicts, but does not train.",
            fix=f"Train with another one that does: {others or 'none is installed'}.",
        )
    return backend


def _normalisation(settings: TrainSettings, info: DatasetInfo) -> Normalisation:
    return imagenet(info.channels) if settings.normalisation == "imagenet" else Normalisation(info.mean, info.std)


def _named(kind: str, table: Mapping[str, type[T]], choice: Choice | None) -> T:
    assert choice is not None
    if choice.name not in table:
        raise UnknownNameError.of(kind, choice.name, table)
    factory: type[Any] = table[choice.name]
    known = [field.name for field in attrs.fields(factory) if field.init]
    for option in choice.options:
        if option not in known:
            raise UnknownNameError.of(f"option of {kind} {choice.name!r}:", option, known)
    try:
        made: T = factory(**choice.options)
    except SegportError:
        raise
    except (TypeError, ValueError) as error:
        raise InvalidSpecError(f"{kind} {choice}: {error}") from error
    return made


def _schedule(settings: TrainSettings) -> Schedule:
    schedule = _named("schedule", SCHEDULES, settings.schedule)
    if isinstance(schedule, Plateau):
        schedule = _directed(schedule, settings)
    return WarmUp(schedule, settings.warmup) if settings.warmup else schedule


def _directed(plateau: Plateau, settings: TrainSettings) -> Plateau:
    """What counts as an improvement follows from what is monitored, and may be said once more."""
    assert settings.schedule and settings.monitor
    mode = better(settings.monitor)
    if settings.schedule.options.get("mode", mode) != mode:
        raise InvalidSpecError(
            f"schedule = {settings.schedule}: of the monitored {settings.monitor}, '{mode}' is better.",
            fix="Leave mode out: it follows from --monitor.",
        )
    return attrs.evolve(plateau, mode=mode)


def _policy(catalogue: Catalogue, settings: TrainSettings) -> AugmentationPolicy:
    assert settings.augment is not None
    return catalogue.augmentation(settings.augment.name, settings.augment.options)


def _output_weights(settings: TrainSettings, spec: ModelSpec) -> tuple[float, ...]:
    """As given, or halved from each output to the next."""
    outputs = len(spec.graph.outputs)
    weights = settings.output_weights or tuple(0.5**i for i in range(outputs))
    if len(weights) != outputs:
        raise InvalidSpecError(
            f"output_weights has {len(weights)} values, and the model {outputs} outputs.",
            fix="Give one weight for each output, main one first, or leave it out.",
        )
    return weights


def _check_freezing(settings: TrainSettings) -> None:
    frozen = [f"--{name.replace('_', '-')}" for name in ("freeze_encoder", "freeze_norms") if getattr(settings, name)]
    if frozen and settings.init_from is None and settings.encoder_weights is None:
        raise InvalidSpecError(
            f"{' and '.join(frozen)}: the encoder would stay as random as it begins.",
            fix="Give it weights: --encoder-weights imagenet, or --init-from RUN.",
        )


def _check_monitor(settings: TrainSettings, classes: ClassMap) -> None:
    known = [name.removeprefix("val_") for name in columns(classes) if name.startswith("val_")]
    if settings.monitor not in known:
        raise UnknownNameError.of("metric to monitor", str(settings.monitor), known)
