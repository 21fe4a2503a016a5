"""Values out of a pickle that holds tensors alone, read opcode by opcode: nothing in it is ever imported or called.

Python's own unpickler can be told which names to allow, but still builds whatever the bytes say. Here an opcode that
tensors do not need, or a name that is not known, ends the reading.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from attrs import frozen


class NotTensorsError(ValueError):
    """The pickle holds something else than tensors, or is no pickle."""


@frozen(slots=True)
class Name:
    """A name that the pickle refers to: "torch.FloatStorage"."""

    text: str


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT",
    "BINUNICODE", "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING",
}  # fmt: skip
_EMPTY: Mapping[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MARK = object()


def read_pickle(
    file: BinaryIO, *, call: Callable[[Name, Any], Any], persistent: Callable[[Any], Any] = lambda value: value
) -> Any:
    """The value of the pickle that begins at the file's position, which is right after it then.

    Args:
        file: seekable.
        call: what stands for the result of calling a name with a tuple of arguments; raises NotTensorsError.
        persistent: what stands for a reference to something outside of the pickle.

    Raises NotTensorsError.
    """
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    try:
        for opcode, argument, _ in pickletools.genops(file):
            _run(opcode.name, argument, stack, memo, call, persistent)
        return stack.pop()
    except NotTensorsError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, MemoryError) as error:
        raise NotTensorsError(f"it is damaged: {error}") from None


def _run(
    name: str,
    argument: Any,
    stack: list[Any],
    memo: dict[Any, Any],
    call: Callable[[Name, Any], Any],
    persistent: Callable[[Any], Any],
) -> None:
    match name:
        case _ if name in _LITERALS:
            stack.append(argument)
        case _ if name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        case _ if name in _EMPTY:
            stack.append(_EMPTY[name]())
        case _ if name in _TUPLES:
            stack[-_TUPLES[name] :] = [tuple(stack[-_TUPLES[name] :])]
        case "MARK":
            stack.append(_MARK)
        case "TUPLE":
            stack.append(tuple(_since_mark(stack)))
        case "BINPUT" | "LONG_BINPUT":
            memo[argument] = stack[-1]
        case "MEMOIZE":
            memo[len(memo)] = stack[-1]
        case "BINGET" | "LONG_BINGET":
            stack.append(memo[argument])
        case "SETITEM":
            value, key = stack.pop(), stack.pop()
            _container(stack, dict)[_key(key)] = value
        case "SETITEMS":
            values = _since_mark(stack)
            _container(stack, dict).update(zip(map(_key, values[::2]), values[1::2], strict=True))
        case "APPEND":
            value = stack.pop()
            _container(stack, list).append(value)
        case "APPENDS":
            values = _since_mark(stack)
            _container(stack, list).extend(values)
        case "GLOBAL":
            stack.append(Name(argument.replace(" ", ".", 1)))
        case "STACK_GLOBAL":
            attribute, module = _key(stack.pop()), _key(stack.pop())
            stack.append(Name(f"{module}.{attribute}"))
        case "REDUCE":
            arguments, function = stack.pop(), stack.pop()
            if not isinstance(function, Name):
                raise NotTensorsError("it calls what is no function")
            stack.append(call(function, arguments))
        case "BINPERSID":
            stack.append(persistent(stack.pop()))
        case "BUILD":
            stack.pop()  # attributes of a state dict, such as its version: nobody needs them
        case "PROTO" | "FRAME" | "STOP":
            pass
        case _:
            raise NotTensorsError(f"it holds a {name} instruction, which no tensor needs")


def _since_mark(stack: list[Any]) -> list[Any]:
    mark = len(stack) - 1 - next((i for i, value in enumerate(reversed(stack)) if value is _MARK), len(stack))
    if mark < 0:
        raise NotTensorsError("it is damaged: a mark is missing")
    values = stack[mark + 1 :]
    del stack[mark:]
    return values


def _key(value: Any) -> str | int:
    """A name or number. To hash or print a tuple of tuples that share their parts may never come to an end."""
    if type(value) not in (str, int):
        raise NotTensorsError("it has a key or a name that is no text")
    return value  # type: ignore[no-any-return]


def _container(stack: list[Any], kind: type[Any]) -> Any:
    if type(stack[-1]) is not kind:
        raise NotTensorsError("it is damaged: a value is put into what holds none")
    return stack[-1]
