"""From the command line, as a user does it: trained on shapes, evaluated, and refused by other backends."""

import json

import pytest

from segport.cli.main import main

SHAPES = "--num-images 24 --height 64 --width 64 --min-shape-px 16 --max-shape-px 32 --quiet"
MODEL = ["--model", "smp-unet:encoder_name=resnet18,encoder_depth=3,decoder_channels=[32,16,8]"]
TRAIN = "--size 64 --batch 4 --epochs 4 --rate 0.003 --precision fp32 --quiet"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("smp")
    assert main(["generate", "shapes", str(folder / "raw"), *SHAPES.split()]) == 0
    assert main(["prepare", str(folder / "raw"), str(folder / "data"), "--split", "0.5,0.25,0.25", "--quiet"]) == 0
    assert main(["train", str(folder / "data"), "--run", str(folder / "run"), *MODEL, *TRAIN.split()]) == 0
    return folder


def test_it_learns_and_is_evaluated(folder, capsys):
    capsys.readouterr()
    assert main(["evaluate", str(folder / "run"), "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"]["miou"] > 0.25


def test_it_predicts(folder):
    out = folder / "masks"
    assert main(["predict", str(folder / "run"), str(folder / "raw" / "images"), "--out", str(out), "--quiet"]) == 0
    assert len(list(out.glob("*.png"))) >= 24


def test_another_backend_says_what_runs_it(folder, capsys):
    assert main(["evaluate", str(folder / "run"), "--backend", "reference"]) == 2
    said = capsys.readouterr().err
    assert "smp-unet" in said
    assert "native to torch: the reference backend cannot run it" in said
    assert "--backend torch" in said


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--model", "smp-unet:encoder_nam=resnet18"], "encoder_name"),
        (["--model", "smp-unet:encoder_name=resnet1"], "resnet1"),
        ([*MODEL, "--encoder", "resnet34"], "brings an encoder of its own"),
        ([*MODEL, "--encoder-weights", "imagenet"], "encoder_weights = imagenet"),
    ],
)
def test_what_cannot_be_is_said_before_training(folder, capsys, flags, words):
    assert main(["train", str(folder / "data"), "--run", str(folder / "none"), *flags]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert not (folder / "none").exists()
