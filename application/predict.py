"""The service that predicts: images in, masks out, in files or in arrays."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from functools import partial
from itertools import chain
from math import inf
from pathlib import Path

import numpy as np
from attrs import frozen

from ..domain.arrays import Image, Labels, Probabilities
from ..domain.choices import Choice
from ..domain.classes import ClassMap
from ..domain.errors import DataError
from ..domain.listing import cut
from ..domain.masks.decisions import decide
from ..domain.ports.backend import Backend, Precision
from ..domain.ports.catalogue import Catalogue
from ..domain.ports.checkpoints import RunStore
from ..domain.ports.clock import Clock
from ..domain.ports.dataset import Batcher, Executor
from ..domain.ports.images import ImageCodec, ImageFinder
from ..domain.ports.reporting import Reporter
from ..domain.ports.results import Results
from ..domain.samples import Task
from .listening import FileListener, nobody
from .loading import load_trained
from .memory import enough_memory
from .prediction_files import MASKS, TABLE, PredictionFiles
from .predictor import Prediction, Predictor
from .settings import PredictSettings

_READ_AHEAD = 1 << 24
"""Pixels of an image that is not read ahead of its turn: several such images would take the memory of many."""


@frozen
class PredictReport:
    """What was written: one mask for each image, in order; of a classifier one ``table`` for all, and no masks.

    Of a multilabel model masks are one for each image and class, in the folder ``planes``: ``<class>/<image>.png``.
    """

    out: Path
    images: tuple[Path, ...]
    masks: tuple[Path, ...]
    overlays: tuple[Path, ...]
    table: Path | None
    planes: Path | None
    seconds: float
    device: str
    precision: str


@frozen
class PredictMasks:
    """Writes a palette mask, and if asked an overlay and probabilities, for every image; a classifier, one table."""

    catalogue: Catalogue
    runs: RunStore
    batcher: Batcher
    codec: ImageCodec
    finder: ImageFinder
    executor: Executor
    reporter: Reporter
    results: Results
    clock: Clock

    def __call__(self, settings: PredictSettings, *, listen: FileListener = nobody) -> PredictReport:
        """Images that cannot be read are told of at the end, when the others are done.

        Raises DataError for those and for missing inputs, or where something would be written over; CheckpointError,
        and backend errors.
        """
        began = self.clock.seconds()
        images = self.finder.find(settings.inputs)
        trained = load_trained(
            self.catalogue,
            self.runs,
            settings.run,
            backend=settings.backend,
            device=settings.device,
            precision=settings.precision,
        )
        spec = trained.model.spec
        classifies = spec.task is Task.CLASSIFICATION
        files = PredictionFiles(settings, images, spec.classes.names if spec.task.planes else ())
        unread: list[DataError] = []
        with closing(trained.session), _enough_memory(trained.backend, settings):
            if not classifies:
                files.require_free(self.results.has)
            predictor = Predictor(trained.session, spec, self.batcher, settings.tile, settings.overlap)
            with closing(self._read_all(images, spec.graph.channels, unread, listen)) as readable:
                (self._table if classifies else self._masks)(predictor, readable, files)
        if unread:
            raise _unreadable(unread, len(images), settings.out)
        return PredictReport(
            settings.out,
            tuple(images),
            () if classifies else tuple(mask for image in images for mask in files.masks(image)),
            tuple(map(files.overlay, images)) if settings.overlays and not classifies else (),
            settings.out / TABLE if classifies else None,
            settings.out / MASKS if files.planes else None,
            self.clock.seconds() - began,
            trained.model.device,
            trained.model.precision,
        )

    def arrays(
        self,
        run: Path | str,
        images: Iterable[Image],
        *,
        backend: Choice | str | None = None,
        device: str = "auto",
        precision: Precision | str = Precision.AUTO,
        probabilities: bool = False,
    ) -> Iterator[Prediction]:
        """Predictions for (H, W, C) uint8 arrays, one after another; nothing is read or written but the run itself.

        Images may differ in size; a grey one, (H, W, 1), does for a model of three channels. Raises DataError for
        other arrays, InvalidSpecError, CheckpointError and backend errors. The model is loaded when the first
        prediction is asked for.
        """
        asked = PredictSettings(run, (), backend=backend, device=device, precision=precision)
        trained = load_trained(
            self.catalogue,
            self.runs,
            asked.run,
            backend=asked.backend,
            device=asked.device,
            precision=asked.precision,
        )
        spec = trained.model.spec
        with closing(trained.session):
            predictor, channels = Predictor(trained.session, spec, self.batcher), spec.graph.channels
            for number, image in enumerate(images):
                yield predictor(_checked(image, number, channels), probabilities=probabilities)

    def _read_all(
        self, paths: Sequence[Path], channels: int, unread: list[DataError], listen: FileListener
    ) -> Generator[tuple[Path, Image], None, None]:
        """Small images are read ahead; a large one is read when the one before is done with. Notes the ``unread``."""

        def read(path: Path, largest: float = inf) -> Image | DataError | None:
            try:
                height, width = self.codec.size(path)
                return None if height * width > largest else self._read(path, channels)
            except DataError as error:
                return error

        ahead = partial(read, largest=_READ_AHEAD)
        with closing(self.executor.map(ahead, paths)) as images:
            for done, (path, image) in enumerate(zip(paths, images, strict=True), start=1):
                image = read(path) if image is None else image
                if isinstance(image, DataError):
                    unread.append(image)
                elif image is not None:
                    yield path, image
                image = None  # of large ones there is room for one
                listen(done, len(paths))

    def _table(self, predictor: Predictor, images: Iterable[tuple[Path, Image]], files: PredictionFiles) -> None:
        """Writes a classifier's table, if there is a row for it."""
        classes = predictor.spec.classes
        rows = (_row(path, predictor(image, probabilities=True), classes) for path, image in images)
        first = next(rows, None)
        if first is not None:
            self.results.save_table(files.settings.out / TABLE, chain([first], rows))

    def _masks(self, predictor: Predictor, images: Iterable[tuple[Path, Image]], files: PredictionFiles) -> None:
        """Writes what is predicted, image by image, and before the first which model that is of."""
        classes, noted = predictor.spec.classes, False
        for path, image in images:
            if not noted:
                self.results.save_values(files.note, {"run": str(files.settings.run), "classes": list(classes.names)})
                noted = True
            labels = self._labels(predictor, image, files.probabilities(path))
            if files.planes:
                self.codec.write_planes(files.masks(path), labels)
            else:
                self.codec.write_labels(files.mask(path), labels, classes)
            if files.settings.overlays:
                self.reporter.overlay(image, labels, classes, files.overlay(path))

    def _labels(self, predictor: Predictor, image: Image, probabilities: Path | None) -> Labels:
        """Of an image; its probabilities go to a file as they come, since all of them may be too many to be held."""
        if probabilities is None:
            return predictor(image).labels
        labels: list[Labels] = []

        def bands() -> Iterator[Probabilities]:
            for _, band in predictor.bands(image):
                labels.append(decide(band, predictor.spec.task))
                yield band

        self.results.save_probabilities(probabilities, bands(), predictor.shape(image))
        return np.concatenate(labels)

    def _read(self, path: Path, channels: int) -> Image:
        """An image of a file, which is turned to grey for a model of one channel."""
        return _with_channels(self.codec.read_image(path, 1 if channels == 1 else 3), channels, str(path))


