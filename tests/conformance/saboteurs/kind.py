"""What saboteurs of one kind have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from segport.plugins.conformance import Check


@frozen
class Saboteurs:
    """Parts of one kind that are broken on purpose.

    Attributes:
        caught_by: the name of the check that must catch it, by saboteur.
        checks: all that the kit has for the kind.
        subject: what a check is made on, of a part.
        honest: the part that saboteurs are made of, which passes.
    """

    caught_by: Mapping[Any, str]
    checks: tuple[Check, ...]
    subject: Callable[[Any], Any]
    honest: Any

    def check_of(self, saboteur: Any) -> Check:
        """The one that must catch it."""
        return next(check for check in self.checks if check.__name__ == self.caught_by[saboteur])
