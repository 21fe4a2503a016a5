"""JAX as a backend."""

from __future__ import annotations

from collections.abc import Sequence

import jax

from segport.domain.architecture.weights import Weights
from segport.domain.errors import InvalidSpecError
from segport.domain.ports.backend import Capability, DeviceInfo, Precision, StepPlan
from segport.domain.ports.model import Model
from segport.domain.refusals import chosen, own
from segport.domain.spec import ModelSpec

from .evaluate import JaxEvalSession
from .model import JaxModel
from .train import JaxTrainSession


class JaxBackend:
    """Runs graphs with JAX, on whatever devices it finds."""

    name = "jax"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do here and now. A GPU adds up in any order, so only a CPU is deterministic."""
        here = Capability.DETERMINISTIC if jax.default_backend() == "cpu" else Capability.GPU
        return frozenset({Capability.TRAINING, Capability.COMPILED, Capability.MIXED_PRECISION, here})

    def devices(self) -> Sequence[DeviceInfo]:
        """Usable devices, best first."""
        gpu = Precision.BF16, "the device computes bf16 natively"
        cpu = Precision.FP32, "XLA computes bf16 on a CPU by way of float32"
        return [DeviceInfo(name, at.device_kind, *(cpu if name == "cpu" else gpu)) for name, at in _places().items()]

    def build(
        self, spec: ModelSpec, weights: Weights, *, device: str = "auto", precision: Precision = Precision.AUTO
    ) -> JaxModel:
        """See the port."""
        name, arithmetic = chosen(self.devices(), device, precision)
        if arithmetic is Precision.FP16:
            raise InvalidSpecError("The JAX backend has no precision 'fp16'.", fix="Use 'auto', 'bf16' or 'fp32'.")
        return JaxModel(spec, weights, _places()[name], arithmetic)

    def trainer(self, model: Model, plan: StepPlan) -> JaxTrainSession:
        """See the port."""
        return JaxTrainSession(own(model, JaxModel, "JAX"), plan)

    def evaluator(self, model: Model, plan: StepPlan | None = None) -> JaxEvalSession:
        """See the port."""
        return JaxEvalSession(own(model, JaxModel, "JAX"), plan)


def _places() -> dict[str, jax.Device]:
    found = [*jax.devices(), *jax.devices("cpu")]
    return {"cpu" if place.platform == "cpu" else f"{place.platform}:{place.id}": place for place in found}
