"""The list of checks of a part: expected failures, what cannot be made here, names; and what is known of a part."""

from __future__ import annotations

import inspect
from importlib.metadata import entry_points
from types import SimpleNamespace
from typing import Any
from unittest import SkipTest

import attrs
import pytest

from segport.domain.errors import PluginError, UnknownNameError
from segport.plugins import Entry, Kind, hookimpl
from segport.plugins.conformance import Case, Outcome, checks_of
from segport.plugins.conformance.kit import CHECKS_OF
from segport.plugins.details import called, options_of
from segport.plugins.manager import DISABLE, GROUP, Broken, Offer, discover
from segport.plugins.registry import Registry

SHUFFLED = "the_order_of_pixels_does_not_matter"
REPEATED = "the_same_prediction_costs_the_same_again"


@attrs.frozen
class TopRow:
    """The mean logit of the top row: it depends on where a pixel is."""

    def __call__(self, ops: Any, logits: Any, truth: Any, valid: Any) -> Any:
        weights = ops.cast(valid[:, :1], logits)
        return ops.sum(ops.sum(logits[:, :1], -1) * weights) / ops.maximum(ops.sum(weights), 1.0)


def registry(*entries: Entry, broken: tuple[Broken, ...] = ()) -> Registry:
    """The reference, which is the kit's oracle, and these."""
    oracle = discover(points=entry_points(group=GROUP, name="reference"))
    return Registry(lambda: Offer((*oracle.entries, *entries), broken))


def top_row(**changes: Any) -> Entry:
    return attrs.evolve(Entry(Kind.LOSS, "top-row", "of the top row", lambda: TopRow, plugin="theirs"), **changes)


def found(entry: Entry) -> dict[str, Outcome]:
    return {case.check.__name__: case.outcome() for case in checks_of(entry.name, registry=registry(entry))}


def test_there_are_checks_for_every_kind() -> None:
    assert set(CHECKS_OF) == set(Kind) and all(len(checks) >= 3 for checks in CHECKS_OF.values())


def test_a_failure_that_was_declared_is_none_and_says_why() -> None:
    plain, declared = found(top_row()), found(top_row(known_failures={SHUFFLED: "the top row is special"}))
    assert plain[SHUFFLED].state == "FAILED" and "off by" in plain[SHUFFLED].problem
    assert declared[SHUFFLED].state == "expected" and not declared[SHUFFLED].passed
    assert str(declared[SHUFFLED]) == "expected  the order of pixels does not matter: the top row is special"


def test_a_declared_failure_that_passes_is_a_failure() -> None:
    outcome = found(top_row(known_failures={REPEATED: "it forgets"}))[REPEATED]
    assert outcome.problem == "passed, though declared to fail (it forgets)"


def test_a_declared_failure_of_no_check_is_a_failure() -> None:
    outcome = found(top_row(known_failures={"it_flies": "it is heavy"}))["its_known_failures_are_checks"]
    assert outcome.problem == "there is no check it_flies"


def test_what_must_be_installed_first_is_skipped_with_the_command_and_nothing_is_loaded() -> None:
    def load() -> Any:
        raise AssertionError("loaded")

    outcomes = found(top_row(load=load, requires=("no_such_module",), install="pip install far"))
    skipped = {name for name, outcome in outcomes.items() if outcome.skipped}
    assert outcomes[REPEATED].note == "needs no_such_module: pip install far"
    assert not any(outcome.problem for outcome in outcomes.values())
    assert {"its_name_alone_makes_it", "its_options_are_documented", SHUFFLED} <= skipped
    assert outcomes["its_summary_is_one_line"].passed


def test_a_part_that_cannot_be_made_fails_one_check_and_not_all() -> None:
    outcomes = found(top_row(load=lambda: 1 / 0))
    failed = {name for name, outcome in outcomes.items() if outcome.problem}
    assert failed == {
        "its_name_alone_makes_it",
        "its_options_are_documented",
        "it_goes_by_the_name_it_is_offered_under",
    }
    assert "ZeroDivisionError" in outcomes["its_name_alone_makes_it"].problem
    assert outcomes[SHUFFLED].note == "needs a part that can be made"


