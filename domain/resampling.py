"""Geometry of fitting an image into a model's canvas, the one rule by which masks are resized, and the way back.

Positions are pixel centres: pixel i of an axis of n covers [i, i + 1) and lies at i + 0.5, so resizing to m puts the
centre of target pixel j at (j + 0.5) * n / m (no aligned corners).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from .arrays import IGNORE, AnyArray, Labels, Matrix
from .errors import DataError, InvalidSpecError
from .terms import Fit as Fit

Size = tuple[int, int]
Window = tuple[slice, slice]

_AT_ONCE = 1 << 22  # pixels of a large mask that are looked at together: wide copies of them stay small
_ALL = slice(None)


def resize_labels(labels: Labels, size: Size) -> Labels:
    """Labels at another (height, width), by the one rule.

    An axis that grows takes the source pixel under the target pixel's centre. An axis that shrinks is weighed by area:
    each class counts with the exact, fractional area it covers within the target pixel. A target pixel is ignored when
    less than half of it is valid; otherwise the valid class with the largest area wins, the lowest index on a tie. So
    ``IGNORE`` never beats a class that covers the majority, and thin ignored borders do not eat what they surround.
    Of (H, W, K) planes, each is resized by itself.
    """
    if labels.ndim == 3 and 0 not in labels.shape:
        return np.stack([resize_labels(labels[..., k], size) for k in range(labels.shape[2])], axis=-1)
    _require(labels, 2, size)
    height, width = size
    if height >= labels.shape[0]:
        labels = labels[_nearest(labels.shape[0], height)]
    if width >= labels.shape[1]:
        labels = labels[:, _nearest(labels.shape[1], width)]
    if labels.shape == size:
        return labels.copy()
    return _majority(labels, size)


def _nearest(source: int, target: int) -> NDArray[np.intp]:
    # floor((j + 0.5) * source / target) in integers, so no rounding error can move a boundary
    return (2 * np.arange(target) + 1) * source // (2 * target)


def _majority(labels: Labels, size: Size) -> Labels:
    best = np.full(size, IGNORE, np.uint8)
    most = np.zeros(size, np.int64)
    valid = np.zeros(size, np.int64)
    present = np.zeros(256, np.bool_)
    for block in _blocks(labels):
        present[block] = True
    for label in np.flatnonzero(present[:IGNORE]):
        # exact integers, so that neither the order of the axes nor the cut into blocks changes anything
        narrowed = np.concatenate([_cover(block == label, 1, size[1]) for block in _blocks(labels)])
        area = _cover(narrowed, 0, size[0])
        best[area > most] = label
        np.maximum(most, area, out=most)
        valid += area
    whole = np.prod([n for n, m in zip(labels.shape, size, strict=True) if n != m], dtype=np.int64)
    best[2 * valid < whole] = IGNORE
    return best


def _blocks(labels: Labels) -> Iterator[Labels]:
    """Whole rows, from the top down."""
    rows = max(1, _AT_ONCE // labels.shape[1])
    return (labels[first : first + rows] for first in range(0, len(labels), rows))


def _cover(values: NDArray[np.integer] | NDArray[np.bool_], axis: int, target: int) -> NDArray[np.int64]:
    """Sums of ``values`` over the span of each target pixel, in exact units of 1 / target of a source pixel.

    An axis that keeps its length is left as it is.
    """
    values = np.moveaxis(values.astype(np.int64), axis, 0)
    if len(values) == target:
        return np.moveaxis(values, 0, axis)
    source = len(values)
    below = np.zeros((source + 1, *values.shape[1:]), np.int64)
    np.cumsum(values, axis=0, out=below[1:])
    whole, part = np.divmod(np.arange(target + 1) * source, target)
    inside = values[np.minimum(whole, source - 1)]
    edges = below[whole] * target + part[:, np.newaxis] * inside
    return np.moveaxis(np.diff(edges, axis=0), 0, axis)


def resize_bilinear(array: AnyArray, size: Size, rows: slice = _ALL) -> NDArray[np.float32]:
    """(H, W, K) float32 at another (height, width), or some ``rows`` of that: half-pixel centres, edges repeated.

    The same rule as ``interpolate(mode="bilinear", align_corners=False, antialias=False)`` in torch. Constant arrays
    stay exactly constant, and the same size is an exact copy.
    """
    _require(array, 3, size)
    if len(array) == size[0]:
        return _interpolate(array[rows].astype(np.float32), 1, size[1])
    return _interpolate(_interpolate(array.astype(np.float32), 0, size[0], rows), 1, size[1])


def _interpolate(array: NDArray[np.float32], axis: int, target: int, part: slice = _ALL) -> NDArray[np.float32]:
    source = array.shape[axis]
    if source == target:
        return array
    position = np.clip((np.arange(target)[part] + 0.5) * (source / target) - 0.5, 0, source - 1)
    low = position.astype(np.intp)
    fraction = (position - low).astype(np.float32)
    near: NDArray[np.float32] = array.take(low, axis)
    step = array.take(np.minimum(low + 1, source - 1), axis)
    step -= near
    step *= fraction.reshape(-1, *[1] * (array.ndim - 1 - axis))
    near += step
    return near


def _require(array: AnyArray, dimensions: int, size: Size) -> None:
    if array.ndim != dimensions or 0 in array.shape[:2] or min(size) < 1:
        raise DataError(f"Cannot resize an array of shape {array.shape} to {size}.")


@frozen
class Frame:
    """Where an image lies on a canvas: resized to ``content``, then placed with its corner at ``offset``.

    All are (height, width) or (y, x) in pixels. The offset is negative where content sticks out (``CROP``).
    """

    native: Size
    canvas: Size
    content: Size
    offset: tuple[int, int] = (0, 0)

    @classmethod
    def for_fit(cls, fit: Fit, native: Size, size: Size, stride: int = 1) -> Frame:
        """The frame of an image of size ``native``.

        ``size`` is the canvas asked for, which ``NATIVE`` does not look at; the canvas is rounded up to a multiple of
        ``stride``. Raises InvalidSpecError for sizes or a stride below 1.
        """
        if min(*native, *size, stride) < 1:
            raise InvalidSpecError(f"Sizes and stride must be at least 1; found {native}, {size} and {stride}.")
        if fit is Fit.NATIVE:
            return cls(native, _rounded_up(native, stride), native)
        canvas = _rounded_up(size, stride)
        if fit is Fit.STRETCH:
            return cls(native, canvas, canvas)
        ratios = (canvas[0] / native[0], canvas[1] / native[1])
        scale = min(ratios) if fit is Fit.LETTERBOX else max(ratios)
        content = (max(1, round(native[0] * scale)), max(1, round(native[1] * scale)))
        offset = ((canvas[0] - content[0]) // 2, (canvas[1] - content[1]) // 2)
        return cls(native, canvas, content, offset)

    @classmethod
    def of_one_pixel(cls) -> Frame:
        """The frame of a label of the whole image: one pixel, which no fit changes."""
        return cls((1, 1), (1, 1), (1, 1))

    @property
    def canvas_window(self) -> Window:
        """The part of the canvas that shows content."""
        top, left = (max(0, o) for o in self.offset)
        bottom, right = (min(c, o + n) for c, o, n in zip(self.canvas, self.offset, self.content, strict=True))
        return slice(top, bottom), slice(left, right)

    @property
    def content_window(self) -> Window:
        """The part of the resized content that is shown on the canvas; all of it unless the fit crops."""
        rows, columns = self.canvas_window
        y, x = self.offset
        return slice(rows.start - y, rows.stop - y), slice(columns.start - x, columns.stop - x)

    @property
    def to_canvas(self) -> Matrix:
        """(3, 3): maps (x, y, 1) pixel indices (centres at integers) of the native image to those of the canvas."""
        scale_y, scale_x = self.content[0] / self.native[0], self.content[1] / self.native[1]
        shift_y, shift_x = (scale_y - 1) / 2 + self.offset[0], (scale_x - 1) / 2 + self.offset[1]
        return np.array([[scale_x, 0, shift_x], [0, scale_y, shift_y], [0, 0, 1]], np.float64)

    @property
    def to_native(self) -> Matrix:
        """Inverse of ``to_canvas``."""
        (scale_x, _, shift_x), (_, scale_y, shift_y), _ = self.to_canvas
        return np.array([[1 / scale_x, 0, -shift_x / scale_x], [0, 1 / scale_y, -shift_y / scale_y], [0, 0, 1]])

    def place_labels(self, labels: Labels) -> Labels:
        """Native labels on the canvas; ``IGNORE`` where there is no image. Raises DataError for another size."""
        self._expect(labels, self.native, "native")
        placed = np.full((*self.canvas, *labels.shape[2:]), IGNORE, np.uint8)
        placed[self.canvas_window] = resize_labels(labels, self.content)[self.content_window]
        return placed

    def restore(self, values: AnyArray, rows: slice = _ALL) -> NDArray[np.float32]:
        """(canvas height, canvas width, K) scores -> (native height, native width, K) float32, bilinearly.

        Or only some native ``rows`` of that. Where the fit cropped, nothing is known: the nearest shown value is
        repeated.
        """
        self._expect(values, self.canvas, "canvas")
        content = np.asarray(values[self.canvas_window], np.float32)
        if content.shape[:2] != self.content:
            content = np.pad(content, [*self._hidden(), (0, 0)], mode="edge")
        return resize_bilinear(content, self.native, rows)

    def restore_labels(self, labels: Labels) -> Labels:
        """Canvas labels -> native labels by ``resize_labels``; ``IGNORE`` where the fit cropped."""
        self._expect(labels, self.canvas, "canvas")
        content = labels[self.canvas_window]
        if content.shape[:2] != self.content:
            hidden = [*self._hidden(), (0, 0)][: content.ndim]
            content = np.pad(content, hidden, constant_values=IGNORE)
        return resize_labels(content, self.native)

    def _hidden(self) -> list[tuple[int, int]]:
        return [(w.start, n - w.stop) for w, n in zip(self.content_window, self.content, strict=True)]

    def _expect(self, array: AnyArray, size: Size, what: str) -> None:
        if array.shape[:2] != size:
            raise DataError(f"Expected an array of the {what} size {size}, found {array.shape[:2]}.")


def _rounded_up(size: Size, stride: int) -> Size:
    return -(-size[0] // stride) * stride, -(-size[1] // stride) * stride
