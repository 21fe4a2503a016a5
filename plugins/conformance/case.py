"""A check on what it is made on: an outcome for reports, and a test for pytest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from .expect import Lacking
from .runner import CHECKS_ON, Check, Outcome, OwnSubject, run_check, sentence


@frozen(eq=False)
class Case:
    """One check on one part. Calling it raises where the part fails; ``str`` of it names a test.

    In pytest: ``@pytest.mark.parametrize("check", checks_of("mine"), ids=str)``, and ``check()`` is the test.

    Attributes:
        part: what is checked, in words.
        check: what must be true of it.
        subject: makes what the check is made on.
        expected: why it is known to fail, where it is.
    """

    part: str
    check: Check
    subject: Callable[[], Any]
    expected: str

    def outcome(self) -> Outcome:
        """What comes of it; never raises. That a part cannot be made is a failure of one check, not of all."""
        try:
            subject = self.subject()
        except Lacking as lack:
            return Outcome(sentence(self.check), skipped=str(lack))
        except Exception:  # noqa: BLE001 - whatever a foreign part raises
            return Outcome(sentence(self.check), skipped="a part that can be made")
        return run_check(self.check, subject, self.expected)

    def __call__(self) -> None:
        """Raises AssertionError where it fails, and unittest's SkipTest where it cannot be made here."""
        outcome = self.outcome()
        if outcome.skipped:
            raise Lacking(outcome.skipped)
        if outcome.problem:
            raise AssertionError(f"{self}: {outcome.problem}")

    def __str__(self) -> str:
        return f"{self.part.replace(' ', '-')}-{self.check.__name__}"


def checks_on(subject: OwnSubject) -> list[Case]:
    """Every check of an object of one's own: a backend, a data set, or a store, that is no plugin's."""
    return [Case(subject.name, check, lambda: subject, "") for check in CHECKS_ON[type(subject)]]
