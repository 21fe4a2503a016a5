"""Open Images: one mask file a region, and tables that say whose it is."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from attrs import field, frozen

from ....domain.arrays import AnyArray, Labels, Planes
from ....domain.classes import ClassMap
from ....domain.errors import DataError
from ....domain.masks.instances import Size
from ....domain.ports.dataset import SourceItem
from ....domain.resampling import resize_labels
from ...files import is_file
from ..decode import image_size
from ..labels import read_labels
from .annotated import Region, RegionReader, read_json
from .scan import homes, pictures, refuse, split_named, with_unique_keys

_TABLES = "*annotations-object-segmentation.csv"
_COLUMNS = ("MaskPath", "ImageID", "LabelName")
_BINARY = ClassMap.binary()
_FIX = "Download the masks and tables of these images, too."


@frozen
class _Row:
    """One line of a table: ``name`` is the class for people."""

    where: str
    mask: str
    image: str
    name: str


@frozen
class OpenImagesReader(RegionReader):
    """``annotations/<split>-annotations-object-segmentation.csv`` with ``images/<split>`` and ``masks/<split>``.

    - The tables list all images of Open Images; those in the folders are taken, the others passed over.
    - Masks of another size than their image are combined first, and then brought to it by the one rule for labels.
    - Classes get their names from ``*class-descriptions*.csv``. With ``*hierarchy*.json``, ``only`` may name a class
      above: "Animal" takes the masks of cats too, unless "Cat" is asked for as well.
    """

    _read: dict[Path, list[_Row]] = field(factory=dict, init=False, eq=False, repr=False)

    @property
    def name(self) -> str:
        """As users write it."""
        return "open-images"

    def recognises(self, source: Path) -> str | None:
        """Names the tables found, or None when there is none."""
        found = tables(source)
        return f"found {', '.join(path.name for path in found)}" if found else None

    def classes(self, source: Path) -> ClassMap | None:
        """Background and the classes that the images have, in alphabetical order; or those of ``only``."""
        found = {row.name for path in tables(source) for row in self._rows(source, path)}
        more = [*_descriptions(source).values(), *_above(source)] if self.only else []
        return self.class_map([*sorted(found), *more], source)

    def items(self, source: Path) -> Sequence[SourceItem]:
        """One item an image, sorted. Raises DataError with images that no table lists, and masks that are not there."""
        if not tables(source):
            raise DataError(f"{source} holds no table {_TABLES}.")
        problems = self._unlisted(source)
        found = [item for path in tables(source) for item in self._items(source, path, problems)]
        unique = with_unique_keys(found, source)
        if problems:
            raise refuse(source, problems, _FIX, unique)
        if not found:
            raise DataError(
                f"None of the images that the tables of {source} list is there.", fix="Put them into images/."
            )
        return sorted(unique, key=lambda item: item.key)

    def read_labels(self, item: SourceItem, classes: ClassMap) -> Labels:
        """Raises DataError naming the mask file and its line in the table."""
        size, largest = self._sizes(item)
        labels = self.paint(item.annotations, largest, classes, self._draw)
        return labels if largest == size else resize_labels(labels, size)

    def read_planes(self, item: SourceItem, classes: ClassMap) -> Planes:
        """Masks of a class are joined first, then brought to the image's size. Raises DataError as ``read_labels``."""
        size, largest = self._sizes(item)
        planes = self.stack(item.annotations, largest, classes, self._draw)
        return planes if largest == size else resize_labels(planes, size)

    def _sizes(self, item: SourceItem) -> tuple[Size, Size]:
        """Of the image, and of the largest of its masks."""
        size = image_size(item.image, self.max_pixels)
        return size, max((image_size(region.shape, self.max_pixels) for region in item.annotations), default=size)

    def _draw(self, region: Region, size: Size) -> AnyArray:
        mask = read_labels(region.shape, _BINARY, self.max_pixels)
        return mask if mask.shape == size else resize_labels(mask, size)

    def _rows(self, source: Path, table: Path) -> list[_Row]:
        """The lines of a table for the images that are there."""
        if table not in self._read:
            self._read[table] = list(_rows_of(table, _images(table), _descriptions(source)))
        return self._read[table]

    def _unlisted(self, source: Path) -> list[str]:
        there = {path: path.stem for table in tables(source) for path in _images(table).values()}
        listed = {row.image for table in tables(source) for row in self._rows(source, table)}
        return [f"image without mask: no table lists {path}" for path, stem in there.items() if stem not in listed]

    def _items(self, source: Path, table: Path, problems: list[str]) -> Iterator[SourceItem]:
        images, above, folders = _images(table), _above(source), _places(table, "masks")
        rows = defaultdict(list)
        for row in self._rows(source, table):
            rows[row.image].append(row)
        for key, mine in sorted(rows.items()):
            wanted = [(row, name) for row in mine if (name := self._named(row.name, above)) is not None]
            regions, lost = [], []
            for row, name in wanted:
                path = _first(folders, row.mask)
                if path is None:
                    lost.append(f"{row.where}: MaskPath {row.mask} is not there")
                else:
                    regions.append(Region(name, row.where, path))
            problems += lost
            if not lost:
                files = tuple(region.shape for region in regions) or (table,)
                yield SourceItem(key, images[key], files, split_named(_subset(table)), annotations=tuple(regions))

    def _named(self, name: str, above: Mapping[str, Sequence[str]]) -> str | None:
        """The class that a mask counts as: its own, or the nearest one above it that is asked for; None for none."""
        if not self.only:
            return name
        return next((one for one in (name, *above.get(name, ())) if one in self.only), None)


