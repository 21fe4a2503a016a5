"""Every backend the plugins offer against the conformance kit; none is asked for by name."""

import pytest

from segport.adapters.reference.model import NumpyModel
from segport.plugins.conformance import CHECKS, Outcome, Report, Subject, run_check, run_checks
from segport.plugins.conformance.runner import lacking
from segport.plugins.entries import Kind
from segport.plugins.registry import Registry

REGISTRY = Registry()


@pytest.fixture(scope="module", params=REGISTRY.names(Kind.BACKEND.value))
def subject(request: pytest.FixtureRequest) -> Subject:
    missing = REGISTRY.entry(Kind.BACKEND, request.param).missing()
    if missing:
        pytest.skip(f"backend {request.param} needs {', '.join(missing)}, which is not installed")
    return Subject(REGISTRY.backend(request.param), NumpyModel, device="cpu")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_conforms(check, subject: Subject) -> None:
    lack = lacking(check, subject)
    if lack:
        pytest.skip(f"{subject.backend.name} lacks the capability {lack}")
    check(subject)


class Untrained:
    name = "untrained"
    capabilities = frozenset()


def test_a_check_that_needs_a_missing_capability_is_skipped_and_named() -> None:
    by_heart = next(check for check in CHECKS if "by_heart" in check.__name__)
    outcome = run_check(by_heart, Subject(Untrained(), NumpyModel))  # type: ignore[arg-type]
    assert (outcome.skipped, outcome.passed, outcome.problem) == ("training", False, "")


def test_any_exception_is_a_failure_of_the_check() -> None:
    def the_world_is_round(_: Subject) -> None:
        raise ZeroDivisionError("flat")

    report = run_checks(Subject(Untrained(), NumpyModel), [the_world_is_round])  # type: ignore[arg-type]
    assert not report.passed
    assert report.failures == (Outcome("the world is round", "ZeroDivisionError: flat"),)
    assert "FAILED    the world is round: ZeroDivisionError: flat" in str(report)


def test_a_report_in_which_nothing_ran_has_not_passed() -> None:
    assert not Report("none", (Outcome("a check", skipped="training"),)).passed
    assert Report("some", (Outcome("a check"),)).passed
