"""Which mask belongs to which image, by name."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from .scan import pictures_below

_IMAGE_ENDINGS = ("_image", "_img", "_sat", "_leftImg8bit")
_MASK_ENDINGS = (
    *("_mask", "_masks", "_label", "_labels", "_annotation", "_segmentation", "_seg", "_gt", "_L", "_P", "_GT"),
    *("_labelIds", "_gtFine_labelIds", "_matte"),
)
Pair = tuple[str, Path, Path]
"""Name of the image (its path below its folder, without extension), image, mask."""


def match(source: Path, images: Path, masks: Path) -> tuple[list[Pair], list[str]]:
    """Pairs pictures of two folders (and their subfolders) by name, sorted; and lists what has no partner.

    Names are equal up to the extension, or up to a common ending as well: ``a.jpg`` and ``a_mask.png``. An equal name
    always goes before an ending. Problems come worst first: repeated names, images without mask, masks without image.
    """
    problems: list[str] = []
    found_images = _by_name(source, images, problems)
    found_masks = _by_name(source, masks, problems)
    partner = {name: found_masks[name] for name in found_images if name in found_masks}
    spare_images = {_without(name, _IMAGE_ENDINGS): name for name in found_images if name not in partner}
    alone: list[str] = []
    for name, mask in found_masks.items():
        if name in partner:
            continue
        image = spare_images.get(_without(name, _MASK_ENDINGS))
        if image is None:
            alone.append(f"mask without image: {_shown(source, mask)}")
        elif image in partner:
            problems.append(f"two masks for one image: {_shown(source, partner[image])} and {_shown(source, mask)}")
        else:
            partner[image] = mask
    missing = [
        f"image without mask: {_shown(source, path)}" for name, path in found_images.items() if name not in partner
    ]
    pairs = [(name, path, partner[name]) for name, path in found_images.items() if name in partner]
    return pairs, problems + missing + alone


def _by_name(source: Path, folder: Path, problems: list[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in pictures_below(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            problems.append(f"same name twice: {_shown(source, found[name])} and {_shown(source, path)}")
        found.setdefault(name, path)
    return found


def mask_name(name: str) -> str:
    """A mask's name without an ending that says it is one: "a" for "a_mask"."""
    return _without(name, _MASK_ENDINGS)


def _without(name: str, endings: tuple[str, ...]) -> str:
    """The name without the longest of the endings it has."""
    ending = max((ending for ending in endings if name.endswith(ending)), key=len, default="")
    return name.removesuffix(ending) if PurePosixPath(name).name != ending else name


def _shown(source: Path, path: Path) -> str:
    return path.relative_to(source).as_posix()
