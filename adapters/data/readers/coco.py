"""COCO's JSON: polygons and run-length masks of objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from attrs import field, frozen

from ....domain.arrays import AnyArray, Labels, Planes
from ....domain.classes import ClassMap
from ....domain.errors import DataError
from ....domain.masks.instances import Size
from ....domain.masks.polygons import fill_all
from ....domain.masks.runlength import decompress, from_counts
from ....domain.ports.dataset import SourceItem
from ...files import is_file
from ..decode import image_size
from .annotated import Region, RegionReader, mentions, read_json, stated_size
from .scan import SPLITS, folders, homes, listed_twice, refuse, split_named, with_unique_keys

_USUAL = "instances"
_WORDS = (b'"images"', b'"segmentation"')
_KEYS = ("images", "annotations", "categories")
_FIX = "Fix the JSON, or put the images where it says."


@frozen
class _Index:
    """One JSON file and what it says."""

    path: Path
    data: Mapping[str, Any]

    @property
    def subset(self) -> str:
        """ "train2017" of instances_train2017.json; of train/_annotations.coco.json the folder's name."""
        return self.path.parent.name if self.path.stem.startswith("_") else self.path.stem.rpartition("_")[2]


@frozen
class CocoReader(RegionReader):
    """Images with ``annotations/instances_<split>.json``, ``<split>/_annotations.coco.json`` or one JSON file.

    - Polygons, in one part or several, are filled as pycocotools does; run-length masks may be lists or strings.
    - Regions marked as crowd (``iscrowd``) are ignored.
    - Images stand in ``images/<split>``, ``<split>``, ``images`` or beside the JSON file; others than those listed
      are passed over.

    Attributes:
        kind: which files of ``annotations/`` to read where there are others beside instances: stuff, person_keypoints.
    """

    kind: str = field(default="", kw_only=True)
    _read: dict[Path, Any] = field(factory=dict, init=False, eq=False, repr=False)

    @property
    def name(self) -> str:
        """As users write it."""
        return "coco"

    def recognises(self, source: Path) -> str | None:
        """Counts images and regions, or says None when no JSON file has COCO's lists and segmentations."""
        indices = self._indices(source)
        images, regions = (sum(len(index.data[key]) for index in indices) for key in ("images", "annotations"))
        files = ", ".join(index.path.name for index in indices)
        return f"found {images} images with {regions} annotated regions in {files}" if indices else None

    def classes(self, source: Path) -> ClassMap | None:
        """Background and the categories, in order of their ids."""
        names = self._categories(source)
        return self.class_map(
            [names[key] for key in sorted(names, key=lambda key: (isinstance(key, str), key))], source
        )

    def items(self, source: Path) -> Sequence[SourceItem]:
        """One item an image, sorted. Raises DataError with every lost image and every reference to nothing."""
        indices = self._indices(source)
        if not indices:
            raise DataError(
                f"{source} holds no COCO annotations: no JSON file with images, annotations and categories."
            )
        names = self._categories(source)
        problems: list[str] = []
        found = [item for index in indices for item in self._items(source, index, names, problems)]
        problems += listed_twice(found)
        found = with_unique_keys({item.image: item for item in found}.values(), source)
        if problems:
            raise refuse(source, problems, _FIX, found)
        return sorted(found, key=lambda item: item.key)

    def read_labels(self, item: SourceItem, classes: ClassMap) -> Labels:
        """Raises DataError naming the file, the annotation and what is wrong with its segmentation."""
        return self.paint(item.annotations, image_size(item.image, self.max_pixels), classes, _draw)

    def read_planes(self, item: SourceItem, classes: ClassMap) -> Planes:
        """Crowds count nowhere in the plane of their class. Raises DataError as ``read_labels``."""
        return self.stack(item.annotations, image_size(item.image, self.max_pixels), classes, _draw)

    def _indices(self, source: Path) -> list[_Index]:
        """The JSON files to read, of one kind."""
        for home in homes(source) if source.is_dir() else [source]:
            found = [_Index(path, data) for path in self._candidates(home) if _is_index(data := self._json(path))]
            if found:
                return found
        return []

    def _candidates(self, home: Path) -> list[Path]:
        if not home.is_dir():
            return [home] if home.is_file() and home.suffix.lower() == ".json" else []
        inside = folders(home)
        within = [inside[name] for name in ("annotations", *SPLITS) if name in inside]
        paths = [path for folder in (home, *within) for path in sorted(folder.glob("*.json"))]
        kind = self.kind or (_USUAL if any(path.stem.startswith(_USUAL) for path in paths) else "")
        return [path for path in paths if path.stem.startswith(kind)]

    def _json(self, path: Path) -> Any:
        if path not in self._read:
            self._read[path] = read_json(path) if mentions(path, _WORDS) else None
        return self._read[path]

    def _categories(self, source: Path) -> dict[int | str, str]:
        """Name by id, over all files. Raises DataError where they contradict each other."""
        names: dict[int | str, str] = {}
        for index in self._indices(source):
            for number, entry in enumerate(index.data["categories"]):
                where = f"{index.path}, category {entry.get('id', f'number {number}')}"
                name = str(_value(entry, "name", where))
                if names.setdefault(_value(entry, "id", where), name) != name:
                    raise DataError(f"{where} is {name!r} here and {names[entry['id']]!r} in another file.")
        return names

    def _items(
        self, source: Path, index: _Index, names: Mapping[int | str, str], problems: list[str]
    ) -> Iterator[SourceItem]:
        regions = self._regions(index, names, problems)
        roots = _roots(source if source.is_dir() else source.parent, index)
        for number, entry in enumerate(index.data["images"]):
            where = f"{index.path.name}, image {entry.get('id', f'number {number}')}"
            try:
                file, image_id = str(_value(entry, "file_name", where)), _value(entry, "id", where)
            except DataError as error:
                problems.append(error.message)
                continue
            image = _find(file, roots)
            if image is None:
                problems.append(f"{where}: file_name {file} is not there")
                continue
            mine = self.wanted(regions.get(image_id, ()))
            yield SourceItem(image.stem, image, (index.path,), split_named(index.subset), annotations=mine)

    def _regions(
        self, index: _Index, names: Mapping[int | str, str], problems: list[str]
    ) -> Mapping[int | str, Sequence[Region]]:
        images = {
            entry["id"]: stated_size(entry, "height", "width")
            for entry in index.data["images"]
            if isinstance(entry.get("id"), (str, int))
        }
        regions = defaultdict(list)
        for number, entry in enumerate(index.data["annotations"]):
            where = f"{index.path.name}, annotation {entry.get('id', f'number {number}')}"
            try:
                image, category = _value(entry, "image_id", where), _value(entry, "category_id", where)
            except DataError as error:
                problems.append(error.message)
                continue
            if image not in images:
                problems.append(f"{where}: image_id {image} is not among the images")
            elif category not in names:
                problems.append(f"{where}: category_id {category} is not among the categories")
            else:
                crowd = bool(entry.get("iscrowd"))
                shape = entry.get("segmentation")
                regions[image].append(Region(names[category], where, shape, crowd, images[image]))
        return regions


