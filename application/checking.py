"""Settings written in Python: plain words are understood, and what is wrong is told all at once."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import wraps
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs

from ..domain.choices import Choice
from ..domain.errors import InvalidSpecError
from ..domain.listing import counted

T = TypeVar("T")

_TAKEN: Mapping[type, tuple[Any, str, Callable[[Any], Any]]] = {
    bool: (bool, "True or False", bool),
    int: (Integral, "a whole number", int),
    float: (Real, "a number", float),
    str: ((str, PathLike), "text", fspath),
    Path: ((str, PathLike), "a path", Path),
}
"""For each type what is taken, how it is called, and what makes the value of it; numbers may be NumPy's."""


def told(help: str, *, group: str = "") -> dict[str, str]:
    """What ``--help`` says of a field; ``group`` is its heading there."""
    return {"help": help, "group": group}


def setting(help: str, default: Any, *, check: Any = None, group: str = "") -> Any:
    """A field of plain values. Where there are words for the value, write ``field(converter=...)``: types follow it."""
    return attrs.field(default=default, validator=check, metadata=told(help, group=group))


def to_choice(value: str | Mapping[str, Any] | Choice) -> Choice:
    """A name with options, written in any way that is understood."""
    return Choice.of(value)


def to_choices(values: Iterable[str | Mapping[str, Any] | Choice]) -> tuple[Choice, ...]:
    """Names with options."""
    return tuple(map(Choice.of, values))


def to_path(value: str | Path) -> Path:
    """A path, from text as well."""
    return Path(value)


def to_paths(values: Iterable[str | Path]) -> tuple[Path, ...]:
    """Paths, likewise."""
    return tuple(map(Path, values))


def checked(cls: type[T]) -> type[T]:
    """An attrs class whose constructor raises one InvalidSpecError that names the class, and every field that is wrong.

    Fields take what their type says, and the plain words for it: "fp32" for ``Precision.FP32``, "runs/a" for a Path, a
    list for a tuple.
    """
    construct: Callable[..., None] = cls.__init__

    @wraps(construct)
    def init(self: T, *args: Any, **named: Any) -> None:
        construct(self, **_understood(cls, args, named))

    cls.__init__ = init  # type: ignore[assignment]
    return cls


def _understood(cls: type, args: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are given, as their types say."""
    fields = {field.name: field for field in attrs.fields(cls)}
    if len(args) > len(fields):
        raise InvalidSpecError(f"{cls.__name__} has {len(fields)} fields, and {len(args)} values were given.")
    hints, given, made = get_type_hints(cls), dict(zip(fields, args, strict=False)) | dict(named), {}
    problems = [f"{name}: missing" for name, f in fields.items() if f.default is attrs.NOTHING and name not in given]
    for name, value in given.items():
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=2, cutoff=0.5)
            problems.append(f"{name}: unknown" + (f"; did you mean {' or '.join(near)}?" if near else ""))
            continue
        try:
            made[name] = _value(value, hints[name])
            if (validator := fields[name].validator) is not None:
                validator(None, fields[name], made[name])
        except InvalidSpecError as error:
            problems.append(f"{name} = {value!r}: {error.message} {error.fix}")
        except ValueError as error:  # attrs puts the whole field into args: the sentence is the first of them
            problems.append(f"{name} = {value!r}: {error.args[0]}")
    if problems:
        raise InvalidSpecError(
            f"{cls.__name__}: {counted(len(problems), 'setting')} cannot be used.", problems=problems
        )
    return made


def _value(value: Any, hint: Any) -> Any:
    """As the type says. Raises ValueError telling what is expected."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _one_of(value, inner)
    if origin is tuple:
        return _row(value, inner)
    if origin is Literal:
        return _allowed(value, inner)
    if hint is Choice:
        return Choice.of(value)
    if issubclass(hint, Enum):
        return _member(value, hint)
    taken, called, make = _TAKEN[hint]
    if not isinstance(value, taken) or (isinstance(value, bool) and hint is not bool):
        raise ValueError(f"expected {called}")
    return make(value)


def _one_of(value: Any, kinds: tuple[Any, ...]) -> Any:
    if value is None and NoneType in kinds:
        return None
    wanted = []
    for kind in kinds:
        if kind is not NoneType:
            try:
                return _value(value, kind)
            except InvalidSpecError:
                raise
            except ValueError as error:
                wanted.append(str(error).removeprefix("expected "))
    raise ValueError(f"expected {', or '.join(wanted)}")


def _row(value: Any, kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    repeated = kinds[-1] is Ellipsis
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise ValueError("expected a list or tuple")
    values = tuple(value)
    if not repeated and len(values) != len(kinds):
        raise ValueError(f"expected {len(kinds)} values")
    each = kinds[:1] * len(values) if repeated else kinds
    return tuple(_value(one, kind) for one, kind in zip(values, each, strict=True))


def _allowed(value: Any, words: tuple[Any, ...]) -> Any:
    if value not in words:
        raise ValueError(f"expected {', '.join(map(repr, words))}")
    return value


def _member(value: Any, kind: type[Enum]) -> Enum:
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"expected one of {', '.join(repr(one.value) for one in kind)}") from None
