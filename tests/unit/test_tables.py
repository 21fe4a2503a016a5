"""Results as tables of text."""

from __future__ import annotations

from segport.application.inspection import ClassCount
from segport.application.tables import frequency_table


def test_frequencies_are_headed_shortly_and_explained_once() -> None:
    counts = {
        "train": {"sky": ClassCount(3, 2), "sea": ClassCount(1, 1)},
        "val": {"sky": ClassCount(0, 0)} | {"sea": ClassCount(5, 1)},
    }
    table = frequency_table(counts, "pixels")
    assert table.columns == ("class", "train %", "val %", "train images", "val images")
    assert table.rows == (("sky", "75.00", "0.00", "2", "0"), ("sea", "25.00", "100.00", "1", "1"))
    assert "pixels" in table.caption
