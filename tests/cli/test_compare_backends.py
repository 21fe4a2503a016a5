"""One model on several backends: equal ones, one that is slightly wrong, ones that are not there."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from segport import Settings, Toolkit
from segport.adapters.reference.backend import ReferenceBackend
from segport.adapters.reference.model import NumpyModel
from segport.application.settings import CompareBackendsSettings
from segport.application.tables import backend_table
from segport.domain.errors import BackendUnavailableError, InvalidSpecError, UnknownNameError
from segport.plugins import Entry, Kind, hookimpl

OFF = 0.25


class CrookedModel(NumpyModel):
    """The right logits, but for class 1."""

    def logits(self, images, *, training=False):
        found = super().logits(images, training=training)
        found[0][..., 1] += np.float32(OFF)
        return found


class CrookedBackend(ReferenceBackend):
    def build(self, spec, weights, *, device="auto", precision=None):
        return CrookedModel(spec, weights)


class Plugin:
    @hookimpl
    def segport_backends(self):
        return [
            Entry(Kind.BACKEND, "crooked", "slightly wrong", lambda: CrookedBackend),
            Entry(
                Kind.BACKEND, "far", "not here", lambda: None, requires=("no_such_module",), install="pip install far"
            ),
        ]


@pytest.fixture
def compare(untrained: Path, prepared: Path):
    def run(*backends: str, **settings):
        # each look at the clock is a second after the last
        toolkit = Toolkit(Settings((), [("mine", Plugin())]), clock=SimpleNamespace(seconds=count().__next__))
        return toolkit.compare_backends(CompareBackendsSettings(untrained, backends, data=prepared, **settings))

    return run


def test_a_slightly_wrong_backend_is_shown_with_its_difference(compare) -> None:
    report = compare("reference", "crooked", "numpy")
    right, crooked, again = report.rows
    assert [row.backend for row in report.rows] == ["reference", "crooked", "numpy"]
    assert crooked.difference.largest == pytest.approx(OFF, rel=1e-5)
    assert crooked.difference.relative == pytest.approx(OFF / right.difference.scale, rel=1e-5)
    assert 0 < crooked.difference.differing < crooked.difference.pixels
    assert crooked.difference.ties < crooked.difference.differing
    assert crooked.differing_matrices > 0 and crooked.miou != right.miou
    for row in (right, again):
        assert (row.difference.largest, row.difference.differing, row.differing_matrices) == (0, 0, 0)
        assert row.miou == right.miou
    cells = {row[0]: row[1:] for row in backend_table(report.rows).rows}
    assert cells["largest difference of a logit"] == ("", "2.5e-01", "0")
    assert cells["pixels of another class"] == ("", f"{crooked.difference.differing:,}", "0")


def test_the_first_backend_is_what_the_others_are_held_against(compare) -> None:
    first, other = compare("crooked", "reference").rows
    assert first.difference.differing == 0 < other.difference.differing
    assert other.difference.differing == compare("reference", "crooked").rows[1].difference.differing


def test_padding_is_not_compared_and_every_pixel_of_the_images_is(compare, prepared: Path) -> None:
    rows = (prepared / "metadata.csv").read_text(encoding="utf-8").splitlines()
    columns = rows[0].split(",")
    sizes = [
        int(row.split(",")[columns.index("height")]) * int(row.split(",")[columns.index("width")])
        for row in rows[1:]
        if row.split(",")[1] == "val"
    ]
    report = compare("reference", "numpy", split="val", images=3)
    assert report.images == 3 < len(sizes)
    assert report.rows[0].difference.pixels == sum(sizes[:3])


def test_warming_up_is_not_timed(compare) -> None:
    """Four images in four batches, a tick of the clock each."""
    assert [row.images_per_second for row in compare("reference", "numpy", batch=1).rows] == [1, 1]


def test_what_is_not_installed_is_listed_with_its_cure(compare) -> None:
    report = compare("reference", "far", "crooked")
    assert [row.backend for row in report.rows] == ["reference", "crooked"]
    (left,) = report.left_out
    assert left.backend == "far" and "no_such_module" in left.reason and "pip install far" in left.fix


def test_all_usable_backends_take_part_by_default(compare) -> None:
    report = compare(images=1)
    names = [row.backend for row in report.rows]
    assert {"reference", "crooked"} <= set(names)
    assert "far" in {left.backend for left in report.left_out}
    names.remove("crooked")
    for row in compare("reference", *names).rows:
        assert row.difference.relative < 1e-4
        assert row.difference.differing == row.difference.ties


def test_a_backend_that_cannot_do_the_device_or_precision_is_left_out(compare) -> None:
    report = compare("crooked", "reference", "crooked", device="abacus")
    assert [left.backend for left in report.left_out] == ["reference"]
    assert "abacus" in report.left_out[0].reason


@pytest.mark.parametrize("backends", [("reference",), ("far", "reference")])
def test_fewer_than_two_are_an_error_that_says_what_to_do(compare, backends) -> None:
    with pytest.raises(BackendUnavailableError, match="needs two backends; usable here: reference") as caught:
        compare(*backends)
    assert ("pip install far" in str(caught.value)) == ("far" in backends)
    assert caught.value.fix


def test_names_and_options_are_checked(compare) -> None:
    with pytest.raises(UnknownNameError, match="'refrence'") as caught:
        compare("refrence", "crooked")
    assert "'reference'" in caught.value.fix
    with pytest.raises(InvalidSpecError, match="is not an option"):
        compare("reference:fast", "crooked")


def test_the_table_is_for_people_and_json_for_programs(cli, untrained: Path, prepared: Path) -> None:
    arguments = ("compare-backends", untrained, "--data", prepared, "--backends", "reference,numpy", "--images", "2")
    said = cli(*arguments)
    assert said.code == 0, said.err
    for words in (
        "split test: 2 images",
        "reference",
        "numpy",
        "largest difference of a logit",
        "images/s",
    ):
        assert words in said.out
    rows = cli(*arguments, "--json").object["rows"]
    assert [row["backend"] for row in rows] == ["reference", "numpy"]
    assert rows[1]["difference"]["largest"] == 0 and 0 < rows[0]["miou"] < 1


def test_wrong_input_ends_in_one_message(cli, untrained: Path, prepared: Path, tmp_path: Path) -> None:
    both = ("--backends", "reference,numpy")
    cli("compare-backends", untrained, *both).failed(2, "model.safetensors", "--data")
    cli("compare-backends", tmp_path / "none", *both).failed(5, "does not exist")
    cli("compare-backends", untrained, *both, "--data", prepared, "--split", "tset").failed(3, "'tset'", "test")
    cli("compare-backends", untrained, *both, "--data", prepared, "--images", "0").failed(2, "images")
    cli("compare-backends", untrained, "--backends", "numpy", "--data", prepared).failed(4, "needs two", "--backends")


def test_other_classes_are_refused(cli, untrained: Path, source: Path, tmp_path: Path) -> None:
    assert cli("prepare", source, tmp_path / "data", "--quiet").code == 0
    said = cli("compare-backends", untrained, "--data", tmp_path / "data", "--backends", "reference,numpy")
    said.failed(5, "rectangle", "cell")
