"""What the documents tell people to type is what the program takes."""

from __future__ import annotations

import ast
import re
import shlex
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import segport
from segport.cli.main import app
from segport.plugins import Kind
from segport.plugins.manager import GROUP, discover
from segport.plugins.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]


def blocks(name: str) -> list[str]:
    """Code blocks: indented by four spaces (outside of lists), or fenced."""
    text = (ROOT / name).read_text()
    fence = re.compile(r"^```\w*\n(.*?)^```$", re.M | re.S)
    fenced, rest = fence.findall(text), fence.sub("", text)
    indented = re.findall(r"(?:^\n)((?:^ {4}.*\n|^\n)+)", rest, re.M)
    return fenced + [re.sub(r"^ {4}", "", block, flags=re.M) for block in indented if block.strip()]


def commands(name: str) -> list[list[str]]:
    """Every ``segport ...`` line of a document's code blocks, and of its ``inline code``, as words."""
    lines = [line.removeprefix("$ ") for block in blocks(name) for line in block.splitlines()]
    inline = re.findall(r"`(segport [^`]+)`", (ROOT / name).read_text())
    return [shlex.split(line, comments=True)[1:] for line in [*lines, *inline] if line.startswith("segport ")]


COMMANDS = [(name, words) for name in DOCUMENTS for words in commands(name)]


def test_the_readme_shows_the_main_commands() -> None:
    shown = {words[0] for name, words in COMMANDS if name == "README.md"}
    assert {"prepare", "inspect", "train", "evaluate", "predict", "score"} <= shown


@pytest.mark.parametrize(("name", "words"), COMMANDS, ids=lambda v: v if isinstance(v, str) else " ".join(v))
def test_a_command_of_a_document_is_one_the_program_takes(name: str, words: list[str]) -> None:
    app().parse_args(words, exit_on_error=False, print_error=False)


def test_a_wrong_flag_in_a_document_would_be_seen() -> None:
    with pytest.raises(Exception, match="--no-such-flag"):
        app().parse_args(["train", "data", "--no-such-flag"], exit_on_error=False, print_error=False)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_make_targets_of_a_document_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    text = (ROOT / name).read_text()
    told = set(re.findall(r"`make ([a-z]+)`", text)) | set(re.findall(r"^ {4}make ([a-z]+)", text, re.M))
    assert told <= targets


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_of_a_document_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", (ROOT / name).read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not ((ROOT / name).parent / link).exists()] == []


def test_the_readmes_python_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With real settings and a toolkit that takes note of them."""
    (snippet,) = [block for block in blocks("README.md") if "import" in block]
    assert len(snippet.strip().splitlines()) <= 10
    asked: list[Any] = []

    class Noted:
        prepare = inspect = evaluate = staticmethod(lambda settings: Noted._note(settings))
        train = staticmethod(lambda settings, listen: Noted._note(settings))

        @staticmethod
        def _note(settings: Any) -> SimpleNamespace:
            asked.append(settings)
            return SimpleNamespace(run=Path("run"), scores=[SimpleNamespace(name="miou", value=0.5)])

    real = segport.Toolkit()
    assert all(callable(getattr(real, name)) for name in ("prepare", "train", "evaluate"))
    monkeypatch.setattr(segport, "Toolkit", Noted, raising=False)
    exec(compile(ast.parse(snippet), "README.md", "exec"), {})
    assert [type(one).__name__ for one in asked] == ["PrepareSettings", "TrainSettings", "EvaluateSettings"]
    assert capsys.readouterr().out == "{'miou': 0.5}\n"


def test_the_package_of_the_page_on_hooks_can_be_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its three files, the loss being that of the page's example, are found by the entry point they name."""
    texts = blocks("docs/plugins.md")
    (project,) = [tomllib.loads(text)["project"] for text in texts if text.startswith("# pyproject.toml")]
    (plugin,) = [text for text in texts if text.startswith("# my_package/plugin.py")]
    (loss,) = [text for text in texts if "class Brier" in text]
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "plugin.py").write_text(plugin)
    (tmp_path / "my_package" / "loss.py").write_text(loss)
    monkeypatch.syspath_prepend(tmp_path)
    points = [EntryPoint(name, value, GROUP) for name, value in project["entry-points"][GROUP].items()]
    offer = discover(points=points)
    assert offer.broken == () and [(e.name, e.plugin) for e in offer.entries] == [("brier", "mine")]
    assert "my_package.loss" not in sys.modules
    assert Registry(lambda: offer).make(Kind.LOSS, "brier", {"scale": 2.0}).scale == 2.0  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_a_document_names_exist(name: str) -> None:
    named = re.findall(r"`([\w/]+/[\w]+\.(?:py|toml|csv|md))`", (ROOT / name).read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []
