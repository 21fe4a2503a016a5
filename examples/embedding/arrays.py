"""A toolkit without any file: arrays in, a run kept in memory, arrays out. Run it as python arrays.py."""

from pathlib import Path
from threading import Event, Timer

import numpy as np
from numpy.typing import NDArray

from segport import ArraySource, EvaluateSettings, SampleDataset, Settings, Toolkit, TrainSettings, in_memory
from segport.domain.errors import RunInterruptedError
from segport.domain.samples import Sample


class Discs:
    """A SampleSource of one's own: any object with a length and samples. Several threads ask it at once."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int, /) -> Sample:
        return Sample(f"disc-{index}", *disc(index))


def disc(number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A bright disc on dark ground, and where it is."""
    rng = np.random.default_rng(number)
    row, column = np.mgrid[:32, :32]
    inside = np.hypot(row - rng.integers(10, 22), column - rng.integers(10, 22)) < 8
    image = rng.integers(0, 80, (32, 32, 3)) + 150 * inside[..., None]
    return image.astype(np.uint8), inside.astype(np.uint8)


def main() -> float:
    """Trains, may be stopped by another thread and goes on, evaluates, predicts; returns the accuracy on new discs."""
    images, labels = zip(*map(disc, range(100, 104)), strict=True)
    held_out = ArraySource(images, labels)
    discs = SampleDataset.of("discs", ["ground", "disc"], train=Discs(), val=held_out, test=held_out)
    toolkit = Toolkit(Settings(disabled_plugins=("tensorflow",)), **in_memory(discs))

    run, button = Path("first"), Event()
    Timer(0.3, button.set).start()
    settings = TrainSettings(
        "discs",
        run=run,
        model="unet:decoder_channels=[16,8]",
        encoder="plain:width=8,depth=3",
        epochs=10,
        rate=0.01,
        track=(),  # the log is a file
        cache=False,  # a file, too
    )
    try:
        toolkit.train(settings, stop=button.is_set)
    except RunInterruptedError as error:
        print(error.message)
        toolkit.train.resume(run)

    report = toolkit.evaluate(EvaluateSettings(run))
    (found,) = toolkit.predict.arrays(run, images[:1], probabilities=True)
    assert found.probabilities is not None
    print("mask of", found.labels.shape, "and probabilities of", found.probabilities.shape)
    return next(score.value for score in report.scores if score.name == "accuracy")


if __name__ == "__main__":
    print(f"accuracy {main():.2f}")
