"""The images a trained model is scored on."""

from __future__ import annotations

from pathlib import Path

from ..domain.errors import CheckpointError, DataError, InvalidSpecError
from ..domain.ports.dataset import SampleSource
from ..domain.ports.preparing import DatasetStore
from .loading import Trained


def scored_split(datasets: DatasetStore, trained: Trained, where: Path, data: Path | None, split: str) -> SampleSource:
    """A split of ``data``, or else of the data set that the model's run names.

    Raises InvalidSpecError when neither is known, CheckpointError when the data has other classes than the model, or
    they overlap in one alone, and DataError for an unknown or empty split, or where the run's own data set was made
    anew. ``where`` is the run or file the model came
    from, for messages.
    """
    recorded = trained.configuration.get("train", {}).get("data")
    if data is None and recorded is None:
        raise InvalidSpecError(f"{where} does not say which data set it belongs to.", fix="Name it with --data.")
    dataset = datasets.open(data or Path(str(recorded)))
    trained_on = trained.configuration.get("dataset", {}).get("fingerprint")
    if data is None and trained_on not in (None, dataset.info.fingerprint):
        raise DataError(
            f"The data set {recorded} is not the one that {where} was trained on: its fingerprint differs, so images "
            "that it learned from may be among those to be scored.",
            fix=f"Prepare it again as it was. To score it as it is, name it: --data {recorded}.",
        )
    task, names = trained.model.spec.task, trained.model.spec.classes.names
    if task.planes != dataset.info.task.planes:
        raise CheckpointError(
            f"{where} is of the task {task.value}, the data set {dataset.info.name} of {dataset.info.task.value}: "
            "in one classes may overlap, in the other not.",
            fix=f"Evaluate it on data prepared with --task {task.value}.",
        )
    if names != dataset.classes.names:
        raise CheckpointError(
            f"{where} was trained for the classes {', '.join(names)}; "
            f"the data set {dataset.info.name} has {', '.join(dataset.classes.names)}.",
            fix="Evaluate it on data prepared with the same classes.",
        )
    source = dataset.split(split)
    if not len(source):
        raise DataError(f"The split {split!r} holds no images.", fix="Prepare the data with such a split.")
    return source
