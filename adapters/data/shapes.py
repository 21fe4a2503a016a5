"""The shapes data set: geometric shapes on textured ground, made from a seed, with labels that are exactly right."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from attrs import field, frozen

from ...domain.arrays import Labels, Planes
from ...domain.classes import ClassMap, format_class_dict
from ...domain.errors import DataError, InvalidSpecError, UnknownNameError
from ...domain.masks.planes import to_picture
from ...domain.ports.dataset import Executor
from ..claim import place_claimed
from .drawing import OUTLINES, Shape, draw
from .encode import encode_image, encode_mask
from .executor import ThreadExecutor

_SEEN_THROUGH = 0.6
"""Opacity of shapes that overlap."""


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


@frozen
class ShapesOptions:
    """What to draw. Raises InvalidSpecError listing every impossible field.

    Attributes:
        num_images: how many images.
        height: of every image, in pixels.
        width: likewise.
        min_shape_px: least length of a shape's longer side, in pixels.
        max_shape_px: largest.
        shapes: kinds of shapes; class 1 is the first, background is class 0.
        max_shapes: largest number of shapes in an image.
        overlapping: shapes are seen through, and each kind has masks of its own: for the multilabel task.
        seed: image i depends on (seed, i) and the other fields, not on how many images there are.
    """

    num_images: int = 400
    height: int = 128
    width: int = 128
    min_shape_px: int = 24
    max_shape_px: int = 64
    shapes: tuple[str, ...] = field(default=("rectangle", "ellipse", "triangle"), converter=_names)
    max_shapes: int = 4
    seed: int = 41
    overlapping: bool = False

    def __attrs_post_init__(self) -> None:
        unknown = [name for name in self.shapes if name not in OUTLINES]
        if unknown:
            raise UnknownNameError.of("shape", unknown[0], OUTLINES)
        problems = [
            f"{name} = {value}: expected at least {least}."
            for name, value, least in (
                ("num_images", self.num_images, 1),
                ("height", self.height, 8),
                ("width", self.width, 8),
                ("min_shape_px", self.min_shape_px, 4),
                ("max_shape_px", self.max_shape_px, self.min_shape_px),
                ("max_shapes", self.max_shapes, 1),
                ("seed", self.seed, 0),
            )
            if value < least
        ]
        if not self.shapes or len(set(self.shapes)) < len(self.shapes):
            problems.append(f"shapes = {','.join(self.shapes)!r}: expected one or more different names.")
        if problems:
            raise InvalidSpecError("These shapes cannot be generated.", problems=problems)

    @property
    def classes(self) -> ClassMap:
        """Background and one class a kind of shape."""
        return ClassMap.of(["background", *self.shapes])


def generate_shapes(
    out: Path,
    options: ShapesOptions,
    executor: Executor | None = None,
    listen: Callable[[int, int], None] | None = None,
) -> ClassMap:
    """Writes ``images/*.png``, palette masks ``masks/*.png`` and ``class_dict.csv`` to a new or empty folder.

    Of ``overlapping`` shapes the masks are ``masks/<kind>/*.png``, 0 and 255, and the folders name the classes.

    The same options give the same bytes with the same library versions. The folder appears complete or not at all.
    ``listen`` hears (images done, images in all) after every image.

    Returns:
        The classes.

    Raises:
        DataError: when ``out`` holds anything already, is being made by somebody else, or cannot be written.
    """
    place = out.resolve()
    try:
        with place_claimed(place):
            _generate(place, options, executor or ThreadExecutor(), listen)
    except OSError as error:
        raise DataError(
            f"{out} cannot be written: {error.strerror or error}.", fix="Check the path, space and permissions."
        ) from error
    return options.classes


def _generate(out: Path, options: ShapesOptions, executor: Executor, listen: Callable[[int, int], None] | None) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} is there already and not empty.", fix="Choose another folder, or remove it first.")
    growing = out.with_name(f".{out.name}.partial")
    shutil.rmtree(growing, ignore_errors=True)
    try:
        kinds = [f"masks/{name}" for name in options.shapes] if options.overlapping else ["masks"]
        for name in ("images", *kinds):
            (growing / name).mkdir(parents=True)
        if not options.overlapping:
            (growing / "class_dict.csv").write_bytes(format_class_dict(options.classes).encode())
        drawn = executor.map(partial(_write, growing, options), range(options.num_images))
        with closing(drawn):  # interrupted, no thread writes any more when the folder is cleared away
            for done, _ in enumerate(drawn, 1):
                if listen:
                    listen(done, options.num_images)
        if out.exists():
            out.rmdir()
        growing.rename(out)
    except BaseException:
        shutil.rmtree(growing, ignore_errors=True)
        raise


class _Wanted(Protocol):
    """What ``GenerateShapes`` is asked for: the fields of ``ShapesOptions``, and where to."""

    @property
    def out(self) -> Path: ...
    @property
    def num_images(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def min_shape_px(self) -> int: ...
    @property
    def max_shape_px(self) -> int: ...
    @property
    def shapes(self) -> Sequence[str]: ...
    @property
    def seed(self) -> int: ...
    @property
    def overlapping(self) -> bool: ...


@frozen
class GenerateShapes:
    """The generator as a service: settings in, a folder out."""

    executor: Executor = field(factory=ThreadExecutor)

    def __call__(self, settings: _Wanted, *, listen: Callable[[int, int], None] | None = None) -> ClassMap:
        """Generates and tells ``listen`` how many of how many images are done. Raises as ``generate_shapes``."""
        options = ShapesOptions(
            num_images=settings.num_images,
            height=settings.height,
            width=settings.width,
            min_shape_px=settings.min_shape_px,
            max_shape_px=settings.max_shape_px,
            shapes=settings.shapes,
            seed=settings.seed,
            overlapping=settings.overlapping,
        )
        return generate_shapes(settings.out, options, self.executor, listen)


def _write(folder: Path, options: ShapesOptions, index: int) -> None:
    rng = np.random.default_rng([options.seed, index])
    size, extent = (options.height, options.width), (options.min_shape_px, options.max_shape_px)
    opacity = _SEEN_THROUGH if options.overlapping else 1.0
    image, shapes = draw(size, options.shapes, extent, options.max_shapes, rng, opacity)
    name = f"shapes-{index:05d}.png"
    (folder / "images" / name).write_bytes(encode_image(image))
    if options.overlapping:
        for kind, plane in enumerate(np.moveaxis(_planes(shapes, size, len(options.shapes)), 2, 0)):
            pixels = to_picture(plane)[..., np.newaxis]
            (folder / "masks" / options.shapes[kind] / name).write_bytes(encode_image(pixels))
    else:
        (folder / "masks" / name).write_bytes(encode_mask(_labels(shapes, size), options.classes.palette()))


def _labels(shapes: Iterable[Shape], size: tuple[int, int]) -> Labels:
    """0 for background, 1 + the kind of the shape on top."""
    labels = np.zeros(size, np.uint8)
    for kind, inside in shapes:
        labels[inside] = kind + 1
    return labels


def _planes(shapes: Iterable[Shape], size: tuple[int, int], kinds: int) -> Planes:
    """A plane a kind."""
    planes = np.zeros((*size, kinds), np.uint8)
    for kind, inside in shapes:
        planes[inside, kind] = 1
    return planes
