"""The conformance kit: what a part of each kind must do. ``checks_of("mine")`` lists the checks of a plugin or a part.

``segport plugins check`` and pytest run the same list:

    @pytest.mark.parametrize("check", checks_of("mine"), ids=str)
    def test_it_conforms(check):
        check()

What is no plugin is checked as the object that it is, with ``checks_on(subject)`` in pytest and ``run_checks(subject)``
anywhere: ``DatasetSubject(dataset)``, ``RunStoreSubject(make)``, ``DatasetStoreSubject(make)``, and a backend by
``Subject(backend, reference)``.
"""

from .case import Case, checks_on
from .dataset_checks import DatasetSubject
from .dataset_store_subject import DatasetStoreSubject
from .expect import CheckFailed, Lacking
from .kit import checks_of
from .run_store_subject import RunStoreSubject
from .runner import CHECKS, Check, Outcome, Report, run_check, run_checks
from .subject import Subject

__all__ = [
    "CHECKS",
    "Case",
    "Check",
    "CheckFailed",
    "DatasetStoreSubject",
    "DatasetSubject",
    "Lacking",
    "Outcome",
    "Report",
    "RunStoreSubject",
    "Subject",
    "checks_of",
    "checks_on",
    "run_check",
    "run_checks",
]
