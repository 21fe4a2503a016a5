"""A model's spec as plain JSON values, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...domain.architecture.graph import Graph
from ...domain.classes import ClassMap
from ...domain.resampling import Fit
from ...domain.samples import Task
from ...domain.spec import ModelSpec, Normalisation


def spec_to_data(spec: ModelSpec) -> dict[str, Any]:
    """Plain JSON values; ``spec_from_data`` is the inverse."""
    return {
        "architecture": spec.architecture,
        "encoder": spec.encoder,
        "task": spec.task.value,
        "fit": spec.fit.value,
        "size": list(spec.size),
        "normalisation": {"mean": list(spec.normalisation.mean), "std": list(spec.normalisation.std)},
        "classes": spec.classes.to_data(),
        "graph": spec.graph.to_data(),
    }


def spec_from_data(data: Mapping[str, Any]) -> ModelSpec:
    """Raises KeyError, TypeError, ValueError, AttributeError or OverflowError for what is no spec."""
    height, width = data["size"]
    return ModelSpec(
        graph=Graph.from_data(data["graph"]),
        classes=ClassMap.from_data(data["classes"]),
        task=Task(data["task"]),
        normalisation=Normalisation(_floats(data["normalisation"]["mean"]), _floats(data["normalisation"]["std"])),
        fit=Fit(data["fit"]),
        size=(int(height), int(width)),
        architecture=str(data["architecture"]),
        encoder=str(data["encoder"]),
    )


def _floats(values: Iterable[Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
