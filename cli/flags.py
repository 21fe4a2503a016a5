"""A settings class as a command: one flag a field, its help and default included.

Flags are handed on as text. The settings codec turns text, TOML values and Python values into fields by the same
rules, so that one message can list every wrong value, wherever it was written.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import attrs
from cyclopts import Group, Parameter

from ..domain.choices import Choice

COMMON = Group("Output", sort_key=99)
PLAIN = Group("Options", sort_key=1)

_WORDS = {int: "N", float: "X", Path: "PATH", Choice: "NAME", str: "TEXT"}
"""What stands for a value in the help."""


def command(
    cls: type, run: Callable[[dict[str, Any]], int], *, extras: dict[str, str] | None = None
) -> Callable[..., int]:
    """A function cyclopts can show and call: it hands the given values, by field name, to ``run``.

    Args:
        cls: attrs settings class; fields without a default are positional.
        run: gets what was written, and nothing else, as text or bool.
        extras: further flags that take a value, with their help.
    """
    hints = get_type_hints(cls)
    parameters = [_parameter(field, hints[field.name]) for field in attrs.fields(cls)]
    for name, help_text in (extras or {}).items():
        parameters.append(_flag(name, str | None, help_text, PLAIN, Path))
    parameters += [
        _flag("json", bool, "One JSON object on stdout, everything else on stderr.", COMMON),
        _flag("quiet", bool, "Print results only.", COMMON),
        _flag("debug", bool, "Show the traceback of an error.", COMMON),
    ]
    parameters.sort(key=lambda p: p.kind)

    def called(*args: Any, **given: Any) -> int:
        positional = [p for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
        for parameter, value in zip(positional, args, strict=False):
            given[parameter.name] = value
        if positional and positional[-1].kind is inspect.Parameter.VAR_POSITIONAL:
            given[positional[-1].name] = list(args[len(positional) - 1 :]) or None
        return run({name: value for name, value in given.items() if value is not None})

    called.__doc__ = inspect.getdoc(cls)
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    return called


def _parameter(field: attrs.Attribute[Any], hint: Any) -> inspect.Parameter:
    help_text = field.metadata.get("help", "")
    if field.default is not attrs.NOTHING:
        group = field.metadata.get("group")
        kind: Any = bool | None if hint is bool else str | None
        default = _shown(field.default)
        text = f"{help_text} [{default}]" if default else help_text
        return _flag(field.name, kind, text, Group(group, sort_key=2) if group else PLAIN, hint)
    several = get_origin(hint) is tuple
    return inspect.Parameter(
        field.name,
        inspect.Parameter.VAR_POSITIONAL if several else inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=inspect.Parameter.empty if several else None,
        annotation=Annotated[str if several else str | None, Parameter(help=help_text, show_default=False)],
    )


def _flag(name: str, kind: Any, help_text: str, group: Group, hint: Any = bool) -> inspect.Parameter:
    """``kind`` is what is handed on; ``hint`` is what the settings make of it."""
    negative = None if bool in _members(kind) and kind is not bool else ""
    shown = Parameter(
        help=help_text, show_default=False, group=group, negative=negative, metavar=_word(_members(hint)[0])
    )
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, shown])


def _word(hint: Any) -> str | None:
    """What stands for a value in the help: N, PATH, HxW; None for a flag without one."""
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        return f"{_word(inner[0])},..." if inner[-1] is Ellipsis else "CxHxW"[-2 * len(inner) + 1 :]
    return None if hint is bool else _WORDS.get(hint, "WORD")


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (types.UnionType, Union) else (kind,)


def _shown(default: Any) -> str:
    if default is None or default == ():
        return ""
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    if isinstance(default, bool):
        return "on" if default else ""
    return str(getattr(default, "value", default))
