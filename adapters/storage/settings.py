"""Settings to plain values and back, by cattrs, with every problem in one message."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs
import cattrs

from ...domain.choices import Choice
from ...domain.errors import InvalidSpecError, SegportError
from ...domain.listing import counted

S = TypeVar("S")


class CattrsCodec:
    """Implements ``SettingsCodec``. Text is understood for every type, so that flags need no rules of their own."""

    def __init__(self) -> None:
        self._converter = _converter()

    def to_values(self, settings: object) -> dict[str, Any]:
        """Field name to plain value; fields that are None are left out."""
        fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(type(settings))  # type: ignore[arg-type]
        values = {field.name: _plain(getattr(settings, field.name)) for field in fields}
        return {name: value for name, value in values.items() if value is not None}

    def from_values(self, cls: type[S], values: Mapping[str, Any], *, where: str) -> S:
        """Settings from values by field name, "-" and "_" alike. Raises InvalidSpecError with every problem at once."""
        problems: list[str] = []
        fields = {field.name: field for field in attrs.fields(cls)}  # type: ignore[arg-type]
        hints = get_type_hints(cls)
        made: dict[str, Any] = {}
        for written, value in values.items():
            name = written.replace("-", "_")
            if name not in fields:
                near = difflib.get_close_matches(name, fields, n=2, cutoff=0.5)
                problems.append(f"{written}: unknown" + (f"; did you mean {' or '.join(near)}?" if near else ""))
                continue
            try:
                made[name] = self._field(fields[name], hints[name], value)
            except (ValueError, TypeError, KeyError, SegportError) as error:
                problems.append(f"{written} = {value!r}: {_reason(error)}")
        problems += [
            f"{name}: missing; {field.metadata.get('help', '')}"
            for name, field in fields.items()
            if field.default is attrs.NOTHING and name not in made and not _mentions(problems, name)
        ]
        if problems:
            raise InvalidSpecError(f"{where}: {counted(len(problems), 'setting')} cannot be used.", problems=problems)
        return cls(**made)

    def _field(self, field: attrs.Attribute[Any], hint: Any, value: Any) -> Any:
        made = self._converter.structure(value, hint)
        if field.validator is not None:
            field.validator(None, field, made)
        return made


def _mentions(problems: list[str], name: str) -> bool:
    return any(problem.replace("-", "_").startswith(f"{name} =") for problem in problems)


def _reason(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_reason(e) for e in error.exceptions)
    if isinstance(error, SegportError):
        return f"{error.message} {error.fix}".strip()
    # attrs validators put the whole attribute into args: the sentence is the first of them
    return str(error.args[0]) if error.args else type(error).__name__


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path | Choice):
        return str(value)
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False)
    converter.register_structure_hook(int, lambda value, _: _whole(value))
    converter.register_structure_hook(float, lambda value, _: _number(value))
    converter.register_structure_hook(bool, lambda value, _: _truth(value))
    converter.register_structure_hook(str, lambda value, cls: _text(value) if cls is str else _member(value, cls))
    converter.register_structure_hook(
        Path, lambda value, _: Path(_text(str(value) if isinstance(value, Path) else value))
    )
    converter.register_structure_hook(Choice, lambda value, _: Choice.of(value))
    converter.register_structure_hook_func(
        lambda cls: _origin(cls) is tuple, lambda value, cls: _tuple(converter, value, cls)
    )
    converter.register_structure_hook_func(_is_optional, lambda value, cls: _optional(converter, value, cls))
    converter.register_structure_hook(int | Literal["always"], lambda value, _: _whole_or_always(value))
    return converter


def _origin(cls: Any) -> object:
    return get_origin(cls)


def _is_optional(cls: Any) -> bool:
    return _origin(cls) in (Union, UnionType) and type(None) in get_args(cls)


def _optional(converter: cattrs.Converter, value: Any, cls: Any) -> Any:
    (inner,) = (a for a in get_args(cls) if a is not type(None))
    return None if value is None else converter.structure(value, inner)


def _tuple(converter: cattrs.Converter, value: Any, cls: Any) -> tuple[Any, ...]:
    """From a list, or from text with commas; a pair also from "256x384", or from one number for both."""
    kinds = get_args(cls)
    repeated = len(kinds) == 2 and kinds[1] is Ellipsis
    if isinstance(value, str):
        value = [part.strip() for part in value.replace("x" if not repeated else ",", ",").split(",") if part.strip()]
    if isinstance(value, int | float):
        value = [value]
    if not isinstance(value, list | tuple):
        raise ValueError("expected a list, or text with commas")
    if not repeated and len(value) == 1:
        value = [*value, *value]
    if not repeated and len(value) != len(kinds):
        raise ValueError(f"expected {len(kinds)} values, as in {'x'.join(('3', '256', '384')[-len(kinds) :])}")
    each = [kinds[0]] * len(value) if repeated else list(kinds)
    try:
        return tuple(converter.structure(v, kind) for v, kind in zip(value, each, strict=True))
    except ValueError as error:
        if kinds != (int, int):
            raise
        raise ValueError(f"expected HEIGHTxWIDTH such as 256x384, or one number ({error})") from None


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("expected a whole number")
    try:
        return int(value)
    except ValueError:
        raise ValueError("expected a whole number") from None


def _whole_or_always(value: Any) -> int | str:
    try:
        return "always" if value == "always" else _whole(value)
    except ValueError:
        raise ValueError("expected a whole number, or always") from None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("expected a number")
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise ValueError("expected a number") from None


def _truth(value: Any) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError("expected true or false")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("expected text")
    return value


def _member(value: Any, cls: Any) -> Any:
    """Of an enum of text. They come by the hook of ``str``, their base, which goes before any other."""
    try:
        return cls(value)
    except ValueError:
        raise ValueError(f"expected one of {', '.join(m.value for m in cls)}") from None
