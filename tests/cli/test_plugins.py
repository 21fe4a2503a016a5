"""`segport plugins`: what a part is, whether it conforms, a package to begin with; and plugins that are broken."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as Pillow

from segport.adapters.reference.loss import OPS
from segport.adapters.torch.backend import TorchBackend
from segport.bootstrap import Settings, Toolkit
from segport.plugins import Entry, Kind, hookimpl
from segport.plugins.conformance import loss_checks
from segport.plugins.manager import DISABLE
from segport.plugins.registry import Registry
from segport.plugins.skeleton.loss import ExampleLoss
from segport.plugins.skeleton.package import SUMMARIES

FRAMEWORKS = tuple({e.plugin for e in Registry().offered("backend")} - {"reference"})
"""What takes long to import, and is not needed here."""
EVERY = ",".join(kind.value for kind in SUMMARIES)


class Constant:
    """A loss that is none."""

    def __call__(self, ops, logits, truth, valid):
        return ops.sum(logits * logits) * 0.0


def plugin(hook: str, *entries: Entry) -> SimpleNamespace:
    return SimpleNamespace(**{hook: hookimpl(lambda: list(entries))})


def constant(**changes) -> Entry:
    return Entry(Kind.LOSS, "constant", "always the same", lambda: Constant, **changes)


Use = Callable[..., None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Lets the command line find these plugins beside the installed ones, but for frameworks."""

    def given(**plugins: object) -> None:
        settings = Settings(FRAMEWORKS, list(plugins.items()))
        monkeypatch.setattr("segport.bootstrap.Toolkit", lambda: Toolkit(settings))

    return given


def test_info_says_what_an_option_means(cli) -> None:
    said = cli("plugins", "info", "focal")
    assert said.code == 0, said.err
    assert "from  plugin builtin (segport " in said.out
    (row,) = [line.split() for line in said.out.splitlines() if line.startswith("gamma")]
    assert row[:4] == ["gamma", "float", "2.0", "how"]
    assert cli("plugins", "info", "coco").out.count("``") == 0


def test_info_shows_all_of_a_name_and_one_of_a_kind(cli) -> None:
    found = cli("plugins", "info", "dice", "--json").object["parts"]
    assert [(part["kind"], part["name"]) for part in found] == [("loss", "dice"), ("metric", "f1")]
    (one,) = cli("plugins", "info", "loss:dice", "--json").object["parts"]
    assert one["options"] == [
        {
            "name": "smooth",
            "type": "float",
            "default": "1.0",
            "doc": "pixels added above and below, above 0; it lets a batch without foreground punish false alarms.",
        }
    ]


def test_info_of_what_is_not_installed_says_how_to_get_it(cli, use: Use) -> None:
    far = constant(requires=("no_such_module",), install="pip install far", known_failures={"it_is": "a test"})
    use(far=plugin("segport_losses", far))
    said = cli("plugins", "info", "constant")
    assert said.code == 0
    assert "needs no_such_module, not installed: pip install far" in said.out
    assert "known to fail  it is: a test" in said.out
    (part,) = cli("plugins", "info", "constant", "--json").object["parts"]
    assert part["missing"] == ["no_such_module"] and part["distribution"] == "" and part["options"] == []


@pytest.mark.parametrize("command", ["info", "check"])
def test_an_unknown_name_shows_the_nearest_and_a_broken_plugin_its_reason(cli, use: Use, command: str) -> None:
    use(theirs=SimpleNamespace(segport_losess=hookimpl(lambda: [constant()])))
    cli("plugins", command, "lovasz").failed(2, "Unknown part or plugin 'lovasz'", "'lovasz-hinge'", "plugins list")
    cli("plugins", command, "theirs").failed(4, "plugin 'theirs' is broken", "unknown hook 'segport_losess'")
    assert cli("plugins", "list").out.splitlines()[-1].startswith("broken plugin theirs: ")
    assert cli("plugins", "info", "focal").code == 0


def test_a_clash_names_both_and_how_to_block_one(cli, use: Use) -> None:
    use(theirs=plugin("segport_losses", Entry(Kind.LOSS, "dice", "another", lambda: Constant)))
    words = ("loss 'dice': from 'builtin' and from 'theirs'", "SEGPORT_DISABLE_PLUGINS=theirs")
    cli("plugins", "list").failed(4, *words)
    cli("plugins", "check", "dice").failed(4, *words)


def test_check_tells_each_check_and_counts(cli) -> None:
    said = cli("plugins", "check", "miou")
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[0].startswith("metric miou, from plugin builtin (segport ")
    assert "  ok        no prediction scores better than the truth" in lines
    assert lines[-2] == "metric miou: 16 of 16 checks passed"
    assert cli("plugins", "check", "miou", "--quiet").out == "metric miou: 16 of 16 checks passed\n\n"


def test_check_of_what_fails_ends_with_4_and_says_what(cli, use: Use) -> None:
    use(theirs=plugin("segport_losses", constant()))
    said = cli("plugins", "check", "plugin:theirs", "--quiet")
    assert said.code == 4
    problem = "  FAILED    a perfect prediction costs less than a wrong one: 0 for the truth itself, 0 for the opposite"
    assert said.out.splitlines()[0] == problem
    (part,) = cli("plugins", "check", "constant", "--json").object["parts"]
    states = {check["check"]: check["state"] for check in part["checks"]}
    assert not part["passed"] and states["its summary is one line"] == "ok"
    assert states["a perfect prediction costs less than a wrong one"] == "FAILED"


