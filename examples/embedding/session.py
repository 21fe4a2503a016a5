"""The shortest way in: one session, one framework, keyword arguments. Run it as python session.py FOLDER."""

import sys
from pathlib import Path

import numpy as np

import segport
from segport import GenerateSettings
from segport.domain.events import EpochDone


def main(folder: Path) -> float:
    """Makes shapes, prepares them, trains, evaluates and predicts; returns the accuracy on the test split."""
    session = segport.open(backend="torch", device="cpu", precision="fp32")
    session.toolkit.generate(GenerateSettings(folder / "raw", num_images=16, height=64, width=64, max_shape_px=32))
    session.prepare(folder / "raw", folder / "data", split="0.5,0.25,0.25")

    small = {"model": "unet:decoder_channels=[16,8]", "encoder": "plain:width=8,depth=3", "size": (64, 64), "batch": 4}
    for event in session.events(folder / "data", run=folder / "run", epochs=2, rate=0.01, **small):
        if isinstance(event, EpochDone):
            print("epoch", event.epoch, "done")

    report = session.evaluate(folder / "run", panels=0)
    (found,) = session.predict(folder / "run", [np.zeros((50, 70, 3), np.uint8)])
    print("mask of", found.labels.shape)
    return next(score.value for score in report.scores if score.name == "accuracy")


if __name__ == "__main__":
    print(f"accuracy {main(Path(sys.argv[1])):.2f}")
