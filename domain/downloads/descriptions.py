"""What a public data set consists of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import urlsplit

from attrs import evolve, frozen

_NOTHING: Mapping[str, str] = MappingProxyType({})
_EVERYTHING = ((".*", r"\g<0>"),)


@frozen
class RemoteFile:
    """A file at an address.

    Attributes:
        url: http or https.
        path: where it is kept, relative, with forward slashes.
        digest: "sha256:..." or "md5:..." in hex; empty where nobody publishes one.
        size: in bytes; None where nobody publishes it.
    """

    url: str
    path: str
    digest: str = ""
    size: int | None = None

    def mirrored(self, mirror: str) -> RemoteFile:
        """The same file at a mirror, which keeps https://host/a/b as MIRROR/host/a/b."""
        parts = urlsplit(self.url)
        return evolve(self, url=f"{mirror.rstrip('/')}/{parts.netloc}{parts.path}")


@frozen
class ArchivedData:
    """A data set in a few archives.

    Attributes:
        title: what is in it, in one line.
        licence: in a few words.
        archives: all of them are needed.
        layout: (pattern, place) pairs. The first pattern that matches a file's whole path in its archive says where the
            file goes; a file that none matches is left out.
        added: small text files, by path, that say what the data set leaves its reader to know.
        prepare: options of the ``segport prepare`` that comes next.
    """

    title: str
    licence: str
    archives: tuple[RemoteFile, ...]
    layout: tuple[tuple[str, str], ...] = _EVERYTHING
    added: Mapping[str, str] = _NOTHING
    prepare: str = ""

    def place(self, member: str) -> str | None:
        """Where a file of an archive goes, or None."""
        matches = ((re.fullmatch(pattern, member), place) for pattern, place in self.layout)
        return next((match.expand(place) for match, place in matches if match), None)


@frozen
class IndexedData:
    """A data set of single images and archives of masks, found through CSV indexes: Open Images.

    Addresses are templates: ``{split}``, ``{image}`` (its id) and ``{digit}`` (the first of the id) are filled in.

    Attributes:
        title: what is in it, in one line.
        licence: in a few words.
        splits: their names in addresses.
        names: table of label ("/m/01yrx") and name ("Cat"), without header.
        tables: further small files to keep.
        index: table of masks, with the columns MaskPath, ImageID and LabelName.
        masks: archives of masks.
        image: one image.
        prepare: options of the ``segport prepare`` that comes next.
    """

    title: str
    licence: str
    splits: tuple[str, ...]
    names: RemoteFile
    tables: tuple[RemoteFile, ...]
    index: RemoteFile
    masks: RemoteFile
    image: RemoteFile
    prepare: str = ""


def filled(template: RemoteFile, **values: str) -> RemoteFile:
    """A template's address and path with values in their places."""
    return evolve(template, url=template.url.format(**values), path=template.path.format(**values))


PublicData: TypeAlias = ArchivedData | IndexedData
