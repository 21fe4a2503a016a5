"""One run, evaluated by every backend that is installed: the same matrices, image by image, but for ties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segport import EvaluateSettings, Toolkit
from segport.adapters.data.batches import ThreadBatcher
from segport.adapters.reference.evaluate import NumpyEvalSession
from segport.adapters.reference.model import NumpyModel
from segport.adapters.storage.checkpoint import load_checkpoint
from segport.application.evaluate import EvaluationReport
from segport.application.predictor import Predictor
from segport.domain.ports.backend import Precision
from segport.plugins.entries import Kind

TOOLKIT = Toolkit()
NAMES = [e.name for e in TOOLKIT.registry.entries if e.kind is Kind.BACKEND and not e.missing()]
TOLERANCE = 1e-4
"""A pixel is a tie when its two likeliest classes are nearer than this."""


@pytest.fixture(scope="module")
def ties(trained: Path, prepared: Path) -> dict[str, int]:
    """Each image's number of ties, by the oracle in float64."""
    checkpoint = load_checkpoint(trained / "checkpoints" / "best.safetensors")
    model = NumpyModel(checkpoint.spec, checkpoint.weights, np.float64)
    predictor = Predictor(NumpyEvalSession(model), checkpoint.spec, ThreadBatcher())
    found = {}
    for sample in TOOLKIT.evaluate.datasets.open(prepared).split("test"):
        top = np.sort(predictor(sample.image, probabilities=True).probabilities, axis=-1)
        found[sample.key] = int((top[..., -1] - top[..., -2] < TOLERANCE).sum())
    return found


@pytest.fixture(scope="module")
def reports(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, EvaluationReport]:
    out = tmp_path_factory.mktemp("scores")
    return {
        name: TOOLKIT.evaluate(
            EvaluateSettings(
                trained, backend=name, device="cpu", precision=Precision.FP32, panels=0, workers=1, out=out / name
            )
        )
        for name in NAMES
    }


@pytest.mark.parametrize("name", NAMES)
def test_matrices_are_equal_but_for_ties(name: str, reports, ties) -> None:
    found, wanted = reports[name], reports["reference"]
    assert found.keys == wanted.keys == tuple(ties)
    for key, counts, right in zip(found.keys, found.counts, wanted.counts, strict=True):
        assert np.abs(counts - right).sum() <= 2 * ties[key], key
        assert counts.sum() == right.sum() > 0
    assert sum(ties.values()) < 0.001 * sum(int(counts.sum()) for counts in wanted.counts)


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_are_as_well_calibrated_but_for_ties(name: str, reports) -> None:
    found, wanted = reports[name].calibration, reports["reference"].calibration
    assert found.pixels.sum() == wanted.pixels.sum() == sum(int(counts.sum()) for counts in reports[name].counts)
    assert found.ece().value == pytest.approx(wanted.ece().value, abs=1e-4)
    assert found.confidence == pytest.approx(wanted.confidence, abs=1e-3, nan_ok=True)


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_spread_alike_but_for_those_next_to_the_edge_of_a_bin(name: str, reports) -> None:
    found, wanted = reports[name].logits.counts, reports["reference"].logits.counts
    assert (found.sum(axis=1) == wanted.sum(axis=1)).all() and wanted.any()
    assert np.abs(found - wanted).sum() <= 0.001 * wanted.sum()
