"""The service that predicts: images in, masks out, in files or in arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from attrs import frozen

from ..domain.arrays import Image
from ..domain.choices import Choice
from ..domain.errors import DataError
from ..domain.ports.backend import Precision
from ..domain.ports.catalogue import Catalogue
from ..domain.ports.checkpoints import RunStore
from ..domain.ports.clock import Clock
from ..domain.ports.dataset import Batcher, Executor
from ..domain.ports.images import ImageCodec, ImageFinder
from ..domain.ports.reporting import Reporter
from ..domain.ports.results import Results
from .listening import Listener, nobody
from .loading import load_trained
from .predictor import Prediction, Predictor
from .settings import PredictSettings


@frozen
class PredictReport:
    """What was written: one mask for each image, in order."""

    out: Path
    images: tuple[Path, ...]
    masks: tuple[Path, ...]
    overlays: tuple[Path, ...]
    seconds: float
    device: str
    precision: str


@frozen
class PredictMasks:
    """Writes a palette mask, and if asked an overlay and probabilities, for every image."""

    catalogue: Catalogue
    runs: RunStore
    batcher: Batcher
    codec: ImageCodec
    finder: ImageFinder
    executor: Executor
    reporter: Reporter
    results: Results
    clock: Clock

    def __call__(self, settings: PredictSettings, *, listen: Listener = nobody) -> PredictReport:
        """Raises DataError for missing inputs or two that would write one mask, CheckpointError, and backend errors."""
        began = self.clock.seconds()
        images = self.finder.find(settings.inputs)
        masks = _targets(images, settings.out)
        trained = load_trained(
            self.catalogue,
            self.runs,
            settings.run,
            backend=settings.backend,
            device=settings.device,
            precision=settings.precision,
        )
        spec = trained.model.spec
        overlays = []
        with closing(trained.session):
            predictor = Predictor(trained.session, spec, self.batcher, settings.tile, settings.overlap)
            read = self.executor.map(lambda path: self._read(path, spec.graph.channels), images)
            for done, (image, path) in enumerate(zip(read, masks, strict=True), start=1):
                prediction = predictor(image, probabilities=settings.probabilities)
                self.codec.write_labels(path, prediction.labels, spec.classes)
                if settings.overlays:
                    overlays.append(path.with_name(f"{path.stem}_overlay.png"))
                    self.reporter.overlay(image, prediction.labels, spec.classes, overlays[-1])
                if prediction.probabilities is not None:
                    self.results.save_probabilities(path.with_suffix(".npy"), prediction.probabilities)
                listen(done, len(images))
        return PredictReport(
            settings.out,
            tuple(images),
            tuple(masks),
            tuple(overlays),
            self.clock.seconds() - began,
            trained.model.device,
            trained.model.precision,
        )

    def arrays(
        self,
        run: Path,
        images: Sequence[Image],
        *,
        backend: Choice | str | None = None,
        device: str = "auto",
        precision: Precision = Precision.AUTO,
        probabilities: bool = False,
    ) -> Iterator[Prediction]:
        """Predictions for (H, W, C) uint8 arrays, one after another; nothing is read or written but the run itself."""
        trained = load_trained(self.catalogue, self.runs, run, backend=backend, device=device, precision=precision)
        with closing(trained.session):
            predictor = Predictor(trained.session, trained.model.spec, self.batcher)
            for image in images:
                yield predictor(image, probabilities=probabilities)

    def _read(self, path: Path, channels: int) -> Image:
        image = self.codec.read_image(path)
        if image.shape[2] == channels:
            return image
        if channels == 3:
            return image.repeat(3, axis=2)
        raise DataError(
            f"{path} has {image.shape[2]} channels, and the model was trained on {channels}.",
            fix="Convert it, or train on images of this kind.",
        )


def _targets(images: Sequence[Path], out: Path) -> list[Path]:
    """One mask path an image; raises DataError when two images share a stem."""
    targets: dict[Path, Path] = {}
    clashes = []
    for image in images:
        target = out / f"{image.stem}.png"
        if target in targets:
            clashes.append(f"{targets[target]} and {image}")
        targets[target] = image
    if clashes:
        raise DataError(
            "Two inputs would write the same mask.", problems=clashes, fix="Predict them into different folders."
        )
    return list(targets)
