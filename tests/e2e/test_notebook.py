"""The example notebook runs from top to bottom, and everything a cell ends in shows itself.

Its cells are run by a few lines here: the kernel of a Jupyter server would bring forty packages for the same.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

import segport
from segport.adapters.reporting import reporter

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "notebook.ipynb"
SMALLER = {"num_images": 12, "height": 32, "width": 32, "min_shape_px": 8, "max_shape_px": 16}
SMALLEST = {"model": "unet:decoder_channels=[16,8]", "encoder": "plain:width=8,depth=3"}


def run(cell: str, space: dict[str, Any]) -> Any:
    """What IPython would show: the value of the last expression, unless a semicolon ends it."""
    body = ast.parse(cell).body
    last = body.pop() if isinstance(body[-1], ast.Expr) and not cell.rstrip().endswith(";") else None
    exec(compile(ast.Module(body, []), "notebook", "exec"), space)
    return eval(compile(ast.Expression(last.value), "notebook", "eval"), space) if isinstance(last, ast.Expr) else None


def test_the_notebook_runs_and_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reporter, "FileReporter", Mock)  # pictures take longer than all the rest
    generate, show, train = segport.GenerateSettings, segport.ShowModelSettings, segport.Session.train
    monkeypatch.setattr(segport, "GenerateSettings", lambda out, **_: generate(out, **SMALLER), raising=False)
    monkeypatch.setattr(
        segport, "ShowModelSettings", lambda name, **given: show(name, **given | {"input": (3, 32, 32)}), raising=False
    )
    small = SMALLEST | {"epochs": 1, "size": (32, 32), "batch": 4}
    monkeypatch.setattr(segport.Session, "train", lambda *data, **given: train(*data, **given | small))

    space: dict[str, Any] = {}
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    shown = [run("".join(cell["source"]), space) for cell in cells if cell["cell_type"] == "code"]
    kinds = [type(value).__name__ for value in shown if value is not None]
    assert kinds == ["PrepareReport", "Sample", "ModelReport", "TrainReport", "EvaluationReport", "Panel"]
    for value in shown:
        if value is not None:
            html = value._repr_html_()
            assert html.startswith(("<div>", "<figure>")) and len(html) < 30_000
            assert ("<table>" in html) != ("data:image/png;base64," in html)


def test_the_notebook_holds_no_output() -> None:
    """So that it stays small, and a change of it can be read."""
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None
