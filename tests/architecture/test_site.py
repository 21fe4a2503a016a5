"""The documentation is built as a site, and a warning fails: links, anchors, references, pages without a place."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

KNOWN = set(
    re.findall(
        r"\w+",
        """
    html head meta link title script body input label div a header nav svg path span form button ol ul li main article
    h1 h2 h3 h4 p b strong em code pre table thead tbody tr th td img footer
""",
    )
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """Built as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_built_and_nothing_else_of_the_folder(site: Path, root: Path) -> None:
    pages = {path.relative_to(root / "docs").with_suffix(".html") for path in root.glob("docs/**/*.md")}
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
    assert "Base learning rate." in text["settings"] and "_setting" not in text["settings"]
    assert re.search(r"clip_norm ?: ?float ?\| ?None ?= ?None", text["ports"])
    assert "The one point of synchronisation" in text["ports"]
    assert "Loss formulas; factories make" in text["plugins"]
