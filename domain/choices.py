"""A part by name with its options: what "--loss focal:gamma=2" and "loss = 'focal:gamma=2'" mean."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from .errors import InvalidSpecError

_TOKENS = re.compile(r'"(?:\\.|[^"\\])*"|[\[\]{},]')
"""What splitting must look at: whole JSON strings, brackets, commas."""


@frozen
class Choice:
    """A registered name and some of its options.

    Written as text it is ``name`` or ``name:option=value,option=value``; values are JSON (numbers, true, false, lists
    in brackets) or else plain text.
    """

    name: str
    options: Mapping[str, Any] = field(factory=dict)

    @classmethod
    def of(cls, value: str | Mapping[str, Any] | Choice) -> Choice:
        """From text, or from a table with the key "name". Raises InvalidSpecError for anything else."""
        if isinstance(value, Choice):
            return value
        if isinstance(value, Mapping) and isinstance(value.get("name"), str):
            return cls(value["name"], {k.replace("-", "_"): v for k, v in value.items() if k != "name"})
        if isinstance(value, str) and value:
            name, _, options = value.partition(":")
            return cls(name.strip(), _parse(options, value))
        raise InvalidSpecError(
            f"{value!r} is not a name.", fix="Write it as 'name' or 'name:option=value,option=value'."
        )

    def __str__(self) -> str:
        options = ",".join(f"{k}={json.dumps(v, separators=(',', ':'))}" for k, v in sorted(self.options.items()))
        return f"{self.name}:{options}" if options else self.name


def _parse(text: str, whole: str) -> dict[str, Any]:
    options = {}
    for part in _split(text):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise InvalidSpecError(
                f"{whole!r}: {part!r} is not an option.", fix="Write options as 'name:option=value,option=value'."
            )
        options[name.strip().replace("-", "_")] = _value(value.strip())
    return options


def _split(text: str) -> list[str]:
    """At commas outside of brackets and quoted text."""
    parts, depth, start = [], 0, 0
    for token in _TOKENS.finditer(text):
        depth += (token[0] in "[{") - (token[0] in "]}")
        if token[0] == "," and depth == 0:
            parts.append(text[start : token.start()])
            start = token.end()
    return [p for p in (*parts, text[start:]) if p.strip()]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
