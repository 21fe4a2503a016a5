"""Spoilt copies of a valid file: pieces of it replaced, repeated, left out, cut off, or flooded with junk.

Text is cut into words, numbers, quoted strings and signs. Most edits put another value in the place of one, so that the
copy still parses as JSON, TOML or CSV, and gets as far as the code that reads values. Anything else is cut into bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from hypothesis import strategies as st

_WORDS = re.compile(r'"[^"\n]*"|[\w.+-]+|\s|[^\w\s]')
_NUMBERS = (
    "-1",
    "0",
    "1",
    "2",
    "255",
    "256",
    "65536",
    "-0.0",
    "1.5",
    "1e308",
    "1e400",
    "nan",
    "NaN",
    "inf",
    "Infinity",
)
_HUGE = (str(2**31), str(2**63 - 1), str(2**63), str(-(2**64)), "1" + "0" * 30, "9" * 4000, "9" * 5000)
_OTHERS = (
    "null",
    "true",
    "[]",
    "{}",
    "[[]]",
    '{"a": 1}',
    "{a = 1}",
    '""',
    '"x"',
    "[1, 2]",
    "[" * 300 + "]" * 300,
    "x",
    "",
)
_PATHS = (
    '"../../../etc/passwd"',
    "/etc/passwd",
    "..",
    "C:\\x",
    "CON",
    "/" + "x/" * 3000,
    "x" * 300,
    "=cmd|'/c calc'!A1",
)
_ODD = (
    "\0",
    '"\\u0000"',
    "\ufeff",
    '"\\ud800"',
    "é",
    "\u202e",
    "\u2028",
    "٣",
    "²",
    "\x1b[2J",
    "<script>",
    "{0}",
    "$\\x$",
)
_LONG = ("x" * 200_000, "[" * 100_000, '{"a":' * 20_000, "a." * 20_000, "1," * 20_000, "<" * 20_000, "1\n" * 50_000)
_VALUES = tuple(value.encode() for value in (*_NUMBERS, *_HUGE, *_OTHERS, *_PATHS, *_ODD))
_ANYTHING = (*_VALUES, *(b"-", b"=", b"\n", b"\r", b'"', b",", b"\xed\xa0\x80", b"\xff"), *map(str.encode, _LONG))
_BYTES = (
    *(bytes([n]) for n in (0, 1, 31, 127, 128, 254, 255)),
    b"\0" * 4,
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\0" * 99,
)

Edit = tuple[int, int, int]
_EDITS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2**20), st.integers(0, 2**20)), min_size=1, max_size=3)


def mutants(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Copies of one of the seeds, each with one to three edits."""
    return st.builds(edited, st.sampled_from(seeds), _EDITS)


@lru_cache
def _pieces(seed: bytes) -> tuple[tuple[bytes, ...], tuple[int, ...], Sequence[bytes], Sequence[bytes]]:
    """What a seed is cut into, which of the pieces are values, what these may become, and what may stand anywhere."""
    try:
        words = _WORDS.findall(seed.decode())
    except UnicodeDecodeError:
        return tuple(seed[i : i + 1] for i in range(len(seed))), tuple(range(len(seed))), _BYTES, _BYTES
    values = tuple(i for i, word in enumerate(words) if word[0] in '"+-' or word[0].isalnum())
    return tuple(map(str.encode, words)), values, _VALUES, _ANYTHING


def edited(seed: bytes, edits: Sequence[Edit]) -> bytes:
    """A copy with these edits: of what kind, where, and with what."""
    whole, values, others, anything = _pieces(seed)
    pieces = list(whole)
    for kind, place, what in edits:
        at = place % (len(pieces) + 1)
        some = slice(at, at + what % 9 + 1)
        match kind:
            case 0 | 1 | 2 | 3 | 4:
                spot = values[place % len(values)]
                pieces[spot : spot + 1] = [others[what % len(others)]]
            case 5:
                pieces[at:at] = [anything[what % len(anything)]]
            case 6:
                del pieces[some]
            case 7:
                pieces[at:at] = pieces[some]
            case 8:
                pieces[at : at + 1] = [bytes([what % 256])]
            case 9 if what % 4 == 0:
                del pieces[at:]
    return b"".join(pieces)
