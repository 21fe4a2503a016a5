"""Plain constructors: services made from their parts, with nothing in between. Run it as python services.py FOLDER."""

import os
import sys
from pathlib import Path

import numpy as np

from segport.adapters.data.batches import ThreadBatcher
from segport.adapters.memory.dataset import SampleDataset
from segport.adapters.memory.sources import ArraySource
from segport.adapters.memory.store import MemoryDatasets, MemoryResults, NoPictures
from segport.adapters.network.fetcher import HttpFetcher
from segport.adapters.network.hub import hub_of
from segport.adapters.storage.runs import RunFolders
from segport.adapters.storage.settings import CattrsCodec
from segport.adapters.system.clock import SystemClock
from segport.application.evaluate import EvaluateModel
from segport.application.settings import EvaluateSettings, TrainSettings
from segport.application.training.train import TrainModel
from segport.plugins.manager import discover
from segport.plugins.registry import Registry


def main(folder: Path) -> float:
    """Trains on two halves of grey and evaluates; returns the accuracy. The run is a folder, the data are arrays."""
    image = np.zeros((4, 32, 32, 3), np.uint8)
    image[:, :, 16:] = 200
    halves = ArraySource(image, (image[..., 0] > 100).astype(np.uint8))
    datasets = MemoryDatasets([SampleDataset.of("halves", ["dark", "bright"], train=halves, val=halves, test=halves)])

    catalogue, runs, batcher, clock, reporter = (
        Registry(discover),
        RunFolders(),
        ThreadBatcher(),
        SystemClock(),
        NoPictures(),
    )
    train = TrainModel(
        catalogue=catalogue,
        datasets=datasets,
        runs=runs,
        hub=hub_of(os.environ, HttpFetcher()),
        batcher=batcher,
        clock=clock,
        codec=CattrsCodec(),
        reporter=reporter,
    )
    evaluate = EvaluateModel(catalogue, datasets, runs, batcher, reporter, MemoryResults(), clock)

    small = {"model": "unet:decoder_channels=[16,8]", "encoder": "plain:width=8,depth=3", "epochs": 6, "rate": 0.01}
    trained = train(TrainSettings("halves", run=folder / "run", **small))
    report = evaluate(EvaluateSettings(trained.run))
    return next(score.value for score in report.scores if score.name == "accuracy")


if __name__ == "__main__":
    print(f"accuracy {main(Path(sys.argv[1])):.2f}")
