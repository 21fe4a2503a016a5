"""The service that runs one trained model on several backends, over the same images, and says how they differ."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
from attrs import define, field, frozen

from ..domain.arrays import Counts, Logits
from ..domain.choices import Choice
from ..domain.errors import BackendUnavailableError, InvalidSpecError, PluginError
from ..domain.metrics.aggregation import evaluate
from ..domain.metrics.differences import Difference
from ..domain.metrics.overlap import MeanIoU
from ..domain.ports.catalogue import Catalogue
from ..domain.ports.checkpoints import RunStore
from ..domain.ports.clock import Clock
from ..domain.ports.dataset import Batcher, SampleSource, ViewingPlan
from ..domain.ports.preparing import DatasetStore
from ..domain.samples import Batch, Sample
from .listening import FileListener, nobody
from .loading import Trained, load_trained
from .scored_split import scored_split
from .settings import CompareBackendsSettings


@frozen
class BackendRow:
    """What one backend made of the images, beside what the first one did.

    Attributes:
        backend: as it was asked for.
        difference: of its logits and decisions to the first backend's; nothing differs in the first one's own row.
        miou: of the counts its evaluation session gave, at the size the model sees.
        differing_matrices: images whose confusion matrix is not the first backend's.
        images_per_second: of predicting and counting, after a batch of warm-up; reading the images is left out.
    """

    backend: str
    device: str
    precision: str
    difference: Difference
    miou: float
    differing_matrices: int
    images_per_second: float


@frozen
class LeftOut:
    """A backend that could not take part, why, and what would mend it."""

    backend: str
    reason: str
    fix: str


@frozen
class BackendComparison:
    """One row a backend, in the order asked for."""

    run: Path
    split: str
    images: int
    rows: tuple[BackendRow, ...]
    left_out: tuple[LeftOut, ...]


@frozen
class CompareBackends:
    """Compares backends on a run or checkpoint. The first is what the others are held against."""

    catalogue: Catalogue
    datasets: DatasetStore
    runs: RunStore
    batcher: Batcher
    clock: Clock

    def __call__(self, settings: CompareBackendsSettings, *, listen: FileListener = nobody) -> BackendComparison:
        """Raises BackendUnavailableError when fewer than two can take part, and what evaluating raises."""
        with ExitStack() as opened:
            contestants, left_out = self._contestants(settings, opened)
            _expect_two(contestants, left_out)
            trained = contestants[0].trained
            split = scored_split(self.datasets, trained, settings.run, settings.data, settings.split)
            source = _First(split, settings.images)
            spec = trained.model.spec
            plan = ViewingPlan(spec.fit, spec.size, spec.graph.stride, settings.batch)
            done = 0
            for batch in self.batcher.viewing(source, plan).batches(0):
                if not done:
                    for contestant in contestants:  # what a framework does once is not what it takes for an image
                        contestant.count(batch)
                self._compare(contestants, batch)
                done += len(batch)
                listen(done, len(source))
        rows = tuple(contestant.row(contestants[0].counts) for contestant in contestants)
        return BackendComparison(settings.run, settings.split, done, rows, left_out)

    def _contestants(
        self, settings: CompareBackendsSettings, opened: ExitStack
    ) -> tuple[list[_Contestant], tuple[LeftOut, ...]]:
        found, left_out = [], []
        for choice in settings.backends or map(Choice.of, self.catalogue.names("backend")):
            try:
                trained = load_trained(
                    self.catalogue,
                    self.runs,
                    settings.run,
                    backend=choice,
                    device=settings.device,
                    precision=settings.precision,
                )
            except (BackendUnavailableError, PluginError, InvalidSpecError) as error:
                left_out.append(LeftOut(str(choice), error.message, error.fix))
            else:
                opened.enter_context(closing(trained.session))
                found.append(_Contestant(str(choice), trained))
        return found, tuple(left_out)

    def _compare(self, contestants: Sequence[_Contestant], batch: Batch) -> None:
        """Batch by batch, so that a busy moment of the machine hits all alike and no logits need be kept."""
        first = contestants[0].logits(batch)
        for contestant in contestants:
            found = first if contestant is contestants[0] else contestant.logits(batch)
            differences = (Difference.of(*pair, planes=contestant.planes) for pair in zip(first, found, strict=True))
            contestant.difference = sum(differences, contestant.difference)
            began = self.clock.seconds()
            contestant.counts += contestant.count(batch)
            contestant.seconds += self.clock.seconds() - began


@define(eq=False)
class _Contestant:
    """A model on one backend, and what has been seen of it so far."""

    name: str
    trained: Trained
    difference: Difference = Difference()
    counts: list[Counts] = field(factory=list)
    seconds: float = 0.0

    @property
    def planes(self) -> bool:
        """Whether each of its classes is decided by itself."""
        return self.trained.model.spec.task.planes

    def logits(self, batch: Batch) -> list[Logits]:
        """(H, W, K) of each image, without what it was padded with."""
        main = self.trained.model.logits(batch.images)[0]
        return [values[frame.canvas_window] for values, frame in zip(main, batch.frames, strict=True)]

    def count(self, batch: Batch) -> list[Counts]:
        """One matrix an image, by the session that evaluates."""
        session = self.trained.session
        for fed in session.feed([batch]):
            session.tally(fed)
        return session.drain().counts

    def row(self, first: Sequence[Counts]) -> BackendRow:
        """The result, ``first`` being the first backend's counts."""
        return BackendRow(
            backend=self.name,
            device=self.trained.model.device,
            precision=self.trained.model.precision,
            difference=self.difference,
            miou=evaluate(MeanIoU(), self.counts).value,
            differing_matrices=sum(not np.array_equal(a, b) for a, b in zip(first, self.counts, strict=True)),
            images_per_second=len(self.counts) / self.seconds if self.seconds else float("nan"),
        )


@frozen
class _First:
    """The first ``count`` samples of a source."""

    source: SampleSource
    count: int

    def __len__(self) -> int:
        return min(self.count, len(self.source))

    def __getitem__(self, index: int, /) -> Sample:
        return self.source[index]


def _expect_two(contestants: Sequence[_Contestant], left_out: Sequence[LeftOut]) -> None:
    if len(contestants) >= 2:
        return
    usable = contestants[0].name if contestants else "none"
    raise BackendUnavailableError(
        f"Comparing needs two backends; usable here: {usable}.",
        problems=[f"{other.backend}: {other.reason} {other.fix}".strip() for other in left_out],
        fix="Fix one of these, or name others." if left_out else "Name two or more with --backends.",
    )
