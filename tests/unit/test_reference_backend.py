"""The reference as a backend: what it refuses. What it does is checked with all backends, by the conformance kit."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from segport.adapters.reference.backend import ReferenceBackend
from segport.domain.errors import InvalidSpecError
from segport.domain.ports.backend import Backend, Capability, Precision
from segport.plugins.conformance.subject import lively, plan, small_spec
from segport.plugins.entries import Kind
from segport.plugins.registry import Registry

SPEC = small_spec()
WEIGHTS = lively(SPEC.graph, 0)


def test_it_is_offered_as_numpy_too_and_needs_nothing() -> None:
    registry = Registry()
    assert registry.backend("numpy") is registry.backend("reference")
    assert registry.entry(Kind.BACKEND, "numpy").requires == ()


def test_it_does_not_train() -> None:
    backend: Backend = ReferenceBackend()
    assert Capability.TRAINING not in backend.capabilities
    with pytest.raises(InvalidSpecError, match="no gradients") as caught:
        backend.trainer(backend.build(SPEC, WEIGHTS), plan(SPEC))
    assert "--backend torch" in caught.value.fix


@pytest.mark.parametrize("device", ["cuda", "gpu:0", ""])
def test_it_has_one_device(device: str) -> None:
    with pytest.raises(InvalidSpecError, match=f"no device {device!r}") as caught:
        ReferenceBackend().build(SPEC, WEIGHTS, device=device)
    assert "cpu" in caught.value.fix


@pytest.mark.parametrize("precision", [Precision.BF16, Precision.FP16])
def test_it_has_one_precision(precision: Precision) -> None:
    with pytest.raises(InvalidSpecError, match=f"'{precision.value}'.*float32 alone"):
        ReferenceBackend().build(SPEC, WEIGHTS, precision=precision)


def test_it_runs_models_of_its_own_only() -> None:
    with pytest.raises(InvalidSpecError, match="cannot run a SimpleNamespace"):
        ReferenceBackend().evaluator(SimpleNamespace())  # type: ignore[arg-type]
