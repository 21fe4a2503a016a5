"""Prepared data sets as folders: written beside their place, and moved there when whole."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from glob import escape
from pathlib import Path
from types import TracebackType

from attrs import field, frozen

from ...domain.arrays import Image, Labels
from ...domain.class_names import parse_class_names
from ...domain.classes import ClassMap, format_class_dict, parse_class_dict
from ...domain.description import DatasetInfo
from ...domain.errors import DataError
from ...domain.file_names import is_stem, require_folder_names
from ...domain.ports.dataset import SourceItem
from ...domain.ports.images import ImageCodec
from ...domain.ports.preparing import DatasetRow, Prepared, StoredPair
from .. import files
from ..claim import place_claimed
from .dataset import (
    CLASSES,
    EACH,
    IMAGES,
    INFO,
    MASKS,
    ROWS,
    PreparedDataset,
    mask_files,
    open_dataset,
    prepared_within,
)
from .tables import format_rows, info_to_data, parse_splits
from .toml import write_toml


@frozen
class FolderWriter:
    """A data set in ``work``, on its way to ``out``. Implements the port ``DatasetWriter``."""

    out: Path
    codec: ImageCodec
    reference: bool
    work: Path = field()
    _claim: ExitStack = field(factory=ExitStack, init=False, eq=False)

    @work.default
    def _hidden_sibling(self) -> Path:
        return self.out.parent / f".{self.out.name}.{secrets.token_hex(4)}.partial"

    def __enter__(self) -> FolderWriter:
        try:
            self._claim.enter_context(place_claimed(self.out))
            # Nobody else is at work here: these were left by somebody who was killed.
            for left in self.out.parent.glob(f".{escape(self.out.name)}.{files.RANDOM}.partial"):
                files.remove(left)
            for folder in (IMAGES, MASKS):
                (self.work / folder).mkdir(parents=True)
        except BaseException as error:  # Ctrl-C too: the block is not entered, so nobody else tidies up
            self.__exit__(None, None, None)
            if isinstance(error, OSError):
                raise _refusal(self.out, error) from None
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        shutil.rmtree(self.work, ignore_errors=True)
        self._claim.close()

    def store(
        self, item: SourceItem, image: Image, labels: Labels, classes: ClassMap, *, changed: bool = False
    ) -> StoredPair:
        """Links, copies, converts or refers to the image; writes the mask. Raises DataError when the disk refuses."""
        if not is_stem(item.key):
            raise DataError(f"The id {item.key!r} of {item.image} cannot be a file's name.", fix="Rename the file.")
        mask = f"{MASKS}/{EACH}/{item.key}.png" if labels.ndim == 3 else f"{MASKS}/{item.key}.png"
        try:
            place, image_file = self._keep(item, image, changed)
            return StoredPair(place, mask, files.sha256_of(image_file), self._masks(mask, labels, classes))
        except OSError as error:
            raise _refusal(self.out, error) from error

    def finish(self, info: DatasetInfo, classes: ClassMap, rows: Sequence[DatasetRow]) -> Path:
        """Writes the tables and moves the folder to its place."""
        kept = ((row.stored.image, *mask_files(row.stored.mask, classes.names)) for row in rows)
        wanted = {file for files_of_row in kept for file in files_of_row}
        try:
            for folder in (IMAGES, MASKS):
                for path in (self.work / folder).rglob("*"):
                    if path.is_file() and path.relative_to(self.work).as_posix() not in wanted:
                        path.unlink()
            files.write_text(self.work / CLASSES, format_class_dict(classes))
            files.write_text(self.work / ROWS, format_rows(rows))
            write_toml(self.work / INFO, info_to_data(info))
            if self.out.exists():
                self.out.rmdir()  # it was empty when we began; now it must be still
            self.work.rename(self.out)
        except OSError as error:
            raise _refusal(self.out, error) from error
        return self.out

    def _masks(self, mask: str, labels: Labels, classes: ClassMap) -> str:
        """Writes the mask's file or files; gives their hash."""
        if EACH not in mask:
            self.codec.write_labels(self.work / mask, labels, classes)
            return files.sha256_of(self.work / mask)
        require_folder_names(classes.names)
        paths = [self.work / file for file in mask_files(mask, classes.names)]
        self.codec.write_planes(paths, labels)
        return hashlib.sha256("".join(map(files.sha256_of, paths)).encode()).hexdigest()

    def _keep(self, item: SourceItem, image: Image, changed: bool) -> tuple[str, Path]:
        """The image's place in the data set, and the file itself."""
        if changed or item.embedded or self.codec.conversion(item.image):
            place = f"{IMAGES}/{item.key}.png"
            self.codec.write_image(self.work / place, image)
            return place, self.work / place
        if self.reference:
            return item.image.resolve().as_posix(), item.image
        place = f"{IMAGES}/{item.key}{item.image.suffix}"
        files.link_or_copy(item.image, self.work / place)
        return place, self.work / place


@frozen
class DatasetFolders:
    """Implements the ports ``DatasetStore`` and ``KnowsPrepared``."""

    codec: ImageCodec

    def create(self, out: Path, *, reference: bool = False) -> FolderWriter:
        """Raises DataError when ``out`` holds anything."""
        if (out / INFO).exists():
            raise DataError(
                f"{out} already holds a prepared data set.", fix="Choose another folder, or delete this one."
            )
        if out.is_file() or (out.is_dir() and any(out.iterdir())):
            raise DataError(f"{out} already holds files.", fix="Choose a folder that is empty or does not exist yet.")
        return FolderWriter(out.resolve(), self.codec, reference)

    def open(self, path: Path) -> PreparedDataset:
        """Raises DataError with everything that is wrong with it."""
        return open_dataset(path, self.codec)

    def prepared(self, source: Path) -> Prepared | None:
        """What a prepared data set says of its images, also of one in folders that hold nothing else; else None."""
        return prepared_within(source)

    def survey(self, source: Path) -> str:
        """Files by extension, in one line. Raises DataError for what does not exist or is empty."""
        if source.is_file():
            return f"{source} is a file"
        if not source.is_dir():
            raise DataError(f"{source} does not exist.")
        found = [path for path in source.rglob("*") if path.is_file() and not path.name.startswith(".")]
        if not found:
            raise DataError(f"{source} is empty.", fix="Give a folder with images and masks.")
        kinds = Counter(path.suffix.lower() or "without extension" for path in found).most_common(5)
        return f"{source} holds {len(found)} files ({', '.join(f'{count} {kind}' for kind, count in kinds)})"

    def read_classes(self, path: Path) -> ClassMap:
        """A .txt file is a list of names, anything else a class_dict.csv."""
        parse = parse_class_names if path.suffix.lower() == ".txt" else parse_class_dict
        return parse(files.read_text(path), str(path))

    def read_splits(self, path: Path) -> dict[str, str]:
        """Id to split, from the columns id and split of a CSV file."""
        return parse_splits(files.read_text(path), str(path))


def _refusal(out: Path, error: OSError) -> DataError:
    # Of a copy that failed, the first name is that of what was read.
    file = error.filename2 or error.filename
    where = f" ({file})" if file else ""
    return DataError(
        f"The data set {out} cannot be written: {error.strerror or error}{where}.",
        fix="Nothing was left behind. Check space and permissions, or choose another place.",
    )
