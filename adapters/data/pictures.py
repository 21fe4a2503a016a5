"""Pictures with their headers read, by Pillow: what a file is, how large, how it lies, and every way it can be wrong.

What a file is, its first bytes decide; its name does not. TIFF, GIF and WebP that hold a stack, several pages of one
size, are refused; of a pyramid, or a picture with its thumbnail, the first page is read.
"""

from __future__ import annotations

import os
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Literal

from attrs import field, frozen
from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from PIL.ImageFile import ImageFile

from ...domain.errors import DataError, InvalidSpecError

MAX_PIXELS = 178_956_970
"""Larger images are refused before they are decoded: a small file can claim to be enormous (decompression bomb).

The number at which Pillow itself gives up: half a gigabyte of RGB.
"""
MEANT = "SEGPORT_MAX_PIXELS"
"""The environment variable by which a person says that larger ones are meant, in every command."""

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM", "JPEG2000")
"""None of these runs other programs, as the reader of EPS does."""
_PAGED = ("TIFF", "GIF", "WEBP")
"""Formats of stacks. The further pictures in a JPEG (MPO) are other views or previews, not pages."""
_SUBFILE, _TRANSPARENCY = 254, 4
"""The tag of TIFF that says what a page is, and its bit for a mask that belongs to the page before."""
_TOO_MUCH = "what it claims to hold is more than there is memory for"
_ORIENTATION = 0x0112
_TURNS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
_SIGNATURE = 8
_CHUNKS = 1 << 16
"""Chunks of a PNG that are looked at before it is decoded."""
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_KEYWORDS = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")
"""Of texts that may hold an orientation."""
_BEGINNINGS = {
    b"version https://git-lfs": "a Git LFS pointer, not the file itself; run `git lfs pull`",
    b"<": "markup such as HTML or SVG: perhaps a download that failed",
}
_lock = threading.Lock()


@frozen
class PictureWithin:
    """A picture that is part of another file: opened as a path is, and called ``where`` in messages."""

    where: str
    data: bytes = field(repr=False)
    suffix: str = ""

    def __str__(self) -> str:
        return self.where

    def open(self, mode: Literal["rb"]) -> BytesIO:
        """The bytes, to be read."""
        return BytesIO(self.data)


Source = Path | PictureWithin


@frozen(eq=False)
class Opened:
    """A picture that need not be decoded yet.

    Attributes:
        orientation: of EXIF, still to be applied; 1 is upright.
        stored: how its pixels lie in the file, in Pillow's words: "LA;16B" is grey and alpha of 16 bits.
    """

    path: Source
    image: Pillow.Image
    orientation: int
    stored: str

    @property
    def size(self) -> tuple[int, int]:
        """(height, width), upright."""
        width, height = self.image.size
        return (width, height) if self.orientation >= 5 else (height, width)

    def upright(self) -> Pillow.Image:
        """Decoded, and turned as its EXIF data says."""
        _load(self.path, self.image)
        return self.image.transpose(_TURNS[self.orientation]) if self.orientation in _TURNS else self.image


@contextmanager
def opened(path: Source, max_pixels: int) -> Iterator[Opened]:
    """The picture, for the time of the block. Whatever goes wrong in it becomes a DataError that names the file."""
    max_pixels = max(max_pixels, _meant())
    try:
        with path.open("rb") as file:
            image = _first_page(path, file, max_pixels)
            stored = str(image.tile[0].args) if isinstance(image, ImageFile) and image.tile else ""
            with image:
                yield Opened(path, image, _orientation(path, file, image), stored)
    except DataError:
        raise
    except UnidentifiedImageError:
        raise refusal(path, _what_it_is(path)) from None
    except FileNotFoundError:
        raise refusal(path, "there is no such file") from None
    except PermissionError:
        raise refusal(path, "permission denied") from None
    except IsADirectoryError:
        raise refusal(path, "it is a folder") from None
    except MemoryError:
        raise
    except Exception as error:  # decoders raise anything at all on broken bytes
        raise refusal(path, f"it is broken or cut short ({error})", "Get it again from where it came.") from error


def refusal(path: Source, reason: str, fix: str = "") -> DataError:
    """The error for a picture that cannot be used."""
    return DataError(f"Cannot read {path}: {reason}.", fix=fix)


