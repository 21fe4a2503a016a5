"""A backend: it begins as the NumPy reference. Put your framework behind one method after another, and check again."""

from __future__ import annotations

from collections.abc import Sequence

from ...domain.architecture.weights import Weights
from ...domain.ports.backend import Capability, DeviceInfo, EvalSession, Precision, StepPlan, TrainSession
from ...domain.ports.model import Model
from ...domain.spec import ModelSpec
from ..registry import Registry


class ExampleBackend:
    """Evaluates and predicts, by NumPy for now; it does not train yet."""

    name = "example"

    def __init__(self) -> None:
        self._reference = Registry().backend("reference")

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do. Checks of training are skipped until Capability.TRAINING is among them."""
        return frozenset({Capability.DETERMINISTIC})

    def devices(self) -> Sequence[DeviceInfo]:
        """Usable devices, best first."""
        return self._reference.devices()

    def build(
        self, spec: ModelSpec, weights: Weights, *, device: str = "auto", precision: Precision = Precision.AUTO
    ) -> Model:
        """Your framework's own model of ``spec.graph``: a function for each of its operations."""
        return self._reference.build(spec, weights, device=device, precision=precision)

    def trainer(self, model: Model, plan: StepPlan) -> TrainSession:
        """A compiled step: forward, ``plan.loss`` over your operation table, gradient, ``plan.optimizer``."""
        return self._reference.trainer(model, plan)

    def evaluator(self, model: Model, plan: StepPlan | None = None) -> EvalSession:
        """Prediction and counting on the device."""
        return self._reference.evaluator(model, plan)
