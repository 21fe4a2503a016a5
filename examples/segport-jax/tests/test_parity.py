"""The same run in JAX and in torch, where torch is installed: rounding apart, one loss after another."""

import jax
import numpy as np
import pytest
from segport_jax.backend import JaxBackend

from segport.domain.ports.backend import Precision
from segport.domain.samples import Task
from segport.domain.training.averaging import Averaging
from segport.domain.training.optimizers import AdamW, Sgd
from segport.plugins.conformance.subject import batch, lively, plan, small_spec, train
from segport.plugins.registry import Registry

OPTIMIZERS = {"sgd": Sgd(momentum=0.9, weight_decay=1e-3), "adamw": AdamW(epsilon=1e-4)}
"""AdamW with an epsilon above rounding: a gradient of almost nothing would else decide a whole step."""
STEPS = 12
"""Beyond some twenty, rounding has grown to a ten-thousandth of the loss."""


def history(backend, spec, steps):
    """Losses of a run, and the weights it ends with."""
    model = backend.build(spec, lively(spec.graph, 0), device="cpu", precision=Precision.FP32)
    session = backend.trainer(model, steps)
    train(session, [batch(spec, seed=i % 4) for i in range(STEPS)], 0.003)
    return session.drain().losses, session.result.weights()


@pytest.mark.parametrize("task", [Task.MULTICLASS, Task.MULTILABEL])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_run_has_the_losses_that_it_has_in_torch(task, optimizer):
    pytest.importorskip("torch")
    spec = small_spec(task)
    steps = plan(spec, optimizer=OPTIMIZERS[optimizer], averaging=Averaging(0.9), clip_norm=5.0)
    losses, weights = history(JaxBackend(), spec, steps)
    wanted, right = history(Registry().backend("torch"), spec, steps)
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(losses, wanted, rtol=1e-4)
    for name, array in right.items():
        np.testing.assert_allclose(weights[name], array, atol=2e-4, err_msg=name)


def test_a_step_is_traced_once_for_a_size_of_batch():
    spec = small_spec(dropout=0.3)
    model = JaxBackend().build(spec, lively(spec.graph, 0), device="cpu", precision=Precision.FP32)
    session = JaxBackend().trainer(model, plan(spec, optimizer=AdamW(), averaging=Averaging(0.9)))
    for rate in (0.1, 0.01, 0.001):
        train(session, [batch(spec, seed=1), batch(spec, seed=2)], rate)
    assert session.compiled_step._cache_size() == 1
    train(session, [batch(spec, 2)], 0.1)
    assert session.compiled_step._cache_size() == 2


def test_the_backend_says_what_it_can_do_here():
    said = {str(capability) for capability in JaxBackend().capabilities}
    assert ("gpu" in said) == (jax.default_backend() != "cpu") != ("deterministic" in said)
