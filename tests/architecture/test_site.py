"""The documentation is built as a site, and a warning fails: links, anchors, references, pages without a place."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KNOWN = set(
    re.findall(
        r"\w+",
        """
    html head meta link title script body input label div a header nav svg path span form button ol ul li main article
    h1 h2 h3 h4 p b strong em code pre table thead tbody tr th td img footer
""",
    )
)


def build(folder: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """What `make docs` runs."""
    (arguments,) = re.findall(r"/mkdocs (build .*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", *arguments.split(), "--site-dir", str(out)],
        cwd=folder,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of it."""
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_a_warning_ends_the_build(tmp_path: Path) -> None:
    """With --quiet it would not: a message that is not shown is not counted."""
    (tmp_path / "mkdocs.yml").write_text("site_name: one page\nplugins: []\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("[away](nowhere.md)\n")
    done = build(tmp_path, tmp_path / "out")
    assert done.returncode == 1 and "nowhere.md" in done.stderr


def test_every_page_is_built_and_nothing_else_of_the_folder(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in ROOT.glob("docs/**/*.md")}
    assert {path.relative_to(site) for path in site.glob("**/*.html")} == pages | {Path("404.html")}
    assert list(site.glob("**/*.py")) == []


class Tags(HTMLParser):
    """Names of a page's tags, and what it loads."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.loaded: list[str] = []
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.names.add(tag)
        if tag != "a" and given.get("rel") not in ("canonical", "next", "prev"):
            self.loaded += [value for key, value in attrs if key in ("src", "href") and value]


def test_pages_fetch_nothing_from_elsewhere(site: Path) -> None:
    """They can be read from a folder, without a network."""
    for page in site.glob("**/*.html"):
        assert [source for source in Tags(page).loaded if "//" in source] == [], page.name


def test_no_text_is_taken_for_a_tag(site: Path) -> None:
    """Such as <name> in a docstring, which a browser would not show."""
    for page in site.glob("**/*.html"):
        assert Tags(page).names <= KNOWN, page.name


def test_the_reference_shows_what_sources_say(site: Path) -> None:
    """Signatures that attrs makes, the help of settings, docstrings."""
    text = {
        path.stem: " ".join(re.sub(r"<[^>]+>", "", path.read_text("utf-8")).split())
        for path in site.glob("reference/*.html")
    }
    assert "Base learning rate." in text["settings"] and not re.search(r"\b(setting|told) ?\(", text["settings"])
    assert re.search(r"clip_norm ?: ?float ?\| ?None ?= ?None", text["ports"])
    assert "The one point of synchronisation" in text["ports"]
    assert "Loss formulas; factories make" in text["plugins"]
