"""The service that exports: a trained model in a format that others read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from attrs import frozen

from ..domain.errors import CheckpointError, InvalidSpecError
from ..domain.ports.backend import Precision
from ..domain.ports.catalogue import Catalogue
from ..domain.ports.checkpoints import RunStore
from ..domain.ports.exporting import Exporter
from .settings import ExportSettings

FOLDER = "exports"


@frozen
class ExportReport:
    """What was written: its size in bytes, what it takes and gives, and Python that loads it."""

    out: Path
    size: int
    contents: str
    load: str


@frozen
class ExportModel:
    """Writes a run's best checkpoint, or any other, through the framework that knows the format.

    Attributes:
        atomically: gives a temporary path, and renames what was written there to the path it was given.
    """

    catalogue: Catalogue
    runs: RunStore
    atomically: Callable[[Path], AbstractContextManager[Path]]

    def __call__(self, settings: ExportSettings) -> ExportReport:
        """Raises CheckpointError, InvalidSpecError for a target that cannot be, UnknownNameError and backend errors."""
        exporter = self.catalogue.exporter(settings.to.name, settings.to.options)
        out = self._target(settings, exporter)
        checkpoint = self.runs.load_checkpoint(settings.run)
        backend = self.catalogue.backend(exporter.backend)
        model = backend.build(checkpoint.spec, checkpoint.weights, device="cpu", precision=Precision.FP32)
        try:
            with self.atomically(out) as temporary:
                exporter.write(model, temporary)
        except OSError as error:
            raise CheckpointError(
                f"{out} cannot be written: {error.strerror or error}.",
                fix="Nothing was left behind. Check space and permissions, or choose another place with --out.",
            ) from error
        usage = exporter.usage(checkpoint.spec, out)
        return ExportReport(out, _size(out), usage.contents, usage.load)

    def _target(self, settings: ExportSettings, exporter: Exporter) -> Path:
        name, suffix = settings.to.name, exporter.suffix
        home = self.runs.home(settings.run) or settings.run.parent
        out = settings.out or home / FOLDER / f"{name}{suffix}"
        if suffix and out.suffix != suffix:
            raise InvalidSpecError(
                f"out = {str(out)!r}: files of the format {name!r} end in {suffix}.",
                fix=f"Write it as {out.with_name(out.name + suffix) if not out.suffix else out.with_suffix(suffix)}.",
            )
        if out.exists():
            raise InvalidSpecError(f"{out} already exists.", fix="Delete it, or choose another place with --out.")
        return out


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
