"""TensorFlow as a backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from ...domain.architecture.checks import truth
from ...domain.architecture.weights import Weights
from ...domain.ports.backend import Capability, DeviceInfo, Precision, StepPlan
from ...domain.ports.model import Model
from ...domain.refusals import own
from ...domain.spec import ModelSpec
from .device import devices, facts, out_of_memory, resolve
from .evaluate import TensorflowEvalSession
from .model import TensorflowModel
from .runtime import tf
from .train import TensorflowTrainSession


@frozen
class TensorflowBackend:
    """Runs graphs with TensorFlow, as Keras models, on CPUs and CUDA GPUs.

    Attributes:
        jit_compile: compile model and step with XLA; off by default, as it is seldom faster on a CPU.
    """

    jit_compile: bool = field(default=False, validator=truth())

    @property
    def name(self) -> str:
        """ "tensorflow"."""
        return "tensorflow"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What works here."""
        always = {Capability.TRAINING, Capability.MIXED_PRECISION, Capability.DETERMINISTIC}
        gpu = {Capability.GPU} if tf.config.list_physical_devices("GPU") else set()
        return frozenset(always | gpu | ({Capability.COMPILED} if self.jit_compile else set()))

    def devices(self) -> Sequence[DeviceInfo]:
        """Usable devices, best first."""
        return devices()

    def facts(self) -> Mapping[str, str]:
        """Keras, build and threads, for `segport doctor`."""
        return facts()

    def out_of_memory(self, error: Exception) -> bool:
        """See the port."""
        return out_of_memory(error)

    def build(
        self,
        spec: ModelSpec,
        weights: Weights,
        *,
        device: str = "auto",
        precision: Precision = Precision.AUTO,
    ) -> TensorflowModel:
        """See the port."""
        place, arithmetic = resolve(device, precision)
        return TensorflowModel(spec, weights, place, arithmetic, jit_compile=self.jit_compile)

    def trainer(self, model: Model, plan: StepPlan) -> TensorflowTrainSession:
        """See the port."""
        return TensorflowTrainSession(own(model, TensorflowModel, "tensorflow"), plan)

    def evaluator(self, model: Model, plan: StepPlan | None = None) -> TensorflowEvalSession:
        """See the port."""
        return TensorflowEvalSession(own(model, TensorflowModel, "tensorflow"), plan)
