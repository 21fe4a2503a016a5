"""Every piece of Python in the documents runs, page by page, and prints what the page says it prints."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

import segport
from segport.adapters.reporting import reporter
from segport.domain.metrics.definitions import definitions

ROOT = Path(__file__).resolve().parents[2]
PAGES = {str(p.relative_to(ROOT)): p for p in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])}
SNIPPET = re.compile(r"^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.M | re.S)
SNIPPETS = {name: found for name, path in PAGES.items() if (found := SNIPPET.findall(path.read_text("utf-8")))}
SMALLEST = {"model": "unet:decoder_channels=[16,8]", "encoder": "plain:width=8,depth=3", "size": (32, 32), "batch": 4}


def test_pages_with_python_are_found() -> None:
    assert {"README.md", "docs/plugins.md", "docs/losses.md", "docs/embedding.md", "docs/metrics.md"} <= set(SNIPPETS)


@pytest.mark.parametrize("name", PAGES)
def test_no_python_is_hidden_from_this_test(name: str) -> None:
    """Whatever imports something stands in a block that says it is Python."""
    rest = SNIPPET.sub("", PAGES[name].read_text("utf-8"))
    assert re.findall(r"^ *(?:from [\w.]+ import .*|import [\w.]+)$", rest, re.M) == []


def smaller(settings: Callable[..., Any]) -> Callable[..., Any]:
    """The same settings, but for the smallest model and few epochs."""
    return lambda *data, **given: settings(*data, **given | SMALLEST | {"epochs": min(given.get("epochs", 1), 3)})


@pytest.fixture
def world(tmp_path: Path, prepared: Path, picture: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader would be, with photos and prepared data sets, and where training is quick."""
    rng = np.random.default_rng(3)
    for number in range(8):
        picture(tmp_path / f"photos/images/{number}.png", rng.integers(0, 256, (40, 48, 3), np.uint8))
        picture(tmp_path / f"photos/masks/{number}.png", rng.choice(np.uint8([0, 255]), (40, 48)))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "shapes").symlink_to(prepared)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reporter, "FileReporter", Mock)  # pictures take longer than all the rest
    for name in ("TrainSettings", "SeedsSettings"):
        monkeypatch.setattr(segport, name, smaller(getattr(segport, name)), raising=False)
    return tmp_path


@pytest.fixture
def torchvision(world: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """torchvision is not installed for the tests: one that takes note of the weights it is given, and an export."""
    import torch

    given: list[Any] = []
    model = SimpleNamespace(load_state_dict=lambda weights, strict: given.append((sorted(weights), strict)))
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "torchvision.models", SimpleNamespace(resnet18=lambda: model))
    weights = {"encoder.conv1.weight": torch.zeros(64, 3, 7, 7), "head.bias": torch.zeros(2)}
    torch.save(weights, world / "torch-state-dict.pt")
    return given


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_python_of_a_page_runs(name: str, torchvision: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """From top to bottom, in one namespace; output is compared where the page shows it."""
    space: dict[str, Any] = {"__name__": "__main__"}
    for number, (code, shown) in enumerate(SNIPPETS[name], start=1):
        capsys.readouterr()
        exec(compile(ast.parse(code), f"{name}, snippet {number}", "exec"), space)
        printed = capsys.readouterr().out
        assert not shown or printed == shown, f"{name}, snippet {number} prints\n{printed}"
    if name == "docs/exports.md":
        assert torchvision == [(["conv1.weight"], False)]


def test_the_page_on_metrics_has_every_definition() -> None:
    """Two classes: then all of them are there."""
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", PAGES["docs/metrics.md"].read_text("utf-8"), re.M)
    named = [number.name for number in definitions([np.eye(2, dtype=np.int64)], batch=7)]
    assert [row.replace("batches of B", "batches of 7") for row in rows[2:]] == named
