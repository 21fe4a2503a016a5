"""A file that is not all here yet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

from attrs import frozen

from .disk import write_whole, writing


@frozen
class Part:
    """``target.part``, and beside it ``target.part.tag``: which version on the server it is a part of."""

    target: Path

    @property
    def path(self) -> Path:
        """The bytes so far."""
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def tag(self) -> str:
        """The version, as If-Range takes it; empty where the server names none."""
        return self._tag.read_text(encoding="utf-8") if self._tag.exists() else ""

    def begin(self, headers: Message) -> None:
        """Forgets the bytes so far and notes the version that comes now. Raises DownloadError if the disk refuses."""
        tag = headers.get("ETag", "")
        # A weak tag names no exact bytes, so RFC 9110 does not allow it in If-Range.
        tag = headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
        with writing(self.path):
            self.discard()
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()
            if tag:
                self._tag.write_text(tag, encoding="utf-8")

    def append(self, chunks: Iterator[bytes]) -> Iterator[int]:
        """Adds chunks; yields the size after each. Raises DownloadError if the disk refuses."""
        size = self.size
        with self.path.open("ab", buffering=0) as stream:
            for chunk in chunks:
                write_whole(stream, chunk, self.path)
                size += len(chunk)
                yield size

    def finish(self) -> None:
        """Becomes the target."""
        os.replace(self.path, self.target)
        self.discard()

    def discard(self) -> None:
        """Goes away."""
        self.path.unlink(missing_ok=True)
        self._tag.unlink(missing_ok=True)

    @property
    def _tag(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part.tag")
