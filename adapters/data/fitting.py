"""Bringing whole images and their labels to the size a model takes."""

from __future__ import annotations

import cv2
import numpy as np
from attrs import frozen

from ...domain.arrays import Image
from ...domain.errors import DataError
from ...domain.ports.dataset import SampleSource
from ...domain.resampling import Fit, Frame
from ...domain.samples import Sample


def place_image(image: Image, frame: Frame) -> Image:
    """The image on its frame's canvas, (canvas height, canvas width, C) uint8, padded by reflection.

    An axis that shrinks is averaged over area, one that grows is interpolated linearly.
    """
    content = _resized(image, frame.content)[frame.content_window]
    rows, columns = frame.canvas_window
    bottom, right = frame.canvas[0] - rows.stop, frame.canvas[1] - columns.stop
    if (rows.start, bottom, columns.start, right) == (0, 0, 0, 0):
        return content
    padded = cv2.copyMakeBorder(content, rows.start, bottom, columns.start, right, cv2.BORDER_REFLECT_101)
    return np.asarray(padded, dtype=np.uint8).reshape(*frame.canvas, image.shape[2])


def _resized(image: Image, size: tuple[int, int]) -> Image:
    smaller = (min(image.shape[0], size[0]), min(image.shape[1], size[1]))
    for target, how in ((smaller, cv2.INTER_AREA), (size, cv2.INTER_LINEAR)):
        if image.shape[:2] != target:
            resized = cv2.resize(image, (target[1], target[0]), interpolation=how)
            image = np.asarray(resized, dtype=np.uint8).reshape(*target, image.shape[2])
    return image


def require_one_size(sample: Sample) -> None:
    """Raises DataError where image and labels differ in size, and the label is not one of the whole image."""
    image, labels = sample.image.shape[:2], sample.labels.shape[:2]
    if image != labels and not sample.whole:
        raise DataError(f"{sample.key}: the image is {image}, its labels are {labels} (height, width).")


@frozen
class FittedSource:
    """A source whose samples are brought to one size; those of ``NATIVE`` stay as they are.

    Those of ``CROP`` are resized so that they cover that size, and keep what sticks out: the crop that is taken of them
    later is another each time.
    """

    source: SampleSource
    fit: Fit
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int, /) -> Sample:
        sample = self.source[index]
        if self.fit is Fit.NATIVE:
            return sample
        require_one_size(sample)
        frame = Frame.for_fit(self.fit, sample.image.shape[:2], self.size)
        if self.fit is Fit.CROP:
            frame = Frame(frame.native, frame.content, frame.content)
        labels = sample.labels if sample.whole else frame.place_labels(sample.labels)
        return Sample(sample.key, place_image(sample.image, frame), labels)