def _checked(image: Image, number: int, channels: int) -> Image:
    """One of the caller's own arrays, as the model wants it."""
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or 0 in image.shape:
        raise DataError(
            f"images[{number}]: expected (H, W, C) uint8, found {image.shape} {image.dtype}.",
            fix="Values are 0 to 255: of floats from 0 to 1, (255 * image).round().astype('uint8'). "
            "A grey image has one channel: image[..., None].",
        )
    return _with_channels(image, channels, f"images[{number}]")


def _with_channels(image: Image, channels: int, where: str) -> Image:
    """Grey images are repeated for a model of colours. Raises DataError for what cannot be brought to ``channels``."""
    if image.shape[2] == channels:
        return image
    if image.shape[2] == 1:
        return image.repeat(channels, axis=2)
    raise DataError(
        f"{where} has {image.shape[2]} channels, and the model was trained on {channels}.",
        fix="Convert it, or train on images of this kind.",
    )


def _unreadable(errors: Sequence[DataError], images: int, out: Path) -> DataError:
    """What to say when all others are done: of a single image its own error."""
    if images == 1:
        return errors[0]
    done = f"the masks of the others are in {out}" if len(errors) < images else "nothing was predicted"
    return DataError(
        f"{len(errors)} of {images} images cannot be read; {done}.",
        problems=cut([error.message for error in errors]),
        fix=errors[0].fix,
    )


def _row(path: Path, prediction: Prediction, classes: ClassMap) -> dict[str, object]:
    """A classifier's row for one image: its file, its class, and the probability of each class."""
    assert prediction.probabilities is not None
    shares = zip(classes.names, prediction.probabilities.ravel().tolist(), strict=True)
    return {"image": str(path), "class": classes.names[prediction.labels.item()]} | {
        f"p({name})": round(share, 6) for name, share in shares
    }


def _enough_memory(backend: Backend, settings: PredictSettings) -> AbstractContextManager[None]:
    return enough_memory(
        backend,
        f"in prediction, with tiles of {settings.tile}x{settings.tile}",
        fix="Try a smaller --tile, or --precision bf16.",
    )
