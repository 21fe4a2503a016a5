"""What this package offers to the plugin manager. Nothing heavy is imported until a reader is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...plugins import Entries, Entry, Kind, hookimpl


def _folders() -> Callable[..., Any]:
    from .readers.folders import FolderReader

    return FolderReader


def _dsb2018() -> Callable[..., Any]:
    from .readers.dsb2018 import ScienceBowlReader

    return ScienceBowlReader


def _file_list() -> Callable[..., Any]:
    from .readers.filelist import FileListReader

    return FileListReader


@hookimpl
def segport_readers() -> Entries:
    """Readers of image and mask folders."""
    return [
        Entry(Kind.READER, "folders", "images/ and masks/ with equal names, flat or in train, val, test", _folders),
        Entry(Kind.READER, "dsb2018", "<id>/images and <id>/masks, many masks an image", _dsb2018),
        Entry(Kind.READER, "file-list", "a text or CSV file with one image,mask[,split] a line", _file_list),
    ]
