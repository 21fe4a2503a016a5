"""docs/plugins.md has every hook with its exact signature, and its example of each is registered and really used."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from segport import ExportSettings, PrepareSettings, Settings, Toolkit, TrainSettings
from segport.adapters.reference.loss import NumpyOps
from segport.application.settings import EvaluateSettings, ShowModelSettings
from segport.domain.architecture.graph import IMAGE
from segport.domain.augmentation.policy import AugmentationPolicy
from segport.domain.metrics.overlap import MeanIoU
from segport.plugins import hookspecs
from segport.plugins.conformance import checks_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
SOURCE = ast.parse(inspect.getsource(hookspecs))
SIGNATURES = {
    node.name: f"{node.name}({ast.unparse(node.args)}) -> {node.returns and ast.unparse(node.returns)}"
    for node in SOURCE.body
    if isinstance(node, ast.FunctionDef)
}
SECTIONS = dict(re.findall(r"^### `([^`]+)`\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S))
TINY = {"model": "unet:decoder_channels=[16,8]", "encoder": "plain:width=8,depth=3", "size": (32, 32), "workers": 1}
ONCE = {"backend": "torch", "epochs": 1, "batch": 4, "rate": 0.01}


def test_every_hook_is_documented_with_its_exact_signature() -> None:
    assert list(SECTIONS) and sorted(SECTIONS) == sorted(SIGNATURES.values())


@pytest.mark.parametrize("hook", SIGNATURES)
def test_every_hook_is_exercised_by_a_test_of_its_name(hook: str) -> None:
    assert callable(globals()[f"test_{hook}"])


def example(hook: str) -> Toolkit:
    """segport, and the hook's example on the page as a plugin. Without TensorFlow, which is slow to import."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", SECTIONS[SIGNATURES[hook]], re.M | re.S)
    plugin = SimpleNamespace()
    exec(compile(code, f"docs/plugins.md: {hook}", "exec", dont_inherit=True), vars(plugin))
    assert f"def {SIGNATURES[hook]}:" in code
    made = Toolkit(
        Settings(("tensorflow",), [("mine", plugin)]), reporter=Mock()
    )  # nothing is drawn: that takes longest
    assert [(e.plugin, e.kind.hook) for e in made.registry.entries if e.plugin == "mine"] == [("mine", hook)]
    assert made.registry.broken == ()
    return made


def cells(folder: Path) -> None:
    """Data of the example's reader: six images, each with its mask beside it."""
    pixels = np.random.default_rng(0)
    for name in "abcdef":
        Image.fromarray(pixels.integers(0, 256, (16, 20, 3), np.uint8)).save(folder / f"{name}.png")
        Image.fromarray(pixels.choice(np.uint8([0, 255]), (16, 20))).save(folder / f"{name}_mask.png")


@pytest.mark.parametrize("hook", SIGNATURES)
def test_every_example_passes_the_conformance_kit(hook: str) -> None:
    """But the backend's, whose weights are rounded on purpose: there the kit must notice."""
    outcomes = [check.outcome() for check in checks_of("mine", data=cells, registry=example(hook).registry)]
    failed = [outcome.sentence for outcome in outcomes if outcome.problem]
    assert any(outcome.passed for outcome in outcomes)
    assert ("logits equal the reference" in failed) if hook == "segport_backends" else (failed == [])


@pytest.fixture
def toolkit(request: pytest.FixtureRequest) -> Toolkit:
    """Of the test's hook."""
    return example(request.function.__name__.removeprefix("test_"))


@pytest.fixture
def train(toolkit: Toolkit, prepared: Path, tmp_path: Path) -> Callable[..., Path]:
    def train(**changes: Any) -> Path:
        return toolkit.train(TrainSettings(prepared, run=tmp_path / "run", **(TINY | ONCE | changes))).run

    return train


