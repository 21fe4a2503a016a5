"""Entries broken on purpose: how a plugin offers a part, whatever it is."""

from __future__ import annotations

from typing import Any

import attrs

from segport.plugins import Entry, Kind
from segport.plugins.conformance import entry_checks as entries
from segport.tests.conformance.saboteurs.kind import Saboteurs


@attrs.frozen
class Quiet:
    """A part.

    Attributes:
        level: how quiet.
    """

    level: int = 1
    name = "quiet"


@attrs.frozen
class Silent:
    """A part."""

    level: int = 1


@attrs.frozen
class Needy:
    """A part.

    Attributes:
        level: how quiet.
    """

    level: int


def offered(load: type = Quiet, name: str = "quiet", **changes: Any) -> Entry:
    return attrs.evolve(Entry(Kind.LOSS, name, "does nothing", lambda: load), **changes)


BROKEN: dict[str, tuple[Entry, str]] = {
    "shouts": (offered(aliases=("QUIET",)), "its_name_can_be_typed"),
    "long": (offered(summary="what it does\nand why"), "its_summary_is_one_line"),
    "no install": (offered(requires=("json",)), "what_it_needs_can_be_installed"),
    "unknown": (offered(known_failures={"it_flies": "it is heavy"}), "its_known_failures_are_checks"),
    "no reason": (offered(known_failures={"its_name_can_be_typed": " "}), "its_known_failures_are_checks"),
    "needy": (offered(Needy), "its_name_alone_makes_it"),
    "silent": (offered(Silent), "its_options_are_documented"),
    "another name": (offered(name="loud"), "it_goes_by_the_name_it_is_offered_under"),
    "heavy": (offered(module="segport.adapters.reference.ops"), "offering_it_imports_nothing_heavy"),
    "gone": (offered(module="segport.no_such_module"), "offering_it_imports_nothing_heavy"),
}
HONEST = offered(module="segport.plugins.builtin")


def subject(name: str) -> entries.EntrySubject:
    entry = BROKEN[name][0] if name in BROKEN else HONEST
    return entries.EntrySubject(entry, lambda: entry.load()(), frozenset(c.__name__ for c in entries.CHECKS))


ENTRIES = Saboteurs({name: check for name, (_, check) in BROKEN.items()}, entries.CHECKS, subject, "honest")
