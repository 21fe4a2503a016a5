"""The NumPy reference as a backend: forward only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from attrs import frozen

from ...domain.architecture.weights import Weights
from ...domain.errors import InvalidSpecError
from ...domain.ports.backend import Capability, DeviceInfo, Precision, StepPlan
from ...domain.ports.model import Model
from ...domain.refusals import own
from ...domain.spec import ModelSpec
from .evaluate import NumpyEvalSession
from .loss import OPS, NumpyOps
from .model import NumpyModel

_CPU = DeviceInfo("cpu", "CPU, by NumPy", Precision.FP32, "the reference computes in float32 alone")


@frozen
class ReferenceBackend:
    """Evaluates and predicts wherever segport is installed. It has no gradients, so it cannot train."""

    @property
    def name(self) -> str:
        """ "reference"."""
        return "reference"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Same input, same bytes; nothing more."""
        return frozenset({Capability.DETERMINISTIC})

    @property
    def operations(self) -> NumpyOps:
        """The operation table on arrays, float64 included."""
        return OPS

    def devices(self) -> Sequence[DeviceInfo]:
        """The CPU."""
        return [_CPU]

    def build(
        self,
        spec: ModelSpec,
        weights: Weights,
        *,
        device: str = "auto",
        precision: Precision = Precision.AUTO,
    ) -> NumpyModel:
        """See the port."""
        if device not in ("auto", _CPU.name):
            raise InvalidSpecError(f"The reference has no device {device!r}.", fix="Use auto or cpu.")
        if precision not in (Precision.AUTO, _CPU.precision):
            raise InvalidSpecError(f"precision = {precision.value!r}: {_CPU.reason}.", fix="Use auto or fp32.")
        return NumpyModel(spec, weights)

    def trainer(self, model: Model, plan: StepPlan) -> NoReturn:
        """Raises InvalidSpecError: there are no gradients here."""
        raise InvalidSpecError(
            "The reference backend computes no gradients, so it cannot train.",
            fix="Train with a framework, as in --backend torch or --backend tf; any backend can evaluate the result.",
        )

    def evaluator(self, model: Model, plan: StepPlan | None = None) -> NumpyEvalSession:
        """See the port."""
        return NumpyEvalSession(own(model, NumpyModel, "reference"), plan)