def _is_index(data: Any) -> bool:
    """Whether JSON holds COCO's three lists, and segmentations: captions and results do not."""
    if not isinstance(data, dict) or not all(isinstance(data.get(key), list) for key in _KEYS):
        return False
    entries = [entry for key in _KEYS for entry in data[key]]
    return all(isinstance(entry, dict) for entry in entries) and any("segmentation" in a for a in data["annotations"])


def _value(entry: Mapping[str, Any], name: str, where: str) -> Any:
    """A name or an id."""
    if name not in entry:
        raise DataError(f"{where}: the field {name!r} is missing")
    if not isinstance(entry[name], (str, int)):
        raise DataError(f"{where}: the field {name!r} is {entry[name]!r}; expected a number or a text")
    return entry[name]


def _roots(source: Path, index: _Index) -> list[Path]:
    """Where images may stand, likeliest first."""
    beside = index.path.parent
    home = beside.parent if beside.name.lower() == "annotations" else beside
    return [home / "images" / index.subset, home / index.subset, home / "images", home, source, beside]


def _find(file: str, roots: Sequence[Path]) -> Path | None:
    """The image by its path, or by its name alone: lists travel."""
    names = (file.replace("\\", "/"), PurePosixPath(file.replace("\\", "/")).name)
    return next((root / name for name in names for root in roots if is_file(root / name)), None)


def _draw(region: Region, size: Size) -> AnyArray:
    """The mask of a segmentation: a list of polygons, or run lengths with their size."""
    shape = region.shape
    if isinstance(shape, list) and shape:
        return fill_all(shape, size)
    if not isinstance(shape, dict) or "counts" not in shape:
        raise DataError(
            f"segmentation is {'empty' if not shape else type(shape).__name__}; "
            "expected a list of polygons, or counts and size.",
            fix="Boxes alone are no masks.",
        )
    if shape.get("size") != list(size):
        raise DataError(f"segmentation.size is {shape.get('size')}, but the image is {list(size)} (height, width).")
    counts = decompress(shape["counts"]) if isinstance(shape["counts"], str) else shape["counts"]
    if not isinstance(counts, list) or not all(type(count) is int for count in counts):
        raise DataError(
            f"segmentation.counts is {str(counts)[:40]}; expected whole numbers, or text that stands for them."
        )
    return from_counts(counts, size)
