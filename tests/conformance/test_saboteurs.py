"""The kit itself: backends broken on purpose. Some check must catch each, and every check must catch at least one."""

import inspect
from collections.abc import Callable

import pytest

from segport.adapters.reference.model import NumpyModel
from segport.plugins.conformance import CHECKS, Subject, run_check, run_checks
from segport.tests.conformance.saboteurs.backends import averaging, evaluation, models, sessions, training, updates
from segport.tests.conformance.saboteurs.backends.honest import Backend

CAUGHT_BY = {
    **models.CAUGHT_BY,
    **evaluation.CAUGHT_BY,
    **training.CAUGHT_BY,
    **sessions.CAUGHT_BY,
    **updates.CAUGHT_BY,
    **averaging.CAUGHT_BY,
}
BY_NAME = {check.__name__: check for check in CHECKS}
OWN_MISTAKES = ("AttributeError", "TypeError", "NameError", "KeyError", "ImportError")
CASES = [(saboteur, name) for saboteur, names in CAUGHT_BY.items() for name in names]


def subject(make: Callable[[], Backend]) -> Subject:
    return Subject(make(), NumpyModel, device="cpu")


@pytest.mark.parametrize(("saboteur", "name"), CASES, ids=[f"{s.__name__}-{n}" for s, n in CASES])
def test_is_caught(saboteur: type[Backend], name: str) -> None:
    outcome = run_check(BY_NAME[name], subject(saboteur))
    assert outcome.problem
    assert not outcome.problem.startswith(OWN_MISTAKES)  # caught for what it does, not for being badly written


def test_an_honest_wrapper_passes() -> None:
    report = run_checks(subject(Backend))
    assert report.passed, str(report)
    assert len(report.outcomes) == len(CHECKS)
    assert not any(outcome.skipped for outcome in report.outcomes)


def test_every_check_catches_a_saboteur_and_every_saboteur_is_listed() -> None:
    assert {name for names in CAUGHT_BY.values() for name in names} == set(BY_NAME)
    assert set(CAUGHT_BY) == set(Backend.__subclasses__())


def test_every_check_function_of_the_kit_is_run() -> None:
    modules = {inspect.getmodule(check) for check in CHECKS}
    written = {
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert written == set(CHECKS)
