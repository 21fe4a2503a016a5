"""The `segport` command: parses, runs, and turns errors into one readable block and an exit code."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from types import FrameType

from cyclopts import App, CycloptsError

from .. import __version__
from ..domain.errors import (
    BackendUnavailableError,
    CheckpointError,
    DataError,
    OutOfMemoryError,
    PluginError,
    RunInterruptedError,
    SegportError,
    TrainingDivergedError,
)
from .commands import HOMES, register
from .streams import lasting_streams

EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (DataError, 3),
    (BackendUnavailableError, 4),
    (PluginError, 4),
    (CheckpointError, 5),
    (TrainingDivergedError, 6),
    (OutOfMemoryError, 7),
    (RunInterruptedError, 130),
    (KeyboardInterrupt, 130),
    (OSError, 3),
    (SegportError, 2),
)
"""The first match counts; 2 is for wrong usage and settings, 1 for what segport did not foresee."""


_SEE_TO = "Check the path, space and permissions."


def app(asked: str = "") -> App:
    """The command line with all its commands, or with what belongs to the one that is ``asked`` for."""
    made = App(
        name="segport",
        help="Image segmentation, one pipeline for any framework.",
        version=__version__,
        result_action="return_value",
        suppress_keyboard_interrupt=False,
        help_format="plaintext",
    )
    register(made, asked)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code and never raises."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _stop)
    with lasting_streams():
        try:
            result = app(*arguments[:1])(arguments, exit_on_error=False, print_error=False)
            sys.stdout.flush()
            return result if isinstance(result, int) else 0
        except CycloptsError as error:
            print(f"error: {error}\nSee: segport {_subject(arguments)}--help", file=sys.stderr)
            return 2
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line of defence
            return _report(error, debug="--debug" in arguments)


def _stop(number: int, frame: FrameType | None) -> None:
    """SIGTERM as Ctrl-C, so that what is half-written is cleared away; training has its own, politer handler."""
    raise KeyboardInterrupt


def _report(error: BaseException, *, debug: bool) -> int:
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    code = next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)
    if isinstance(error, SegportError):
        print(f"error: {error}", file=sys.stderr)
    elif isinstance(error, KeyboardInterrupt):
        print("stopped", file=sys.stderr)
    elif isinstance(error, OSError) and error.strerror:
        # Of a copy that failed, the first name is that of what was read.
        where = error.filename2 or error.filename
        print(f"error: {f'{where}: ' if where else ''}{error.strerror}.\n{_SEE_TO}", file=sys.stderr)
    else:
        print(f"error: {type(error).__name__}: {error}\nSee the traceback with --debug.", file=sys.stderr)
    return code


def _subject(arguments: Sequence[str]) -> str:
    """The command whose help explains more; "" where there is none of the name."""
    return f"{arguments[0]} " if arguments and arguments[0] in HOMES else ""
