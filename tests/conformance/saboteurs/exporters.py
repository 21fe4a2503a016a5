"""Exporters broken on purpose."""

from __future__ import annotations

import numpy as np

from segport.adapters.reference.backend import ReferenceBackend
from segport.domain.ports.exporting import Usage
from segport.plugins.conformance import exporter_checks as exporter
from segport.tests.conformance.saboteurs.kind import Saboteurs


class Saved:
    """An exporter of NumPy's weights."""

    backend = "reference"
    suffix = ".npz"

    def write(self, model, path):
        np.savez(path, **model.weights())

    def usage(self, spec, path):
        return Usage("weights", f"import numpy as np\nwith np.load({str(path)!r}) as file:\n    weights = dict(file)")


class WritesElsewhere(Saved):
    def write(self, model, path):
        super().write(model, path.with_name("mine.npz"))


class EmptiesTheModel(Saved):
    def write(self, model, path):
        super().write(model, path)
        model.load({name: np.zeros_like(array) for name, array in model.weights().items()})


class ShowsAnotherFile(Saved):
    def usage(self, spec, path):
        return super().usage(spec, path.with_name("other.npz"))


class WritesZeros(Saved):
    def usage(self, spec, path):
        lines = "import numpy as np\nlogits, *others = [np.zeros((2, 24, 32, 4), np.float32)] * 2"
        return Usage("a model", lines)


CAUGHT_BY: dict[type, str] = {
    WritesElsewhere: "it_writes_where_it_was_asked_to",
    EmptiesTheModel: "writing_changes_no_weight_of_the_model",
    ShowsAnotherFile: "the_lines_of_its_usage_load_what_was_written",
    WritesZeros: "the_lines_of_its_usage_load_what_was_written",
}
EXPORTERS = Saboteurs(
    CAUGHT_BY, exporter.CHECKS, lambda part: exporter.ExporterSubject(part(), ReferenceBackend), Saved
)
