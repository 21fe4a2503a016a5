"""Every dependency has a licence that is known, allowed, and listed in the documentation."""

from __future__ import annotations

import importlib.util
import tomllib
from importlib.metadata import PathDistribution
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    """docs/licences.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("licences", ROOT / "docs" / "licences.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_pinned_package_is_installed_under_an_allowed_licence(licences: ModuleType) -> None:
    found = licences.found(licences.pinned())
    assert len(found) > 90
    assert {name: text for name, text in found.items() if not licences.allowed(text)} == {}


def test_the_page_lists_what_the_installed_packages_say(licences: ModuleType) -> None:
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    assert page == licences.page(licences.found(licences.pinned())), "python docs/licences.py > docs/licences.md"


def test_all_that_segport_asks_for_is_pinned(licences: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(line for name in extras if name not in ("tf", "all") for line in extras[name]),
    ]
    names = {line.replace("[", ">").split(">")[0] for line in wanted} - {"segport"}
    pinned = {name.lower().replace("_", "-") for name in licences.pinned()}
    assert len(names) > 20
    assert names - pinned == set()


@pytest.mark.parametrize(
    ("lines", "text", "allowed"),
    [
        ("License-Expression: MIT AND (Apache-2.0 OR GPL-2.0-only)", "MIT AND (Apache-2.0 OR GPL-2.0-only)", False),
        ("License-Expression: Apache-2.0 OR GPL-2.0-only", "Apache-2.0 OR GPL-2.0-only", True),
        ("License-Expression: Apache-2.0 WITH LLVM-exception", "Apache-2.0 WITH LLVM-exception", True),
        ("License-Expression: GPL-3.0 WITH GCC-exception-3.1", "GPL-3.0 WITH GCC-exception-3.1", False),
        ("License-Expression: AGPL-3.0-only", "AGPL-3.0-only", False),
        ("License: BSD 3-Clause License", "BSD-3-Clause", True),
        ("License: MIT\nClassifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)", "GNU", False),
        ("License: LGPL", "LGPL", False),
        ("Classifier: License :: OSI Approved :: MIT License", "MIT", True),
        ("License: do as you like", "unknown", False),
        ("Summary: says nothing", "unknown", False),
    ],
)
def test_what_metadata_says(licences: ModuleType, tmp_path: Path, lines: str, text: str, allowed: bool) -> None:
    (tmp_path / "METADATA").write_text(f"Metadata-Version: 2.1\nName: some\nVersion: 1\n{lines}\n", encoding="utf-8")
    found = licences.licence(PathDistribution(tmp_path))
    assert found.startswith(text)
    assert licences.allowed(found) is allowed


def test_a_package_that_is_not_there_is_not_passed_over(licences: ModuleType) -> None:
    assert not licences.allowed(licences.found(["no-such-package-of-ours"])["no-such-package-of-ours"])
