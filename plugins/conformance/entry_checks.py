"""What everything that a plugin offers must do, of whatever kind it is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from attrs import frozen

from ..details import Option, options_of
from ..entries import Entry
from . import expect

HEAVY = ("torch", "tensorflow", "keras", "jax", "numpy", "cv2", "PIL", "matplotlib")
"""What no listing and no --help may wait for."""

_NAME = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_LONGEST = 120
_LOOK = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules} & set(json.loads(sys.argv[2])))))
"""


@frozen(eq=False)
class EntrySubject:
    """A part under check, as it is offered.

    Attributes:
        entry: what the plugin says of it.
        make: makes it without options.
        checks: names of the functions that it is checked by.
    """

    entry: Entry
    make: Callable[[], Any]
    checks: frozenset[str] = frozenset()

    def options(self) -> tuple[Option, ...]:
        """What its factory takes."""
        return options_of(usable(self.entry))


def usable(entry: Entry) -> Entry:
    """The entry itself. Raises Lacking for what must be installed first."""
    if entry.missing():
        raise expect.Lacking(f"{', '.join(entry.missing())}: {entry.install}")
    return entry


def its_name_can_be_typed(subject: EntrySubject) -> None:
    """Lower case, digits, hyphens: nothing that a shell or "name:option=value" reads otherwise."""
    odd = [name for name in (subject.entry.name, *subject.entry.aliases) if not _NAME.fullmatch(name)]
    expect.that(not odd, f"{odd}: expected lower-case letters, digits, hyphens, dots and +")


def its_summary_is_one_line(subject: EntrySubject) -> None:
    """For a table."""
    text = subject.entry.summary
    expect.that(0 < len(text) <= _LONGEST and "\n" not in text, f"{len(text)} characters, expected 1 to {_LONGEST}")


def what_it_needs_can_be_installed(subject: EntrySubject) -> None:
    """Modules that it requires come with the command that brings them."""
    said = subject.entry.install or "no command"
    expect.that(
        bool(subject.entry.requires) == bool(subject.entry.install), f"it requires {subject.entry.requires}, by {said}"
    )


def its_known_failures_are_checks(subject: EntrySubject) -> None:
    """By the names of their functions, with a reason each."""
    odd = set(subject.entry.known_failures) - subject.checks
    expect.that(not odd, f"there is no check {', '.join(sorted(odd))}")
    silent = [name for name, reason in subject.entry.known_failures.items() if not reason.strip()]
    expect.that(not silent, f"no reason is given for {', '.join(silent)}")


def its_name_alone_makes_it(subject: EntrySubject) -> None:
    """Loaded, and made with the defaults of its options."""
    usable(subject.entry)
    subject.make()


def its_options_are_documented(subject: EntrySubject) -> None:
    """A line each under "Attributes:" or "Args:" of the docstring, and a type."""
    options = subject.options()
    silent = [option.name for option in options if not option.doc]
    expect.that(not silent, f"nothing is said of: {', '.join(silent)}")
    untyped = [option.name for option in options if not option.type]
    expect.that(not untyped, f"without a type: {', '.join(untyped)}")


def it_goes_by_the_name_it_is_offered_under(subject: EntrySubject) -> None:
    """Where the part itself says its name: in tables, checkpoints and errors."""
    usable(subject.entry)
    found = getattr(subject.make(), "name", subject.entry.name)
    expect.that(found == subject.entry.name, f"it calls itself {found!r}, and is offered as {subject.entry.name!r}")


def offering_it_imports_nothing_heavy(subject: EntrySubject) -> None:
    """The module with the hooks; ``load`` imports the rest when the part is used."""
    if not subject.entry.module:
        raise expect.Lacking("a plugin that is a module")
    found = _imported(subject.entry.module)
    expect.that(not found, f"importing {subject.entry.module} imports {', '.join(found)}")


@cache
def _imported(module: str) -> tuple[str, ...]:
    """The heavy modules that importing another brings, found out in a fresh interpreter."""
    command = [sys.executable, "-c", _LOOK, module, json.dumps(HEAVY)]
    path = os.pathsep.join(filter(None, sys.path))  # a module that is found here is found there
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, check=False)
    if done.returncode:
        raise expect.CheckFailed(f"{module} cannot be imported: {done.stderr.strip().rpartition(chr(10))[2]}")
    return tuple(json.loads(done.stdout.splitlines()[-1]))


CHECKS = (
    its_name_can_be_typed,
    its_summary_is_one_line,
    what_it_needs_can_be_installed,
    its_known_failures_are_checks,
    its_name_alone_makes_it,
    its_options_are_documented,
    it_goes_by_the_name_it_is_offered_under,
    offering_it_imports_nothing_heavy,
)