def test_without_a_framework_slopes_are_not_compared_and_the_report_says_so() -> None:
    slopes = found(top_row())["every_framework_gives_the_value_and_the_slope_of_the_formula"]
    assert slopes.note == "needs a backend that trains, such as torch or tensorflow"


def test_a_case_is_a_test_of_its_own() -> None:
    cases = {case.check.__name__: case for case in checks_of("top-row", registry=registry(top_row()))}
    assert str(cases[SHUFFLED]) == "loss-top-row-the_order_of_pixels_does_not_matter"
    with pytest.raises(AssertionError, match=r"loss-top-row-the_order.*off by"):
        cases[SHUFFLED]()
    with pytest.raises(SkipTest, match="a backend that trains"):
        cases["every_framework_gives_the_value_and_the_slope_of_the_formula"]()
    cases[REPEATED]()


@pytest.mark.parametrize("check", checks_of("reference")[:3], ids=str)
def test_a_backend_is_checked_by_name(check: Case) -> None:
    assert check.part == "backend reference"
    check()


def names(name: str) -> list[str]:
    return [f"{entry.kind.value}:{entry.name}" for entry in called(Registry(), name)]


def test_a_name_means_all_that_goes_by_it() -> None:
    assert names("dice") == ["loss:dice", "metric:f1"]
    assert names("loss:dice") == ["loss:dice"]
    assert names("metric:dice") == ["metric:f1"]
    assert names("torch")[0] == "backend:torch" and "exporter:torchscript" in names("torch")
    assert names("plugin:torch") == names("torch")
    assert names("backend:tf") == ["backend:tensorflow"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lovas", "Unknown part or plugin 'lovas'"),
        ("loss:lovas", "Unknown loss 'lovas'"),
        ("plugin:trch", "Unknown plugin 'trch'"),
    ],
)
def test_an_unknown_name_shows_the_nearest(name: str, words: str) -> None:
    with pytest.raises(UnknownNameError, match=words) as caught:
        called(Registry(), name)
    assert "Did you mean" in caught.value.fix


def test_a_broken_plugin_is_told_by_name_with_its_reason() -> None:
    made = registry(broken=(Broken("theirs", "ImportError: no module"),))
    with pytest.raises(PluginError, match="plugin 'theirs' is broken: ImportError: no module"):
        called(made, "theirs")


def test_options_come_with_types_defaults_and_words() -> None:
    gamma, weights = options_of(Registry().entry(Kind.LOSS, "focal"))
    assert (gamma.name, gamma.type, gamma.default) == ("gamma", "float", 2.0)
    assert gamma.doc == "how strongly easy pixels are turned away from, at least 0."
    assert weights.type == "tuple[float, ...]"


def test_options_of_a_base_class_are_described_and_the_runs_folder_is_none() -> None:
    coco = {option.name: option for option in options_of(Registry().entry(Kind.READER, "coco"))}
    assert coco["overlap"].doc.startswith("who gets a pixel") and coco["max_pixels"].doc and coco["kind"].doc
    assert options_of(Registry().entry(Kind.TRACKER, "log")) == ()


def test_a_policys_defaults_are_its_own() -> None:
    strong = {option.name: option for option in options_of(Registry().entry(Kind.AUGMENTATION, "strong"))}
    assert strong["rotate"].default == 45.0 and strong["rotate"].doc


def test_an_option_without_a_default_says_so() -> None:
    entry = Entry(Kind.LOSS, "needy", "needs one", lambda: lambda level: level)
    assert [option.default for option in options_of(entry)] == [inspect.Parameter.empty]


def test_where_a_part_comes_from_is_known() -> None:
    assert Registry().entry(Kind.LOSS, "dice").distribution.startswith("segport ")
    assert Registry().entry(Kind.LOSS, "dice").module == "segport.plugins.builtin"
    theirs = SimpleNamespace(segport_losses=hookimpl(lambda: [top_row()]))
    (entry,) = discover(points=[], extra=[("theirs", theirs)]).entries
    assert (entry.plugin, entry.module, entry.distribution) == ("theirs", "", "")


def test_a_plugin_that_the_environment_blocks_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DISABLE, "tracking")
    with pytest.raises(UnknownNameError, match="Unknown tracker 'log'"):
        checks_of("tracker:log")
