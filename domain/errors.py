"""Every error segport raises on purpose: what was expected, what was found and where, and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from .listing import cut
from .plain_text import shown

_SHOWN = 100
"""Problems on a screen: a file of nothing else may have a million."""


class SegportError(Exception):
    """Base of all deliberate errors. What they quote of files is shown as ``plain_text`` says.

    Args:
        message: one sentence: what is wrong, and where (file, field, value).
        problems: every single problem found, worst first, where there can be several.
        fix: what to do about it.
    """

    def __init__(self, message: str, *, problems: Sequence[str] = (), fix: str = "") -> None:
        self.message = shown(message)
        self.problems = tuple(map(shown, problems))
        self.fix = shown(fix)
        super().__init__(self.message)

    def __str__(self) -> str:
        lines = [self.message, *(f"  - {problem}" for problem in cut(self.problems, _SHOWN))]
        return "\n".join([*lines, self.fix] if self.fix else lines)


class InvalidSpecError(SegportError, ValueError):
    """A setting, graph or specification that cannot be."""


class DataError(SegportError, ValueError):
    """Images, masks or tables that cannot be used."""


class UnknownNameError(SegportError, LookupError):
    """A name nobody has registered; the message shows the nearest known ones."""

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
        """Builds the message for an unknown ``name`` of a ``kind`` ("loss", "option of loss 'focal'" ...)."""
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(repr(n) for n in near)}? " if near else ""
        return cls(f"Unknown {kind} {name!r}.", fix=f"{hint}Known: {', '.join(known) or 'none'}.")


class DownloadError(DataError):
    """A file that cannot be fetched, or is not what was promised. ``missing``: the server has no such file."""

    def __init__(self, message: str, *, problems: Sequence[str] = (), fix: str = "", missing: bool = False) -> None:
        super().__init__(message, problems=problems, fix=fix)
        self.missing = missing


class BackendUnavailableError(SegportError, ImportError):
    """A backend that is known but cannot be used here; the message says how to install it."""


class CheckpointError(SegportError):
    """A checkpoint or run that cannot be read, or does not fit what is asked of it."""


class DamagedCheckpointError(CheckpointError):
    """A file that is no checkpoint, or one no longer: altered, cut short, overwritten."""


class PluginError(SegportError):
    """A plugin that is broken, or two plugins that claim one name."""


class TrainingDivergedError(SegportError):
    """The loss became NaN or infinite."""


class OutOfMemoryError(SegportError, MemoryError):
    """The memory of the machine, or of its GPU, did not suffice."""


class RunInterruptedError(SegportError):
    """Training was asked to stop, and saved its state before it did."""


def in_one_line(error: BaseException) -> str:
    """Somebody else's error as text: its first line, and that of the error it began with where they differ.

    Frameworks that cannot load their native part put whole tracebacks into their message; those are left out.
    """
    first = error
    while (earlier := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:
        error = earlier
    lines = [f"{type(one).__name__}: {str(one).strip()}".partition("\n")[0] for one in (first, error)]
    return ", from ".join(dict.fromkeys(line for line in lines if "Traceback" not in line)) or type(first).__name__