def test_a_declared_failure_is_shown_with_its_reason(cli, use: Use) -> None:
    known = {"a_perfect_prediction_costs_less_than_a_wrong_one": "it is always the same"}
    use(theirs=plugin("segport_losses", constant(known_failures=known)))
    said = cli("plugins", "check", "constant")
    assert said.code == 0, said.out
    assert "  expected  a perfect prediction costs less than a wrong one: it is always the same" in said.out


def test_what_is_not_installed_has_not_passed(cli, use: Use) -> None:
    use(far=plugin("segport_losses", constant(requires=("no_such_module",), install="pip install far")))
    said = cli("plugins", "check", "constant")
    assert said.code == 4
    assert "no_such_module must be installed" in said.out and "needs no_such_module: pip install far" in said.out


def test_readers_are_checked_on_data_in_their_layout_which_stay_as_they_are(cli, tmp_path: Path) -> None:
    for name in ("images/a", "images/b", "masks/a", "masks/b"):
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        shape = (6, 7, 3) if "images" in name else (6, 7)
        Pillow.fromarray(np.random.default_rng(0).integers(0, 2, shape).astype(np.uint8)).save(path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.png")}
    assert "needs a folder in its layout: --data DIR" in cli("plugins", "check", "folders").out
    said = cli("plugins", "check", "folders", "--data", tmp_path)
    assert said.code == 0 and "skipped" not in said.out, said.out
    assert "  ok        a damaged image is refused by its name" in said.out
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.png")} == before
    assert f"which {tmp_path} is not" in cli("plugins", "check", "voc", "--data", tmp_path).out
    cli("plugins", "check", "folders", "--data", tmp_path / "gone").failed(3, "no such folder")


def installed(package: Path) -> None:
    """What pip leaves of a package, so that its plugin is found where its folder is on the path."""
    project = tomllib.loads((package / "pyproject.toml").read_text())
    info = package / f"{project['project']['name'].replace('-', '_')}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['project']['name']}\nVersion: 0.1.0\n")
    ((name, module),) = project["project"]["entry-points"]["segport"].items()
    (info / "entry_points.txt").write_text(f"[segport]\n{name} = {module}\n")


def test_a_new_package_passes_its_own_tests_unmodified(cli, tmp_path: Path) -> None:
    said = cli("plugins", "new", "whole-thing", "--kind", EVERY, "--out", tmp_path / "new")
    assert said.code == 0, said.err
    assert said.out.splitlines()[-1] == f"next: pip install -e '{tmp_path / 'new'}[test]' && pytest {tmp_path / 'new'}"
    installed(tmp_path / "new")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"],
        cwd=tmp_path / "new",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "new"), DISABLE: ",".join(FRAMEWORKS)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout and "failed" not in done.stdout


def test_the_loss_of_a_new_package_is_differentiated_as_its_formula_says() -> None:
    subject = loss_checks.LossSubject(ExampleLoss(), OPS, lambda: [TorchBackend()])
    loss_checks.every_framework_gives_the_value_and_the_slope_of_the_formula(subject)


@pytest.mark.parametrize("kind", [kind.value for kind in SUMMARIES])
def test_a_new_package_of_one_part_is_typed_and_named_after_it(cli, tmp_path: Path, kind: str) -> None:
    assert cli("plugins", "new", f"my-{kind}", "--kind", kind, "--out", tmp_path / "new", "--quiet").code == 0
    texts = {path.name: path.read_text() for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert set(texts) == {
        "pyproject.toml", "README.md", "__init__.py", "plugin.py", "py.typed", f"{kind}.py", "test_conformance.py"
    }  # fmt: skip
    assert not any("xample" in text for name, text in texts.items() if name != "test_conformance.py")
    assert f"class My{kind.capitalize()}" in texts[f"{kind}.py"] and f'"my-{kind}"' in texts["plugin.py"]
    for name, text in texts.items():
        if name.endswith(".py"):
            compile(text, name, "exec")
        assert all(len(line) <= 120 for line in text.splitlines())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Mine", "not lower-case words"),
        ("my_loss", "not lower-case words"),
        ("json", "Python has a module or a word 'json'"),
        ("class", "Python has a module or a word 'class'"),
        ("tracking", "there is a plugin 'tracking' already"),
        ("dice", "there is a loss 'dice' already, from plugin 'builtin'"),
    ],
)
def test_names_that_cannot_be_are_refused(cli, tmp_path: Path, name: str, words: str) -> None:
    cli("plugins", "new", name, "--out", tmp_path / "new").failed(2, words, "Choose another name")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_and_a_kind_without_a_skeleton_are_refused(cli, tmp_path: Path) -> None:
    cli("plugins", "new", "mine", "--out", tmp_path).failed(2, f"{tmp_path} is there already", "--out DIR")
    refused = cli("plugins", "new", "mine", "--kind", "loss,encoder", "--out", tmp_path / "new")
    refused.failed(2, "'encoder'", "backend, loss, metric, reader, tracker")
    assert list(tmp_path.iterdir()) == []
