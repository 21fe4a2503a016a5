"""Names that are formulas, marks or programs to somebody: kept to the letter in data, harmless where they are shown."""

from __future__ import annotations

import csv
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segport.adapters.reporting import plots
from segport.adapters.reporting.page import page
from segport.adapters.storage.results import ResultFiles
from segport.adapters.storage.tables import format_rows, parse_rows
from segport.cli.terminal import Terminal
from segport.domain.classes import ClassMap, format_class_dict, parse_class_dict
from segport.domain.ports.preparing import DatasetRow, StoredPair
from segport.domain.ports.reporting import Picture, Section, Table

FORMULA = "=cmd|'/c calc'!A1"
NAMES = (
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onload='x", "javascript:alert(1)", "&lt;b&gt;"),
    *(FORMULA, "+1+1", "-2+3", "@SUM(A1)", "[/red]", "[bold]x", ":smile:", "$\\bad{$", "a,b", 'a"b', "{0}", "%s"),
)
NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@given(name=st.sampled_from((*NAMES, " before", "behind ")) | NAME, group=st.sampled_from(NAMES) | NAME)
def test_tables_of_data_keep_names_to_the_letter(name: str, group: str) -> None:
    """They are keys: a spreadsheet that runs formulas must be told to take them as text."""
    row = DatasetRow(name, "train", StoredPair(f"images/{name}.png", f"masks/{name}.png", "0", "1"), 6, 8, group)
    assert parse_rows(format_rows([row]), "metadata.csv") == [row]


def test_class_tables_and_results_keep_names_to_the_letter(tmp_path: Path) -> None:
    classes = ClassMap.of(NAMES)
    assert parse_class_dict(format_class_dict(classes)) == classes
    ResultFiles().save_table(tmp_path / "predictions.csv", [{"image": name, FORMULA: 1} for name in NAMES])
    with (tmp_path / "predictions.csv").open(encoding="utf-8", newline="") as file:
        assert [row["image"] for row in csv.DictReader(file)] == list(NAMES)


class Tags(HTMLParser):
    """What a browser would make of a page: its tags, and their attributes but for the classes of cells."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.update((tag, *(f"{tag} {name}" for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


@pytest.mark.parametrize("name", NAMES)
def test_pages_escape_whatever_they_show(name: str, tmp_path: Path) -> None:
    picture = tmp_path / f"{name.replace('/', '')}.png"
    picture.write_bytes(b"x")
    table = Table((name, "n"), ((name, "1"), (name, "2")), name)
    section = Section(name, name, (table,), (Picture(picture, name), Picture(picture, name, linked=True)), (picture,))
    tags = Tags()
    tags.feed(page(name, [section], summary=name, folder=tmp_path))
    plain = Tags()
    plain.feed(
        page("x", [Section("x", "x", (Table(("x", "n"), (("x", "1"),), "x"),), section.pictures, section.files)])
    )
    assert tags.found <= plain.found | {"figcaption"}
    assert {"script", "img onerror"}.isdisjoint(tags.found)
    assert all(link.startswith(("#s", "data:image/png;base64,")) or ":" not in link for link in tags.links)


def test_a_terminal_shows_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES:
        Terminal().table(Table((name, "n"), ((name, "1"),), name))
        assert capsys.readouterr().out.count(name) == 3


@pytest.mark.parametrize(
    "draw",
    [
        lambda names: plots.confusion(np.eye(len(names), dtype=np.int64), names, title=names[0]),
        lambda names: plots.class_bars([0.5] * len(names), [3] * len(names), names, metric=names[0]),
    ],
)
def test_plots_take_no_name_for_a_formula(draw: Callable[[Any], bytes]) -> None:
    assert draw(["$\\bad{$", "$x^{2$", "a $ b"]).startswith(b"\x89PNG")