def test_segport_losses(toolkit: Toolkit, train: Callable[..., Path]) -> None:
    rng = np.random.default_rng(0)
    logits, truth = rng.normal(size=(2, 3, 4, 3)).astype(np.float32), rng.integers(0, 3, (2, 3, 4))
    valid = rng.random(truth.shape) < 0.7
    shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    expected = ((shares - np.eye(3)[truth]) ** 2).sum(axis=-1)[valid].mean()
    assert toolkit.registry.loss("brier", {"scale": 2.0})(NumpyOps(), logits, truth, valid) == pytest.approx(
        2 * expected, rel=1e-5
    )
    assert 'loss = "brier:scale=2.0"' in (train(loss="brier:scale=2.0") / "run.toml").read_text()


def test_segport_metrics(toolkit: Toolkit, trained: Path, tmp_path: Path) -> None:
    report = toolkit.evaluate(EvaluateSettings(trained, out=tmp_path, backend="reference", panels=0))
    scores = {score.name: score for score in report.scores}
    assert list(scores)[-1] == "worst-iou" and "dataset" in scores["worst-iou"].definition
    assert scores["worst-iou"].value == min(row.iou for row in report.rows)
    assert scores["worst-iou"].value <= scores[MeanIoU.name].value


def test_segport_readers(toolkit: Toolkit, tmp_path: Path) -> None:
    folder = tmp_path / "cells"
    folder.mkdir()
    cells(folder)
    report = toolkit.prepare(PrepareSettings(folder, tmp_path / "out"))
    assert report.info.reader == "side-by-side" and report.classes.names == ("background", "cell")
    assert sum(report.info.split_sizes.values()) == 6


def test_segport_architectures(toolkit: Toolkit, train: Callable[..., Path]) -> None:
    run = train(model="fcn:dropout=0.1")
    report = toolkit.show_model(ShowModelSettings("fcn:dropout=0.1", encoder=TINY["encoder"], classes=4))
    assert report.outputs[0].shape[0] == 4
    weights = toolkit.runs.load_checkpoint(run).weights
    assert weights["head.weight"].shape == (4, 32, 1, 1)


def test_segport_encoders(toolkit: Toolkit, train: Callable[..., Path]) -> None:
    weights = toolkit.runs.load_checkpoint(train(encoder="strided:width=4", model="linknet:last_channels=8")).weights
    assert [weights[f"encoder.{i}.conv.weight"].shape[:2] for i in range(3)] == [(4, 3), (8, 4), (16, 8)]


def test_segport_backends(toolkit: Toolkit, untrained: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    spec = toolkit.runs.load_checkpoint(untrained).spec
    assert spec.graph.nodes[0].name == IMAGE
    shares = {
        name: next(toolkit.predict.arrays(untrained, [image], backend=name, probabilities=True)).probabilities
        for name in ("reference", "half")
    }
    apart = np.abs(shares["half"] - shares["reference"]).max()
    assert 0 < apart < 0.05


def test_segport_augmentations(toolkit: Toolkit, train: Callable[..., Path]) -> None:
    assert 'augment = "turns:noise=0.02"' in (train(augment="turns:noise=0.02") / "run.toml").read_text()
    policy = toolkit.registry.augmentation("turns", {"noise": 0.02})
    assert policy == AugmentationPolicy(flip_horizontal=True, flip_vertical=True, quarter_turns=True, noise=0.02)


def test_segport_trackers(train: Callable[..., Path]) -> None:
    lines = (train(track=("best",)) / "best.txt").read_text().splitlines()
    assert lines[0] == "epoch 1" and any(line.startswith("val_miou ") for line in lines)


def test_segport_exporters(toolkit: Toolkit, untrained: Path, tmp_path: Path) -> None:
    report = toolkit.export(ExportSettings(untrained, "npz", out=tmp_path / "weights.npz"))
    space: dict[str, Any] = {}
    exec(report.load, space)
    weights = toolkit.runs.load_checkpoint(untrained).weights
    assert report.contents == f"{len(weights)} arrays by name"
    assert sorted(space["weights"]) == sorted(weights)
    assert all(np.array_equal(space["weights"][name], array) for name, array in weights.items())
