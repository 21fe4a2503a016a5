"""What every writer of models in a format must do."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

import numpy as np

from ...domain.architecture.weights import initialise
from ...domain.ports.backend import Backend, Precision
from ...domain.ports.exporting import Exporter, Usage
from ...domain.ports.model import Model
from ...domain.samples import Task
from . import expect
from .subject import SIZE, small_spec

_TOLERANCE = 1e-4


class ExporterSubject:
    """An exporter under check. It writes once, for all checks.

    Args:
        exporter: the writer.
        backend: makes the backend that it names; raises Lacking where that cannot be used.
    """

    def __init__(self, exporter: Exporter, backend: Callable[[], Backend]) -> None:
        self.exporter = exporter
        self._backend = backend
        folder = mkdtemp()
        finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = Path(folder) / f"model{exporter.suffix}"
        """Where it writes."""

    @cached_property
    def model(self) -> Model:
        """A small model of its backend."""
        spec, backend = small_spec(Task.MULTICLASS), self._backend()
        device = backend.devices()[-1].name
        return backend.build(spec, initialise(spec.graph, 0), device=device, precision=Precision.FP32)

    @cached_property
    def usage(self) -> Usage:
        """How to use the model, which is written first."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a framework says of its own format is not the exporter's doing
            self.exporter.write(self.model, self.path)
        return self.exporter.usage(self.model.spec, self.path)


def it_writes_where_it_was_asked_to(subject: ExporterSubject) -> None:
    """One file or folder under that name, and nothing beside it."""
    expect.that(bool(subject.usage.contents), "its usage does not say what the file takes and gives")
    found = sorted(path.name for path in subject.path.parent.iterdir())
    expect.that(found == [subject.path.name], f"it wrote {found}, expected {subject.path.name}")


def writing_changes_no_weight_of_the_model(subject: ExporterSubject) -> None:
    """The model can be trained on."""
    expect.that(bool(subject.usage.load), "its usage does not say how to load what was written")
    wanted = initialise(subject.model.spec.graph, 0)
    expect.same_weights("weights after exporting", subject.model.weights(), wanted)


def the_lines_of_its_usage_load_what_was_written(subject: ExporterSubject) -> None:
    """They run; of a whole model, they give its logits, whatever the order of their axes."""
    spec = subject.model.spec
    images = np.random.default_rng(0).integers(0, 256, (2, *SIZE, spec.graph.channels)).astype(np.uint8)
    names: dict[str, Any] = {"images": images}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(subject.usage.load, names)
    if "logits" not in names:
        return
    wanted = subject.model.logits(images)
    for output, right in zip([names["logits"], *names.get("others", [])], wanted, strict=True):
        found = np.asarray(output.detach() if hasattr(output, "detach") else output)
        found = found if found.shape == right.shape else np.moveaxis(found, 1, -1)
        expect.close("logits of what was loaded", found, right, _TOLERANCE)


CHECKS = (
    it_writes_where_it_was_asked_to,
    writing_changes_no_weight_of_the_model,
    the_lines_of_its_usage_load_what_was_written,
)
