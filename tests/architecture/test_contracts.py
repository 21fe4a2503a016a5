"""Who may import whom, and what a file may look like."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

LONGEST = 350
PRINTING = ("cli/", "adapters/tracking/")


@pytest.fixture(scope="module")
def contracts(root: Path) -> dict[str, dict[str, Any]]:
    """The import contracts by name."""
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    return {c["name"]: c for c in settings["tool"]["importlinter"]["contracts"]}


def test_the_import_contracts_are_kept(root: Path) -> None:
    script = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [script, "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 broken" in done.stdout


def adapters(root: Path) -> set[str]:
    return {f"segport.adapters.{p.parent.name}" for p in (root / "adapters").glob("*/__init__.py")}


def shared(root: Path) -> set[str]:
    """The modules beside the adapters that several of them use."""
    return {f"segport.adapters.{p.stem}" for p in (root / "adapters").glob("*.py") if p.stem != "__init__"}


def test_every_adapter_is_under_the_contract_of_independence(root: Path, contracts: dict[str, dict[str, Any]]) -> None:
    assert set(contracts["Adapters are independent of one another"]["modules"]) == adapters(root)


@pytest.mark.parametrize(
    ("framework", "homes"),
    [
        ("torch", {"torch"}),
        ("tensorflow", {"tensorflow"}),
        ("cv2", {"data", "reporting"}),
        ("pluggy", set()),
        ("dependency_injector", set()),
    ],
)
def test_a_contract_keeps_every_other_room_from_importing(
    root: Path, contracts: dict[str, dict[str, Any]], framework: str, homes: set[str]
) -> None:
    kept_out = {
        source
        for contract in contracts.values()
        if framework in contract.get("forbidden_modules", [])
        for source in contract["source_modules"]
    }
    expected = {"segport.application", "segport.cli", "segport.domain", "segport.session"}
    expected |= adapters(root) | shared(root)
    expected -= {f"segport.adapters.{home}" for home in homes}
    assert {s for s in expected if s not in kept_out and s.rpartition(".")[0] not in kept_out} == set()
    assert not kept_out & {f"segport.adapters.{home}" for home in homes}


def test_no_file_is_longer_than_one_can_read(root: Path, modules: list[Path]) -> None:
    lines = {str(path): (root / path).read_text().count("\n") for path in modules}
    assert {path: count for path, count in lines.items() if count > LONGEST} == {}


def test_nothing_prints_but_the_command_line_and_the_console(root: Path, modules: list[Path]) -> None:
    def prints(path: Path) -> bool:
        calls = [n for n in ast.walk(ast.parse((root / path).read_text())) if isinstance(n, ast.Call)]
        return any(isinstance(call.func, ast.Name) and call.func.id == "print" for call in calls)

    printing = [str(path) for path in modules if prints(path)]
    assert [path for path in printing if not path.startswith(PRINTING)] == []
    assert "cli/terminal.py" in printing


def test_inside_the_package_imports_are_relative(root: Path, modules: list[Path]) -> None:
    tops = {p.stem for p in root.iterdir() if (p / "__init__.py").exists()} | {"segport", "bootstrap"}
    tops -= {"tests"}
    wrong = [
        f"{path}: {name}"
        for path in modules
        for name in _absolute_imports(ast.parse((root / path).read_text()))
        if name.partition(".")[0] in tops
    ]
    assert wrong == []


def _absolute_imports(tree: ast.Module) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.append(node.module)
    return names


def test_backends_have_the_same_files(root: Path) -> None:
    """So that a reader can lay them side by side; what is one framework's alone is named here."""
    alone = {"torch": {"optimizers.py"}, "tensorflow": {"optimizers.py"}}
    files = {
        name: {p.name for p in (root / "adapters" / name).glob("*.py")} - alone[name]
        for name in alone
        if (root / "adapters" / name / "backend.py").exists()
    }
    names = ("plugin", "backend", "device", "model", "loss", "metric", "train", "evaluate", "export")
    shared = {f"{name}.py" for name in names}
    assert "torch" in files
    assert {name: shared - found for name, found in files.items() if shared - found} == {}


def test_a_typed_program_is_checked_with_the_types(root: Path) -> None:
    """It costs a run of mypy, so `make types` does it, not pytest."""
    assert "mypy --strict tests/typing/consumer.py" in (root / "Makefile").read_text()
    assert (root / "tests" / "typing" / "consumer.py").exists() and (root / "py.typed").exists()
