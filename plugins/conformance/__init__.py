"""The conformance kit: what a part of each kind must do. ``checks_of("mine")`` lists the checks of a plugin or a part.

``segport plugins check`` and pytest run the same list:

    @pytest.mark.parametrize("check", checks_of("mine"), ids=str)
    def test_it_conforms(check):
        check()

A backend that is no plugin is checked by ``run_checks(Subject(backend, reference))``.
"""

from .expect import CheckFailed, Lacking
from .kit import Case, checks_of
from .runner import CHECKS, Check, Outcome, Report, run_check, run_checks
from .subject import Subject

__all__ = [
    "CHECKS",
    "Case",
    "Check",
    "CheckFailed",
    "Lacking",
    "Outcome",
    "Report",
    "Subject",
    "checks_of",
    "run_check",
    "run_checks",
]
