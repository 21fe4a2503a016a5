"""From names in settings to the objects a run is made of. All wrong names are reported at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import attrs
from attrs import frozen

from ...domain.augmentation.policy import AugmentationPolicy
from ...domain.choices import Choice
from ...domain.classes import ClassMap
from ...domain.description import DatasetInfo
from ...domain.errors import InvalidSpecError, SegportError, UnknownNameError
from ...domain.ports.backend import Backend, Capability, StepPlan
from ...domain.ports.catalogue import Catalogue
from ...domain.ports.dataset import TrainingPlan, ViewingPlan
from ...domain.ports.tracking import Tracker
from ...domain.spec import ModelSpec
from ...domain.training.averaging import Averaging
from ...domain.training.optimizers import OPTIMIZERS
from ...domain.training.plateau import Plateau
from ...domain.training.schedules import SCHEDULES, Schedule, WarmUp
from ...domain.training.selection import better
from ...domain.training.tuning import Tuning
from ..settings import TrainSettings
from .loop import LoopPlan
from .loss_parts import make_loss, output_weights
from .model_parts import model_spec
from .part_checks import check_freezing, check_monitor, check_updates

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
    loss = problems.attempt(lambda: make_loss(catalogue, settings, info))
    optimizer = problems.attempt(lambda: _named("optimizer", OPTIMIZERS, settings.optimizer))
    schedule = problems.attempt(lambda: _schedule(settings))
    policy = problems.attempt(lambda: _policy(catalogue, settings))
    trackers = problems.attempt(lambda: {t.name: catalogue.tracker(t.name, t.options) for t in settings.track})
    problems.attempt(lambda: check_monitor(settings, classes))
    problems.attempt(lambda: check_freezing(settings))
    problems.attempt(lambda: check_updates(settings, info))
    problems.raise_any()
    assert backend and spec and loss and optimizer and schedule and policy and trackers is not None
    weights = output_weights(settings, spec)
    training = TrainingPlan(
        settings.size, settings.batch, settings.seed, settings.fit, policy, settings.workers, settings.cache
    )
    return Parts(
        backend=backend,
        spec=spec,
        step=StepPlan(
            loss=loss,
            output_weights=weights,
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