def _first_page(path: Source, file: IO[bytes], max_pixels: int) -> Pillow.Image:
    """The picture, not decoded. Raises DataError for a stack, of which nobody knows the page that is meant."""
    image = _header(path, file, max_pixels)
    if image.format not in _PAGED:
        return image
    try:
        with _quiet():
            stack = _is_stack(image)
    except EOFError:
        return image
    except MemoryError:
        raise refusal(path, _TOO_MUCH) from None
    except Exception:  # noqa: BLE001 - what cannot be read as a second page is none
        stack = False
    if stack:
        raise refusal(
            path,
            "it holds several pages of one size, a stack or an animation",
            "Save the page that is meant as an image of its own.",
        )
    file.seek(0)  # opened anew: a second page that is broken leaves its tags behind, and the first is read by them
    return _header(path, file, max_pixels)


def _is_stack(image: Pillow.Image) -> bool:
    """Whether the second page is as large as the first. Raises EOFError where there is none."""
    if image.format != "TIFF":
        # All frames of an animation share a canvas; to move to the second would decode the first.
        return bool(getattr(image, "is_animated", False))
    first = image.size
    image.seek(1)
    kind = getattr(image, "tag_v2", {}).get(_SUBFILE, 0)
    return image.size == first and not (isinstance(kind, int) and kind & _TRANSPARENCY)


def _header(path: Source, file: IO[bytes], max_pixels: int) -> Pillow.Image:
    """The picture, not decoded. Raises DataError for one of more pixels."""
    with _quiet():
        limit, Pillow.MAX_IMAGE_PIXELS = Pillow.MAX_IMAGE_PIXELS, None
        try:
            Pillow.init()  # else Pillow stumbles over named formats it has not loaded yet
            image = Pillow.open(file, formats=_FORMATS)
        except MemoryError:
            raise refusal(path, _TOO_MUCH) from None
        finally:
            Pillow.MAX_IMAGE_PIXELS = limit
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise refusal(
            path,
            f"it claims {image.width} x {image.height} = {pixels} pixels, more than the limit of {max_pixels}",
            f"If it is meant to be that large, say so: {MEANT}={pixels} in the environment; or cut it into tiles.",
        )
    return image


@contextmanager
def _quiet() -> Iterator[None]:
    """One thread at a time: Pillow warns of harmless oddities in metadata, and filters and its limit are global."""
    with _lock, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _meant() -> int:
    """Pixels that the environment allows; 0 where it says nothing."""
    text = os.environ.get(MEANT, "0")
    if not text.isdecimal():
        raise InvalidSpecError(f"{MEANT} is {text!r}.", fix=f"It is a number of pixels, as {MEANT}=400000000.")
    return int(text)


def _orientation(path: Source, file: IO[bytes], image: Pillow.Image) -> int:
    """The EXIF orientation still to be applied. Pillow turns TIFF by itself, and already gives the turned size."""
    if image.format == "TIFF" or (image.format == "PNG" and not _has_metadata(file)):
        return 1
    if image.format == "PNG":
        # Asked for EXIF data, Pillow decodes a PNG; had that failed below, it would then hand out the rest as black.
        _load(path, image)
    try:
        with _quiet():
            value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - broken metadata is no reason to refuse good pixels
        return 1
    return value if value in _TURNS else 1


def _load(path: Source, image: Pillow.Image) -> None:
    try:
        image.load()
    except MemoryError:
        raise refusal(path, _TOO_MUCH) from None


def _has_metadata(file: IO[bytes]) -> bool:
    """Whether a PNG has a chunk that may say how to turn it; most have none, and are not decoded to be asked."""
    place = file.tell()
    file.seek(_SIGNATURE)
    try:
        for _ in range(_CHUNKS):
            head = file.read(8)
            if len(head) < 8 or head[4:] == b"IEND":
                return False
            (length,) = struct.unpack(">I", head[:4])
            read = file.read(min(length, 32)) if head[4:] in _TEXTS else b""
            if head[4:] == b"eXIf" or read.startswith(_KEYWORDS):
                return True
            file.seek(length - len(read) + 4, os.SEEK_CUR)
        return True
    finally:
        file.seek(place)


def _what_it_is(path: Source) -> str:
    """What a file is that no decoder knows."""
    with path.open("rb") as file:
        beginning = file.read(32)
    if not beginning:
        return "it is empty (0 bytes)"
    for known, meaning in _BEGINNINGS.items():
        if beginning.startswith(known):
            return f"it is {meaning}"
    return f"it is not an image of a known format (its first bytes are {beginning[:16]!r})"
