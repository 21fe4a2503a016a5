"""The shortest way in: a toolkit whose framework, device and precision are said once."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from .application.listening import EventListener, Stop, never, nobody
from .application.settings import DEFAULT_BACKEND, EvaluateSettings, PrepareSettings, TrainSettings
from .bootstrap import Settings, Toolkit

if TYPE_CHECKING:
    from .application.evaluate import EvaluationReport
    from .application.predictor import Prediction
    from .application.prepare_report import PrepareReport
    from .application.training.train import TrainReport
    from .domain.arrays import Image
    from .domain.choices import Choice
    from .domain.events import Event
    from .domain.terms import Precision


def open(
    backend: str | Choice = DEFAULT_BACKEND,
    *,
    device: str = "auto",
    precision: str | Precision = "auto",
    settings: Settings | None = None,
    **overrides: object,
) -> Session:
    """A session bound to a backend: ``segport.open(backend="torch").train("data/mine", epochs=30)``.

    Args:
        backend: framework, with options, as ``--backend`` takes it.
        device: "auto", "cpu", "cuda" ...
        precision: "auto", "fp32", "bf16" or "fp16".
        settings: of the toolkit.
        overrides: of the toolkit, as ``**segport.in_memory(dataset)``.

    Raises UnknownNameError, InvalidSpecError and BackendUnavailableError for a backend that is not to be had.
    """
    session = Session(Toolkit(settings, **overrides), {"backend": backend, "device": device, "precision": precision})
    session.check()
    return session


@frozen
class Session:
    """A toolkit, and what its models are computed by. Keyword arguments are the fields of the settings.

    Whatever is not here is asked of the ``toolkit``, which is the same with nothing filled in.
    """

    toolkit: Toolkit
    compute: dict[str, Any] = field(factory=dict)

    def check(self) -> None:
        """Raises where the backend cannot be used."""
        chosen = EvaluateSettings(Path(), **self.compute).backend or DEFAULT_BACKEND
        self.toolkit.registry.backend(chosen.name, chosen.options)

    def prepare(self, source: Path | str, out: Path | str, **fields: Any) -> PrepareReport:
        """``Toolkit.prepare`` with ``PrepareSettings``."""
        return self.toolkit.prepare(PrepareSettings(source, out, **fields))

    def train(
        self,
        data: Path | str,
        *,
        listen: EventListener = nobody,
        stop: Stop = never,
        **fields: Any,
    ) -> TrainReport:
        """``Toolkit.train`` with ``TrainSettings``."""
        return self.toolkit.train(self._training(data, fields), listen=listen, stop=stop)

    def events(self, data: Path | str, *, stop: Stop = never, **fields: Any) -> Generator[Event, None, TrainReport]:
        """``Toolkit.train.events`` with ``TrainSettings``."""
        return self.toolkit.train.events(self._training(data, fields), stop=stop)

    def evaluate(self, run: Path | str, **fields: Any) -> EvaluationReport:
        """``Toolkit.evaluate`` with ``EvaluateSettings``."""
        return self.toolkit.evaluate(EvaluateSettings(run, **{**self.compute, **fields}))

    def predict(self, run: Path | str, images: Iterable[Image], *, probabilities: bool = False) -> list[Prediction]:
        """What the run's best model sees in each (H, W, C) uint8 image: ``Toolkit.predict.arrays``."""
        return list(self.toolkit.predict.arrays(run, images, probabilities=probabilities, **self.compute))

    def _training(self, data: Path | str, fields: dict[str, Any]) -> TrainSettings:
        return TrainSettings(data, **{**self.compute, **fields})
