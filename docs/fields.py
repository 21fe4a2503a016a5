"""Lets the reference show what attrs makes of a class: the arguments that construct it, and the help of a setting."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from griffe import (
    Attribute,
    Class,
    Docstring,
    Expr,
    ExprCall,
    ExprKeyword,
    Extension,
    Function,
    Module,
    Object,
    Parameter,
    ParameterKind,
    Parameters,
)

_MAKERS = ("attrs.frozen", "attrs.define")
_FIELDS = ("field", "Factory", "setting")
_POSITIONAL = ParameterKind.positional_or_keyword


class Fields(Extension):
    """Gives every attrs class the ``__init__`` it has at run time, and docstrings no tags."""

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """Called once, when all sources are read."""
        for found in list(_objects(pkg)):
            if isinstance(found, Class) and _made_by_attrs(found) and "__init__" not in found.members:
                found.set_member("__init__", _init(found))
        for found in _objects(pkg):
            if found.docstring is not None:
                found.docstring.value = _without_tags(found.docstring.value)


def _objects(place: Object) -> Iterator[Object]:
    for member in list(place.members.values()):
        if isinstance(member, Object):
            yield member
            yield from _objects(member)


def _made_by_attrs(found: Class) -> bool:
    return any(isinstance(d.value, Expr) and d.value.canonical_path in _MAKERS for d in found.decorators)


def _init(found: Class) -> Function:
    """Fields of the parents first; one that is declared anew keeps its place."""
    parameters: dict[str, Parameter] = {}
    for parent in [*reversed(found.mro()), found]:
        parameters |= {field.name: _parameter(field) for field in _fields(parent)} if _made_by_attrs(parent) else {}
    ordered = sorted(parameters.values(), key=lambda p: p.kind is ParameterKind.keyword_only)
    itself = Parameter("self", kind=_POSITIONAL)
    return Function("__init__", parent=found, parameters=Parameters(itself, *ordered), returns="None")


def _fields(found: Class) -> list[Attribute]:
    members = [m for m in found.members.values() if isinstance(m, Attribute)]
    own = [m for m in members if m.annotation is not None and "property" not in m.labels]
    return [m for m in own if "class-attribute" not in m.labels or "instance-attribute" in m.labels]


def _parameter(field: Attribute) -> Parameter:
    """Its default is what attrs is told; what a setting's help says becomes the attribute's documentation."""
    value, kind = field.value, _POSITIONAL
    if isinstance(value, ExprCall) and (maker := str(value.function)) in _FIELDS:
        named = {a.name: a.value for a in value.arguments if isinstance(a, ExprKeyword)}
        given = [a for a in value.arguments if not isinstance(a, ExprKeyword)]
        kind = ParameterKind.keyword_only if str(named.get("kw_only")) == "True" else _POSITIONAL
        field.value = _default(maker, given, named)
        help = given[0] if maker == "setting" else _told(named.get("metadata"))
        if help is not None and field.docstring is None:
            field.docstring = Docstring(_text(help), parent=field)
    return Parameter(field.name, annotation=field.annotation, kind=kind, default=field.value)


def _default(maker: str, given: list[Any], named: dict[str, Any]) -> Any:
    factory = named.get("factory", given[0] if maker == "Factory" else None)
    if factory is not None:
        return ExprCall(factory, [])
    return named.get("default", given[1] if maker == "setting" else None)


def _told(metadata: Any) -> Any:
    """The help in ``metadata=told(help)``, if there is any."""
    return metadata.arguments[0] if isinstance(metadata, ExprCall) and str(metadata.function) == "told" else None


def _text(help: Any) -> str:
    """A literal's text; what a formatted one would insert is left out."""
    parts = ast.parse(str(help), mode="eval").body
    values = parts.values if isinstance(parts, ast.JoinedStr) else [parts]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in values)


def _without_tags(text: str) -> str:
    """``<name>`` outside of code would be taken for HTML."""
    return re.sub(r"(`+[^`]*`+)|<(?=\w)", lambda found: found[1] or "&lt;", text)
