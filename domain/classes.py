"""Classes: their names and colours, and which values or colours in a mask file mean which of them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from .arrays import IGNORE, AnyArray, Labels
from .class_dict import LARGEST_VALUE, read_rows
from .errors import DataError, InvalidSpecError, UnknownNameError
from .masks.colours import match_colours
from .masks.palette import Colour, default_colours, to_palette
from .masks.planes import UNKNOWN
from .plain_text import has_controls
from .unknown_values import unknown_colours, unknown_values

_LONGEST = 200
BACKGROUNDS = ("background", "_background_", "__background__")
"""Names of the class of pixels that nothing else claims."""


def _integers(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _colour(values: Iterable[int]) -> Colour:
    red, green, blue = _integers(values)
    return red, green, blue


def _colour_list(colours: Iterable[Iterable[int]]) -> tuple[Colour, ...]:
    return tuple(_colour(colour) for colour in colours)


@frozen
class SegmentClass:
    """One class: ``values`` are what means it in index masks, ``colour`` is what means it in colour masks."""

    name: str
    colour: Colour = field(converter=_colour)
    values: tuple[int, ...] = field(converter=_integers)


@frozen
class ClassMap:
    """The classes in order of their index, and what in the files is not counted.

    Nothing is ignored unless it is listed. Raises InvalidSpecError, naming every problem, for more than 255 classes and
    for names, colours or values that are repeated or out of range.

    Attributes:
        classes: class k of the labels is ``classes[k]``.
        ignored: raw values of index masks that become ``IGNORE``.
        ignored_colours: colours of colour masks that become ``IGNORE``.
    """

    classes: tuple[SegmentClass, ...]
    ignored: tuple[int, ...] = field(default=(), converter=_integers)
    ignored_colours: tuple[Colour, ...] = field(default=(), converter=_colour_list)

    def __attrs_post_init__(self) -> None:
        colours = [*(entry.colour for entry in self.classes), *self.ignored_colours]
        values = [*(value for entry in self.classes for value in entry.values), *self.ignored]
        problems = [
            *_repeated("class name", self.names),
            *_repeated("colour", colours),
            *_repeated("raw value", values),
            *(f"the raw value {value} is not within 0 to {LARGEST_VALUE}" for value in values if not _fits(value)),
            *(
                f"the colour {colour} is not within 0 to 255"
                for colour in colours
                if max(colour) > 255 or min(colour) < 0
            ),
        ]
        problems += [f"the class name {name!r} holds control characters" for name in self.names if has_controls(name)]
        problems += [
            f"the class name {name[:20]}... is longer than {_LONGEST} characters"
            for name in self.names
            if len(name) > _LONGEST
        ]
        if not 1 <= len(self.classes) <= IGNORE:
            problems.insert(0, f"there must be 1 to {IGNORE} classes, not {len(self.classes)}")
        if problems:
            raise InvalidSpecError("The class map cannot be used.", problems=problems)

    @classmethod
    def of(cls, names: Sequence[str]) -> ClassMap:
        """Classes with default colours, where the raw value is the index."""
        colours = default_colours(min(len(names), IGNORE))
        colours += ((0, 0, 0),) * (len(names) - len(colours))  # too many: left to the constructor to refuse
        return cls(tuple(SegmentClass(name, colours[index], (index,)) for index, name in enumerate(names)))

    @classmethod
    def binary(cls, name: str = "foreground") -> ClassMap:
        """Background (raw value 0) and one foreground (raw value 255 or 1)."""
        background, foreground = default_colours(2)
        return cls((SegmentClass("background", background, (0,)), SegmentClass(name, foreground, (255, 1))))

    @classmethod
    def plane(cls) -> ClassMap:
        """What the mask of a single class among several holds: outside, inside, and where it does not count."""
        return cls.binary().with_ignored([UNKNOWN])

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """Class names, by index."""
        return tuple(entry.name for entry in self.classes)

    @property
    def colours(self) -> NDArray[np.uint8]:
        """(K, 3) uint8 RGB, by index."""
        return np.array([entry.colour for entry in self.classes], np.uint8)

    def index(self, name: str) -> int:
        """Index of a class. Raises UnknownNameError, with the nearest names."""
        if name not in self.names:
            raise UnknownNameError.of("class", name, self.names)
        return self.names.index(name)

    def palette(self) -> list[int]:
        """768 integers for a palette PNG of labels; entry 255 is the colour of ignored pixels."""
        return to_palette([entry.colour for entry in self.classes])

    def with_ignored(self, values: Iterable[int]) -> ClassMap:
        """The same map, ignoring these raw values too, even where a class has claimed them."""
        extra = set(_integers(values))
        classes = tuple(evolve(c, values=tuple(v for v in c.values if v not in extra)) for c in self.classes)
        return evolve(self, classes=classes, ignored=tuple(sorted(extra.union(self.ignored))))

    def without_background(self) -> ClassMap:
        """The classes but the one named background: of planes, it is what lies in none of them."""
        return evolve(self, classes=tuple(c for c in self.classes if c.name.lower() not in BACKGROUNDS))

    def encode(self, raw: AnyArray, where: str = "the mask") -> Labels:
        """Class indices of an index mask.

        Args:
            raw: (H, W), any integer dtype or bool.
            where: what the mask is called in messages: its file.

        Raises:
            DataError: for another shape or dtype, or listing every unknown value, its pixels and the likely fix.
        """
        if raw.ndim != 2 or raw.dtype.kind not in "iub":
            raise DataError(
                f"{where}: expected an index mask, (H, W) of integers, found {raw.shape} {raw.dtype}.",
                fix="Is it a colour mask? Then give a class_dict.csv with the colour of each class.",
            )
        table = np.full(256 if raw.dtype.itemsize == 1 else LARGEST_VALUE + 1, -1, np.int16)
        known = self._raw_values()
        for value, label in known.items():
            table[value : value + 1] = label  # a slice, since a value above 255 cannot occur in an 8-bit mask
        outside = raw.dtype.kind == "i" or raw.dtype.itemsize > 2
        if outside and raw.size and (raw.min() < 0 or raw.max() > LARGEST_VALUE):
            raise unknown_values(raw, known, len(self), where)
        labels = table[raw.astype(np.intp)] if raw.dtype == np.bool_ else np.take(table, raw)
        if labels.size and labels.min() < 0:
            raise unknown_values(raw, known, len(self), where)
        return labels.astype(np.uint8)

    def _raw_values(self) -> dict[int, int]:
        known = {value: index for index, entry in enumerate(self.classes) for value in entry.values}
        return known | dict.fromkeys(self.ignored, IGNORE)

    def encode_colours(self, rgb: AnyArray, where: str = "the mask") -> Labels:
        """Class indices of an (H, W, 3) uint8 colour mask, by exact colour.

        Raises DataError with the most frequent unknown colours, their pixels and the likely fix.
        """
        labels, unknown = match_colours(rgb, [entry.colour for entry in self.classes], self.ignored_colours)
        if unknown:
            raise unknown_colours(unknown, labels.size, where)
        return labels

    def to_data(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "classes": [
                {"name": entry.name, "colour": list(entry.colour), "values": list(entry.values)}
                for entry in self.classes
            ],
            "ignored": list(self.ignored),
            "ignored_colours": [list(colour) for colour in self.ignored_colours],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> ClassMap:
        """Inverse of ``to_data``. Raises InvalidSpecError."""
        try:
            classes = tuple(SegmentClass(str(c["name"]), c["colour"], c["values"]) for c in data["classes"])
            return cls(classes, data.get("ignored", ()), data.get("ignored_colours", ()))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            if isinstance(error, InvalidSpecError):
                raise
            raise InvalidSpecError(f"This is no class map: {type(error).__name__}: {error}.") from error


def parse_class_dict(text: str, where: str = "class_dict.csv") -> ClassMap:
    """The class map of a class_dict.csv.

    The raw values are those of the index column, by which the classes are then ordered, or else the row numbers from 0
    on. Rows flagged as ignored are no classes: their value and colour are ignored. Raises DataError with every problem
    and its row.
    """
    rows = read_rows(text, where)
    valued = [(index if row.value is None else row.value, row) for index, row in enumerate(rows)]
    valued.sort(key=lambda pair: pair[0])
    return ClassMap(
        tuple(SegmentClass(row.name, row.colour, (value,)) for value, row in valued if not row.ignored),
        ignored=tuple(value for value, row in valued if row.ignored),
        ignored_colours=tuple(row.colour for _, row in valued if row.ignored),
    )


def format_class_dict(classes: ClassMap) -> str:
    """``name,r,g,b`` and one row a class, in order of index: the table of masks that hold class indices."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "r", "g", "b"])
    writer.writerows([entry.name, *entry.colour] for entry in classes.classes)
    return text.getvalue()


def _fits(value: int) -> bool:
    return 0 <= value <= LARGEST_VALUE


def _repeated(what: str, values: Sequence[object]) -> list[str]:
    return [f"the {what} {value!r} is given more than once" for value, times in Counter(values).items() if times > 1]
