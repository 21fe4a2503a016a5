"""The torch backend against the conformance kit."""

import pytest

from segport.adapters.reference.model import NumpyModel
from segport.adapters.torch.backend import TorchBackend
from segport.plugins.conformance import CHECKS, Outcome, Report, Subject, run_check, run_checks


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject(TorchBackend(), NumpyModel, device="cpu")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_torch(check, subject: Subject) -> None:
    check(subject)


def test_a_check_that_needs_a_missing_capability_is_skipped_and_named(subject: Subject) -> None:
    class Untrained:
        name = "untrained"
        capabilities = frozenset()

    by_heart = next(check for check in CHECKS if "by_heart" in check.__name__)
    outcome = run_check(by_heart, Subject(Untrained(), NumpyModel))  # type: ignore[arg-type]
    assert (outcome.skipped, outcome.passed, outcome.problem) == ("training", False, "")


def test_any_exception_is_a_failure_of_the_check(subject: Subject) -> None:
    def the_world_is_round(_: Subject) -> None:
        raise ZeroDivisionError("flat")

    report = run_checks(subject, [the_world_is_round])
    assert not report.passed
    assert report.failures == (Outcome("the world is round", "ZeroDivisionError: flat"),)
    assert "FAILED  the world is round: ZeroDivisionError: flat" in str(report)


def test_a_report_in_which_nothing_ran_has_not_passed() -> None:
    assert not Report("none", (Outcome("a check", skipped="training"),)).passed
    assert Report("some", (Outcome("a check"),)).passed
