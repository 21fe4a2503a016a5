"""torch as a backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from attrs import field, frozen

from ...domain.architecture.checks import truth
from ...domain.architecture.graph import Graph
from ...domain.architecture.weights import Weights
from ...domain.ports.backend import Capability, DeviceInfo, Precision, StepPlan
from ...domain.ports.model import Model
from ...domain.refusals import own
from ...domain.spec import ModelSpec
from .device import devices, facts, out_of_memory, resolve, tune_allocator
from .evaluate import TorchEvalSession
from .model import TorchModel
from .native import Architectures, first_weights, unknown
from .train import TorchTrainSession


@frozen
class TorchBackend:
    """Runs graphs with PyTorch on CPUs, CUDA or ROCm GPUs, and Apple's.

    Attributes:
        compile: run the model through torch.compile, without the promise of deterministic kernels; off by default, as
            it is seldom faster on a CPU.
        allocator: raise glibc's thresholds before the first model is built on a Linux CPU, for the whole process.
        architectures: gives those whose models are torch's own code, by name and options.
    """

    compile: bool = field(default=False, validator=truth())
    allocator: bool = field(default=True, validator=truth())
    architectures: Architectures = unknown

    @property
    def name(self) -> str:
        """ "torch"."""
        return "torch"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What works here."""
        always = {Capability.TRAINING, Capability.MIXED_PRECISION}
        gpu = {Capability.GPU} if torch.cuda.is_available() or torch.backends.mps.is_available() else set()
        return frozenset(always | gpu | {Capability.COMPILED if self.compile else Capability.DETERMINISTIC})

    def devices(self) -> Sequence[DeviceInfo]:
        """Usable devices, best first."""
        return devices()

    def facts(self) -> Mapping[str, str]:
        """Build and threads, for `segport doctor`."""
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
    ) -> TorchModel:
        """See the port."""
        place, arithmetic = resolve(device, precision)
        if place.type == "cpu" and self.allocator:
            tune_allocator()
        return TorchModel(spec, weights, place, arithmetic, compiled=self.compile, architectures=self.architectures)

    def first_weights(self, graph: Graph, seed: int) -> Weights:
        """See the port."""
        return first_weights(graph, seed, self.architectures)

    def trainer(self, model: Model, plan: StepPlan) -> TorchTrainSession:
        """See the port."""
        return TorchTrainSession(own(model, TorchModel, "torch"), plan)

    def evaluator(self, model: Model, plan: StepPlan | None = None) -> TorchEvalSession:
        """See the port."""
        return TorchEvalSession(own(model, TorchModel, "torch"), plan)
