"""The conformance kit: what a backend must do to be one. ``run_checks(Subject(backend, reference))`` gives a report."""

from .expect import CheckFailed
from .runner import CHECKS, Check, Outcome, Report, run_check, run_checks
from .subject import Subject

__all__ = ["CHECKS", "Check", "CheckFailed", "Outcome", "Report", "Subject", "run_check", "run_checks"]
