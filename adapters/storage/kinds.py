"""What a file that is no checkpoint seems to be, by its first bytes: for messages."""

from __future__ import annotations

_STARTS = (
    (b"PK\x03\x04", "a zip archive, such as torch.save and Keras write"),
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", "a file of torch.save, in its older format"),
    (b"\x80", "a pickle"),
    (b"\x89HDF", "an HDF5 file, such as Keras writes"),
    (b"\x93NUMPY", "an array of NumPy"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"II*\0", "a picture"),
)


def kind_of(start: bytes) -> str:
    """In a few words: "a zip archive"; "no safetensors file" where nothing fits better."""
    if not start:
        return "empty"
    known = next((kind for prefix, kind in _STARTS if start.startswith(prefix)), None)
    return known or ("a text" if _is_text(start) else "no safetensors file")


def _is_text(start: bytes) -> bool:
    """Whether it is UTF-8, a character cut off at its end aside, and has no control characters."""
    text = start.decode("utf-8", errors="replace").rstrip("\ufffd")
    return bool(text) and all(character.isprintable() or character.isspace() for character in text)
