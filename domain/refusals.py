"""What every backend refuses before it does anything, and in which words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from numpy.typing import NDArray

from .architecture.graph import Graph
from .architecture.native import Native
from .architecture.weights import Weights, mismatch
from .errors import CheckpointError, InvalidSpecError
from .ports.backend import DeviceInfo, Precision, StepPlan, TrainState
from .ports.model import Model
from .spec import ModelSpec
from .training import averaging
from .training.optimizers import Optimizer

M = TypeVar("M")


def check_spec(spec: ModelSpec, backend: str) -> None:
    """Raises InvalidSpecError for a normalisation of other channels than the images', or another framework's model."""
    found, channels, native = spec.normalisation, spec.graph.channels, spec.graph.native
    if {len(found.mean), len(found.std)} != {channels}:
        raise InvalidSpecError(
            f"The normalisation has {len(found.mean)} means and {len(found.std)} deviations,"
            f" but the images have {channels} channels."
        )
    if native is not None and native.framework != backend:
        raise another_framework(backend, native)


def check_images(graph: Graph, images: NDArray[Any]) -> None:
    """Raises InvalidSpecError for images that are not (N, H, W, C) with the graph's C."""
    if images.ndim != 4 or images.shape[3] != graph.channels:
        raise InvalidSpecError(f"Images are (N, H, W, {graph.channels}) for this model, not {images.shape}.")


def check_weights(graph: Graph, weights: Weights) -> None:
    """Raises CheckpointError listing every missing, unknown or misshapen tensor."""
    problems = mismatch(graph, weights)
    if problems:
        raise CheckpointError(
            "The weights do not fit the model; nothing was loaded.",
            problems=problems,
            fix="Build the model from the specification the weights were saved with.",
        )


def another_framework(backend: str, model: Native) -> InvalidSpecError:
    """The error for a model that is another framework's own code."""
    return InvalidSpecError(
        f"The model {model.architecture} is native to {model.framework}: the {backend} backend cannot run it.",
        fix=f"Use --backend {model.framework}. The models of `segport models list` without a framework run on all.",
    )


def check_plan(graph: Graph, plan: StepPlan) -> None:
    """Raises InvalidSpecError for a plan of another number of outputs."""
    if len(plan.output_weights) != len(graph.outputs):
        raise InvalidSpecError(
            f"The step plan has {len(plan.output_weights)} output weights,"
            f" but the graph has {len(graph.outputs)} outputs.",
            fix="Give one weight for each output, the main one first.",
        )


def check_state(graph: Graph, plan: StepPlan, state: TrainState) -> None:
    """Raises CheckpointError with every reason why a session of this plan cannot go on from ``state``."""
    problems = [*mismatch(graph, state.weights), *_slot_problems(graph, plan.optimizer, state.slots)]
    problems += averaging.misfits(plan.averaging, graph, state.averages)
    if problems:
        raise CheckpointError(
            "The training state does not fit; nothing was restored.",
            problems=problems,
            fix="Resume with the model and the optimizer the state was saved with.",
        )


def chosen(devices: Sequence[DeviceInfo], device: str, precision: Precision) -> tuple[str, Precision]:
    """The device and precision meant by a request; "auto" is the first of ``devices``, and what that says of itself.

    Raises InvalidSpecError for a device that is not among them.
    """
    known = {info.name: info for info in devices}
    found = next(iter(known)) if device == "auto" else device
    if found not in known:
        fix = f"Use one of: auto, {', '.join(known)}; see `segport doctor`."
        raise InvalidSpecError(f"There is no device {device!r} here.", fix=fix)
    return found, known[found].precision if precision is Precision.AUTO else precision


def own(model: Model, kind: type[M], backend: str) -> M:
    """The model itself. Raises InvalidSpecError for another backend's."""
    if isinstance(model, kind):
        return model
    raise InvalidSpecError(
        f"The {backend} backend cannot run a {type(model).__name__}.",
        fix="Build the model with the same backend: backend.build(model.spec, model.weights()).",
    )


def _slot_problems(graph: Graph, optimizer: Optimizer, slots: Mapping[str, NDArray[Any]]) -> list[str]:
    trained = {name: spec.shape for name, spec in graph.weights().items() if spec.trainable}
    shapes = {f"{slot}/{name}": shape for slot in optimizer.slots for name, shape in trained.items()}
    found = [f"{key}: missing" for key in shapes if key not in slots]
    for key, array in slots.items():
        if key not in shapes:
            found.append(f"{key}: {type(optimizer).__name__} has no such slot")
        elif array.shape != shapes[key]:
            found.append(f"{key}: shape {array.shape}, expected {shapes[key]}")
    return found
