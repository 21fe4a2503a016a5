"""Is a file what was promised?"""

from __future__ import annotations

import hashlib
from base64 import b64decode
from contextlib import suppress
from email.message import Message
from pathlib import Path

from ...domain.downloads.descriptions import RemoteFile
from ...domain.errors import DownloadError

_CHUNK = 1 << 20


def verify(file: RemoteFile, path: Path, stated: str = "", length: int | None = None) -> str:
    """Holds a file against its published digest, else what the server stated of it, else its length.

    Args:
        file: what is promised.
        path: what came.
        stated: digest that the server stated, or "".
        length: bytes that the server stated.

    Returns:
        What was checked, as ``Fetched.checked`` has it.

    Raises:
        DownloadError: naming the address, the expected value and the one found.
    """
    expected = file.digest or stated
    if expected:
        kind, _, value = expected.partition(":")
        found = _digest(path, kind)
        if found != value:
            raise _other(file, kind.upper(), value, found)
        return kind if file.digest else f"{kind} of the server"
    size = file.size if file.size is not None else length
    if size is None:
        return "nothing"
    if path.stat().st_size != size:
        raise _other(file, "size", str(size), str(path.stat().st_size))
    return "size"


def stated_digest(headers: Message) -> str:
    """The MD5 that Google Cloud Storage states of what it keeps (header X-Goog-Hash), as "md5:..."; else "".

    It is of the stored bytes, so it is passed over where the server unpacks them on the way.
    """
    if headers.get("X-Goog-Stored-Content-Encoding", "identity") != "identity":
        return ""
    parts = ",".join(headers.get_all("X-Goog-Hash", [])).split(",")
    found = [part.strip().removeprefix("md5=") for part in parts if part.strip().startswith("md5=")]
    with suppress(ValueError):  # a proxy may write anything there
        return f"md5:{b64decode(found[0], validate=True).hex()}" if found else ""
    return ""


def _digest(path: Path, kind: str) -> str:
    digest = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _other(file: RemoteFile, what: str, expected: str, found: str) -> DownloadError:
    return DownloadError(
        f"{file.url} is not the file that was expected: {what} {found}, expected {expected}.",
        fix="It was changed at its source, or altered on the way (by a proxy or a mirror). It was not used.",
    )
