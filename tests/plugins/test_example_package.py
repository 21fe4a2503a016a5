"""examples/segport-tversky-focal: a loss and a metric of somebody else's, which train and score on every framework."""

from __future__ import annotations

import importlib
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from segport import EvaluateSettings, Settings, Toolkit, TrainSettings
from segport.domain.ports.backend import Capability
from segport.plugins.conformance import Case, checks_of
from segport.plugins.registry import Registry

PACKAGE = Path(__file__).resolve().parents[2] / "examples" / "segport-tversky-focal"
LONGEST = 40
LONGEST_BACKEND = 500
"""What a framework may cost, blank lines and comments counted."""


@pytest.fixture(scope="module")
def toolkit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolkit]:
    """With the plugin that the package's own pyproject.toml names, as if it were installed.

    Its modules alone are put on the path: beside them, an installation may have left metadata that offers it as well.
    """
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    ((name, module),) = project["entry-points"]["segport"].items()
    place, top = tmp_path_factory.mktemp("installed"), module.partition(".")[0]
    shutil.copytree(PACKAGE / top, place / top)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place)
        yield Toolkit(Settings((), [(name, importlib.import_module(module))]))


def test_its_parts_are_one_short_file() -> None:
    assert (PACKAGE / "segport_tversky_focal" / "parts.py").read_text().count("\n") <= LONGEST


def test_a_whole_backend_is_a_few_pages() -> None:
    files = (PACKAGE.parent / "segport-jax" / "segport_jax").glob("*.py")
    lines = {file.name: file.read_text().count("\n") for file in files}
    assert lines.keys() >= {"backend.py", "model.py", "train.py", "evaluate.py"}
    assert sum(lines.values()) <= LONGEST_BACKEND, lines


def test_it_conforms_on_every_framework_that_is_here(toolkit: Toolkit) -> None:
    cases = checks_of("plugin:tversky-focal", registry=toolkit.registry)
    outcomes = {str(case): case.outcome() for case in cases}
    assert {case.part for case in cases} == {"loss tversky-focal", "metric tversky-index"}
    assert {name: str(outcome) for name, outcome in outcomes.items() if not outcome.passed} == {}


@pytest.mark.parametrize("backend", [e.name for e in Registry().offered("backend") if not e.missing()])
def test_a_step_is_trained_by_it_and_scored_by_it(
    toolkit: Toolkit, prepared: Path, tmp_path: Path, backend: str
) -> None:
    if Capability.TRAINING not in toolkit.registry.backend(backend).capabilities:
        pytest.skip(f"{backend} does not train")
    given = {
        "data": prepared,
        "backend": backend,
        "model": "unet:decoder_channels=[8]",
        "encoder": "plain:width=4,depth=2",
        "loss": "tversky-focal:gamma=1.5",
        "size": (32, 32),
        "batch": 8,
        "epochs": 1,
        "workers": 1,
        "run": tmp_path / "run",
    }
    toolkit.train(toolkit.codec.from_values(TrainSettings, given, where="test"))
    asked = {"run": tmp_path / "run", "split": "val", "panels": 0}
    scores = toolkit.evaluate(toolkit.codec.from_values(EvaluateSettings, asked, where="test")).scores
    assert 0 < next(score.value for score in scores if score.name == "tversky-index") < 1


def test_its_own_test_runs_the_kit_on_it(toolkit: Toolkit) -> None:
    text = (PACKAGE / "tests" / "test_conformance.py").read_text()
    assert 'checks_of("plugin:tversky-focal")' in text
    assert all(isinstance(case, Case) for case in checks_of("plugin:tversky-focal", registry=toolkit.registry))
