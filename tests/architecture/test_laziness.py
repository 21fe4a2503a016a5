"""What must not be imported, proved in fresh interpreters: the import linter does not see what is imported late."""

from __future__ import annotations

import json
from inspect import signature

import pytest

from segport.cli.main import app

FRAMEWORKS = ("torch", "tensorflow", "keras", "jax")
PICTURES = ("cv2", "matplotlib", "PIL")
COMMANDS = sorted(name for name in app() if not name.startswith("-"))

LOADED = """
import json, sys
def loaded(names):
    return sorted({m.partition(".")[0] for m in sys.modules} & set(names))
"""

RUN_ALL = (
    LOADED
    + """
from segport.cli.main import main
found = {}
for line in sys.argv[2:]:
    code = main(line.split())
    found[line] = [code, loaded(json.loads(sys.argv[1]))]
print("FOUND" + json.dumps(found))
"""
)

WITHOUT = """
import sys
for name in ("torch", "tensorflow", "keras", "jax"):
    sys.modules[name] = None  # whoever imports it gets ImportError
from segport.cli.main import main
sys.exit(main())
"""


def found(done, lines):
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout.rpartition("FOUND")[2])
    assert list(values) == list(lines)
    return values


def test_importing_segport_imports_nothing_heavy(python) -> None:
    heavy = (*FRAMEWORKS, *PICTURES, "numpy", "cyclopts", "rich", "pluggy", "dependency_injector", "attrs")
    done = python(LOADED + f"import segport; print(segport.__version__, loaded({heavy!r}))")
    assert done.stdout.endswith(" []\n"), done.stdout + done.stderr


def test_a_toolkit_imports_no_framework(python) -> None:
    done = python(LOADED + f"import segport; segport.Toolkit(); print(loaded({(*FRAMEWORKS, *PICTURES)!r}))")
    assert done.stdout == "[]\n", done.stdout + done.stderr


def test_help_needs_no_framework_no_pictures_and_no_numpy(python) -> None:
    heavy = (*FRAMEWORKS, *PICTURES, "numpy")
    lines = ["--help", "--version", *(f"{command} --help" for command in COMMANDS)]
    assert {"train", "prepare", "quickstart"} <= set(COMMANDS)
    assert found(python(RUN_ALL, json.dumps(heavy), *lines), lines) == {line: [0, []] for line in lines}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_the_same_without_the_others(command: str) -> None:
    alone, among = app(command)[command], app()[command]
    assert alone.help == among.help and list(alone) == list(among)
    if among.default_command:
        assert signature(alone.default_command) == signature(among.default_command)


def test_a_command_does_not_import_the_others(python) -> None:
    """Settings and flags of all the others would be an eighth of what "segport plugins list" computes."""
    code = "import sys; from segport.cli.main import main; main(); print([m for m in sys.modules if 'settings' in m])"
    done = python(code, "plugins", "list", "--json")
    assert done.stdout.endswith("}\n[]\n"), done.stdout[-300:] + done.stderr


@pytest.mark.parametrize("line", ["plugins list", "plugins list --json"])
def test_listing_plugins_needs_no_framework_no_pictures_and_no_numpy(python, line: str) -> None:
    heavy = (*FRAMEWORKS, *PICTURES, "numpy")
    assert found(python(RUN_ALL, json.dumps(heavy), line), [line]) == {line: [0, []]}


def test_data_commands_run_without_any_framework(python, tmp_path) -> None:
    lines = [
        "generate shapes raw --num-images 6 --height 32 --width 32 --min-shape-px 8 --max-shape-px 12",
        "prepare raw data",
        "inspect data",
        "inspect data --augmented --samples 2",
        "score raw/masks raw/masks --classes raw/class_dict.csv --json",
        "plugins list",
    ]
    for line in lines:
        done = python(WITHOUT, *line.split())
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    assert (tmp_path / "data" / "dataset.toml").exists()


def test_a_model_is_evaluated_and_used_without_any_framework(python, tmp_path, untrained) -> None:
    lines = [
        "generate shapes raw --num-images 10 --height 32 --width 32 --min-shape-px 8 --max-shape-px 12",
        "prepare raw data",
        f"evaluate {untrained} --data data --out scores --backend reference",
        f"predict {untrained} raw/images --out masks --backend numpy --no-overlays",
    ]
    for line in lines:
        done = python(WITHOUT, *line.split())
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    assert len(list((tmp_path / "masks").glob("*.png"))) == 10
    done = python(WITHOUT, "compare-backends", str(untrained), "--data", "data")
    assert done.returncode == 4
    assert "pip install 'segport[torch]'" in done.stderr and "pip install 'segport[tf" in done.stderr


@pytest.mark.parametrize(("backend", "extra"), [("torch", "segport[torch]"), ("tf", "segport[tf")])
def test_training_without_its_framework_says_how_to_get_it(python, tmp_path, backend: str, extra: str) -> None:
    shapes = "generate shapes raw --num-images 6 --height 32 --width 32 --min-shape-px 8 --max-shape-px 12"
    for line in (shapes, "prepare raw data"):
        assert python(WITHOUT, *line.split()).returncode == 0
    done = python(WITHOUT, "train", "data", "--backend", backend, "--run", "run")
    assert done.returncode == 4
    assert f"pip install '{extra}" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
