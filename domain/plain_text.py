"""Text of strangers as it may be shown: it moves no cursor, does not turn the direction of writing, and has an end."""

from __future__ import annotations

import re

LONGEST = 1000
"""Characters of a line that a person still reads."""

_FIRST, _LAST = 700, 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Also halves of characters, which cannot be written as UTF-8."""
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff]")
"""The same but for the line's end and the tab; and marks that turn the direction of writing."""


def has_controls(text: str) -> bool:
    """Whether a name holds what no name may: control characters."""
    return _CONTROL.search(text) is not None


def shown(text: str) -> str:
    r"""The text with what cannot be seen spelt out (\x1b), and of each long line its two ends and its length."""
    if len(text) > LONGEST:
        text = "\n".join(map(_cut, text.split("\n")))
    return _HIDDEN.sub(lambda found: ascii(found[0])[1:-1], text)


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[:_FIRST]} ... ({len(line)} characters) ... {line[-_LAST:]}"