def tables(source: Path) -> list[Path]:
    """The tables of masks, in the source or its folder annotations; also where it is the only folder in the source."""
    for home in homes(source) if source.is_dir() else ():
        found = sorted(path for folder in (home, home / "annotations") for path in folder.glob(_TABLES))
        if found:
            return found
    return []


def _rows_of(table: Path, images: Collection[str], names: Mapping[str, str]) -> Iterator[_Row]:
    records = _records(table)
    _, header = next(records, (1, []))
    missing = [column for column in _COLUMNS if column not in header]
    if missing:
        raise DataError(f"{table} has no column {', '.join(missing)}; expected {', '.join(_COLUMNS)}.")
    places = [header.index(column) for column in _COLUMNS]
    for number, record in records:
        cells = [record[place] if place < len(record) else "" for place in places]
        if not all(cells):
            raise DataError(f"{table}, line {number}: {', '.join(_COLUMNS)} must not be empty.")
        mask, image, label = cells
        if image in images:
            yield _Row(f"{table.name}, line {number}", mask, image, names.get(label, label))


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Numbers and cells of the lines of a CSV file that are not empty."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            yield from ((reader.line_num, row) for row in reader if row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"Cannot read {path}: {error}.") from error


def _near(source: Path, pattern: str) -> list[Path]:
    return sorted(path for home in homes(source) for at in (home, home / "annotations") for path in at.glob(pattern))


def _descriptions(source: Path) -> dict[str, str]:
    """Name for people by label ("/m/01yrx": "Cat"), from all tables of descriptions."""
    records = [record for path in _near(source, "*class-descriptions*.csv") for _, record in _records(path)]
    return {record[0]: record[1].strip() for record in records if len(record) >= 2 and record[0] != "LabelName"}


def _above(source: Path) -> dict[str, list[str]]:
    """The names above each class in the hierarchy, nearest first."""
    names = _descriptions(source)
    above: dict[str, list[str]] = defaultdict(list)

    def walk(node: object, path: tuple[str, ...]) -> None:
        if isinstance(node, dict) and "LabelName" in node:
            label = str(node["LabelName"])
            name = names.get(label, label)
            above[name] += [one for one in path if one not in above[name]]
            children = node.get("Subcategory")
            for child in children if isinstance(children, list) else ():
                walk(child, (name, *path))

    for file in _near(source, "*hierarchy*.json"):
        walk(read_json(file), ())
    return above


def _subset(table: Path) -> str:
    return table.name.split("-")[0]


def _images(table: Path) -> dict[str, Path]:
    """The images of a table's split by id."""
    return {path.stem: path for folder in reversed(_places(table, "images")) for path in pictures(folder)}


def _places(table: Path, kind: str) -> list[Path]:
    """Folders of images or masks of a table's split that exist, most particular first."""
    home = table.parent.parent if table.parent.name.lower() == "annotations" else table.parent
    split = _subset(table)
    places = (home / kind / split, home / split / kind, home / f"{split}-{kind}", home / split, home / kind, home)
    return [folder for folder in places if folder.is_dir()]


def _first(folders: Sequence[Path], name: str) -> Path | None:
    return next((folder / name for folder in folders if is_file(folder / name)), None)
