"""The service that predicts: images in, masks out, in files or in arrays."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path

import numpy as np
from attrs import frozen

from ..domain.arrays import Image, Labels, Probabilities
from ..domain.choices import Choice
from ..domain.classes import ClassMap
from ..domain.errors import DataError
from ..domain.file_names import require_folder_names
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
from .predictor import Prediction, Predictor
from .settings import PredictSettings

TABLE = "predictions.csv"
"""What a classifier writes: image, class, and the probability of each class."""
MASKS = "masks"
"""Where a multilabel model writes: a folder for each class."""
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
        """Raises DataError for missing inputs or two that would write one mask, CheckpointError, and backend errors."""
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
        classes, classifies = trained.model.spec.classes, trained.model.spec.task is Task.CLASSIFICATION
        table = settings.out / TABLE if classifies else None
        overlays: list[Path] = []
        with closing(trained.session), _enough_memory(trained.backend, settings):
            planes = classes.names if trained.model.spec.task.planes else ()
            targets = [] if classifies else _targets(images, settings, planes)
            predictor = Predictor(trained.session, trained.model.spec, self.batcher, settings.tile, settings.overlap)
            with closing(self._read_all(images, trained.model.spec.graph.channels, listen)) as read:
                if table is not None:
                    rows = (_row(path, predictor(image, probabilities=True), classes) for path, image in read)
                    self.results.save_table(table, rows)
                else:
                    overlays = self._masks(predictor, read, targets, settings)
        return PredictReport(
            settings.out,
            tuple(images),
            tuple(mask for target in targets for mask in (_of_planes(target, planes) if planes else [target])),
            tuple(overlays),
            table,
            settings.out / MASKS if planes else None,
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
        self, paths: Sequence[Path], channels: int, listen: FileListener
    ) -> Generator[tuple[Path, Image], None, None]:
        """Small images are read ahead; a large one is read when the one before is done with."""

        def ahead(path: Path) -> Image | None:
            height, width = self.codec.size(path)
            return None if height * width > _READ_AHEAD else self._read(path, channels)

        with closing(self.executor.map(ahead, paths)) as images:
            for done, (path, image) in enumerate(zip(paths, images, strict=True), start=1):
                yield path, self._read(path, channels) if image is None else image
                listen(done, len(paths))

    def _masks(
        self,
        predictor: Predictor,
        images: Iterator[tuple[Path, Image]],
        targets: Sequence[Path],
        settings: PredictSettings,
    ) -> list[Path]:
        """Writes what is predicted beside one another; gives the overlays' paths."""
        classes, drawn = predictor.spec.classes, []
        for (_, image), path in zip(images, targets, strict=True):
            labels = self._labels(predictor, image, path.with_suffix(".npy") if settings.probabilities else None)
            if labels.ndim == 3:
                self.codec.write_planes(_of_planes(path, classes.names), labels)
            else:
                self.codec.write_labels(path, labels, classes)
            if settings.overlays:
                drawn.append(_overlay(path))
                self.reporter.overlay(image, labels, classes, drawn[-1])
        return drawn

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


def _of_planes(target: Path, names: Sequence[str]) -> list[Path]:
    """Where the planes go of what would be one mask elsewhere."""
    return [target.parent / MASKS / name / target.name for name in names]


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


def _targets(images: Sequence[Path], settings: PredictSettings, planes: Sequence[str]) -> list[Path]:
    """One mask path an image. Raises DataError where a file would be written twice, or over one of the images."""
    require_folder_names(planes)
    targets = [settings.out / f"{image.stem}.png" for image in images]
    inputs = {image.resolve() for image in images}
    writers: dict[Path, Path] = {}
    problems = []
    for image, target in zip(images, targets, strict=True):
        for path in _written(target, settings, planes):
            if path.resolve() in inputs:
                problems.append(f"{path} is one of the images, and would be written over")
            elif path in writers:
                problems.append(f"{path}: of {writers[path]} and of {image}")
            writers[path] = image
    if problems:
        raise DataError(
            "What would be written is in the way of something.",
            problems=cut(problems),
            fix="Choose another folder with --out; predict images of the same name into different ones.",
        )
    return targets


def _written(target: Path, settings: PredictSettings, planes: Sequence[str]) -> list[Path]:
    """All files of an image whose only mask would be ``target``."""
    masks = _of_planes(target, planes) if planes else [target]
    overlay = [_overlay(target)] if settings.overlays else []
    return [*masks, *overlay, *([target.with_suffix(".npy")] if settings.probabilities else [])]


def _overlay(target: Path) -> Path:
    return target.with_name(f"{target.stem}_overlay.png")
