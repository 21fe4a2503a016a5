"""The wheel holds the whole product, nothing else, and works where there is no repository."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PRODUCT = ("*.py", "*.toml", "*.md", "LICENSE", "py.typed")


@pytest.fixture(scope="module")
def wheel(root: Path, modules: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, tests and all, so that the repository stays clean."""
    copy = tmp_path_factory.mktemp("copy")
    others = [p.relative_to(root) for part in ("tests", "benchmarks") for p in (root / part).rglob("*.py")]
    for name in ["pyproject.toml", "setup.py", "README.md", "LICENSE", "py.typed", *modules, *others]:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, copy / name)
    (copy / "tests" / "__init__.py").touch()
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = out.glob("*.whl")
    return made


def test_the_wheel_holds_every_module_and_nothing_else(wheel: Path, modules: list[Path]) -> None:
    names = [n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n]
    assert sorted(names) == sorted(["segport/py.typed", *(f"segport/{path.as_posix()}" for path in modules)])


def test_the_wheel_says_who_it_is(wheel: Path) -> None:
    import segport

    with zipfile.ZipFile(wheel) as file:
        (metadata,) = (file.read(n).decode() for n in file.namelist() if n.endswith(".dist-info/METADATA"))
        (points,) = (file.read(n).decode() for n in file.namelist() if n.endswith("entry_points.txt"))
        assert any(n.endswith("LICENSE") for n in file.namelist())
    assert f"\nVersion: {segport.__version__}\n" in metadata and "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "segport = segport.cli.entry:run" in points and "[segport]" in points


def test_the_unpacked_wheel_runs_away_from_the_repository(wheel: Path, python, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import sys, segport; from segport.cli.main import main\n"
        "print(segport.__file__, file=sys.stderr); sys.exit(main())"
    )
    done = python(code, "plugins", "list", "--json", PYTHONPATH=str(tmp_path / "site"))
    assert done.returncode == 0, done.stderr
    assert Path(done.stderr.splitlines()[0]).is_relative_to(tmp_path / "site")
    listed = json.loads(done.stdout)
    assert listed["broken"] == []
    assert {"torch", "unet", "focal", "folders"} <= {entry["name"] for entry in listed["entries"]}
