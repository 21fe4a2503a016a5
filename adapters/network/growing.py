"""The folder in which a download grows."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from attrs import field, frozen

from ...domain.errors import DataError
from ..claim import place_claimed
from ..files import atomic_path, link_or_copy, write_text
from .disk import writing


@frozen
class PartialFolder:
    """Implements ``GrowingFolder`` as ``OUT.partial``, beside ``OUT`` so that it can be renamed."""

    out: Path
    _claim: ExitStack = field(factory=ExitStack, init=False, eq=False)

    @property
    def home(self) -> Path:
        """All of it."""
        return self.out.with_name(f"{self.out.name}.partial")

    @property
    def fetched(self) -> Path:
        """See ``GrowingFolder``."""
        return self.home / "fetched"

    @property
    def tree(self) -> Path:
        """See ``GrowingFolder``."""
        return self.home / "tree"

    def __enter__(self) -> PartialFolder:
        """Begins the tree anew. Raises DataError while another download makes the same folder."""
        with writing(self.home), ExitStack() as stack:
            stack.enter_context(place_claimed(self.out))
            shutil.rmtree(self.tree, ignore_errors=True)
            self.tree.mkdir(parents=True)
            self.fetched.mkdir(exist_ok=True)
            self._claim.push(stack.pop_all())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves nothing but what was fetched."""
        shutil.rmtree(self.tree, ignore_errors=True)
        for folder in (self.fetched, self.home):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        self._claim.close()

    def rows(self, path: str) -> Iterator[Sequence[str]]:
        """See ``GrowingFolder``."""
        source = self.fetched / path
        try:
            with source.open(encoding="utf-8-sig", newline="") as stream:
                yield from csv.reader(stream)
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{source} is no CSV file: {error}.", fix="Delete it and run the command again.") from error

    def keep(self, path: str) -> None:
        """See ``GrowingFolder``."""
        with writing(self.tree / path):
            link_or_copy(self.fetched / path, self.tree / path)

    def write_rows(self, path: str, rows: Iterable[Sequence[str]]) -> None:
        """See ``GrowingFolder``."""
        target = self.tree / path
        with (
            writing(target),
            atomic_path(target) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as stream,
        ):
            csv.writer(stream, lineterminator="\n").writerows(rows)

    def write_text(self, path: str, text: str) -> None:
        """See ``GrowingFolder``."""
        with writing(self.tree / path):
            write_text(self.tree / path, text)

    def finish(self) -> None:
        """See ``GrowingFolder``."""
        with writing(self.out):
            if self.out.exists():
                self.out.rmdir()
            self.tree.rename(self.out)
            shutil.rmtree(self.home)


@frozen
class PartialFolders:
    """Implements ``Grounds``."""

    def open(self, out: Path) -> PartialFolder:
        """See ``Grounds``."""
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise DataError(f"{out} is there already and not empty.", fix="Choose another folder, or remove it first.")
        return PartialFolder(out.resolve())
