"""What the command line says of names, options and files that cannot be: all at once, before anything is made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def refused(cli, tmp_path: Path, prepared: Path):
    """Trains with the flags, requires the refusal and its words, and that no run was made."""

    def run(code: int, flags: list[object], *words: str) -> str:
        said = cli("train", prepared, "--run", tmp_path / "run", *flags)
        said.failed(code, *words)
        assert not (tmp_path / "run").exists()
        return said.err

    return run


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--model", "unett"], ["architecture 'unett'", "Did you mean 'unet' or 'unet++'"]),
        (["--encoder", "resnet19"], ["encoder 'resnet19'", "'resnet18'", "Known:"]),
        (["--loss", "focall"], ["loss 'focall'", "Did you mean 'focal'?", "cross-entropy"]),
        (["--loss", "focal:gama=2"], ["option of loss 'focal': 'gama'", "Did you mean 'gamma'?"]),
        (["--model", "unet:decoder_chanels=[8]"], ["option of architecture 'unet'", "'decoder_channels'"]),
        (["--encoder", "plain:widht=8"], ["option of encoder 'plain'", "'width'"]),
        (["--augment", "standrad"], ["augmentation 'standrad'", "'standard'"]),
        (["--augment", "light:rotat=3"], ["option of augmentation 'light'", "'rotate'"]),
        (["--optimizer", "adamm"], ["optimizer 'adamm'", "'adamw'"]),
        (["--optimizer", "sgd:momentun=0.9"], ["option of optimizer 'sgd'", "'momentum'"]),
        (["--schedule", "cosin"], ["schedule 'cosin'", "'cosine'"]),
        (["--monitor", "mious"], ["mious", "miou"]),
        (
            ["--monitor", "loss", "--schedule", "plateau:mode=max"],
            ["monitored loss, 'min' is better", "Leave mode out"],
        ),
        (["--fit", "letterbox", "--size", "50", "--encoder", "plain:width=8,depth=3"], ["50x50", "multiples of"]),
        (["--epochs", "many"], ["epochs = 'many'", "whole number"]),
        (["--epochs", "0"], ["epochs"]),
        (["--rate", "-1"], ["rate"]),
        (["--rate", "nan"], ["rate"]),
        (["--size", "1x2x3"], ["size = '1x2x3'"]),
        (["--fit", "squeeze"], ["fit = 'squeeze'", "letterbox"]),
        (["--precision", "fp8"], ["precision = 'fp8'", "bf16"]),
        (["--class-weights", "medium"], ["class_weights = 'medium'", "median"]),
        (["--loss", "focal:2"], ["'focal:2'", "name:option=value"]),
        (["--encoder", "plain:width=0"], ["width"]),
        (["--encoder", "resnet18:output_stride=12"], ["output_stride must be one of 8, 16, 32, not 12"]),
        (["--model", "deeplabv3", "--batch", "1"], ["batch = 1: deeplabv3 on", "single pixel", "2 or more"]),
        (["--batch", "4", "--accumulate", "3"], ["accumulate = 3", "8 training images make 2 batch", "2 at most"]),
        (["--loss", "cross-entropy:class_weights=[1,2]"], ["class_weights has 2 values", "4 classes"]),
        (["--output-weights", "0"], ["output_weights = 0.0", "at least 0"]),
        (["--model", "unet++:output=7"], ["output = 7, and there are"]),
        (["--encoder", "plain:width=wide"], ["width"]),
        (["--device", "warp9"], ["warp9"]),
        (["--backend", "torch:compil=true"], ["option of backend 'torch'", "'compil'", "Did you mean 'compile'?"]),
        (["--backend", "torch:compile=perhaps"], ["compile", "true or false", "'perhaps'"]),
    ],
)
def test_wrong_names_and_values(refused, flags: list[object], words: list[str]) -> None:
    refused(2, flags, *words)


def test_an_unknown_backend(refused) -> None:
    refused(2, ["--backend", "torhc"], "backend 'torhc'", "Did you mean 'torch'")


@pytest.mark.parametrize("name", ["tf", "tensorflow"])
def test_a_backend_that_is_not_installed_says_how_to(refused, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segport.plugins.entries.find_spec", lambda module: None if module == "tensorflow" else 1)
    refused(4, ["--backend", name], "backend 'tensorflow'", "not installed", "pip install 'segport[tf")


def test_wrong_names_everywhere_come_together(refused) -> None:
    flags = ["--model", "unett", "--loss", "focall", "--optimizer", "adamm", "--backend", "torhc", "--monitor", "x"]
    refused(2, flags, "5 settings", "'unett'", "'focall'", "'adamm'", "'torhc'", "'x'")


def test_an_unknown_flag(refused) -> None:
    refused(2, ["--epoch", "3"], "--epoch", "segport train --help")


def test_an_unknown_reader(cli, tmp_path: Path, source: Path) -> None:
    said = cli("prepare", source, tmp_path / "out", "--reader", "folder")
    said.failed(2, "reader 'folder'", "Did you mean 'folders'", "dsb2018")
    assert os.listdir(tmp_path) == ["source"]


def test_a_file_with_three_errors_shows_all_three(refused, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('epochs = "many"\nlos = "dice"\nrate = -0.1\n', encoding="utf-8")
    refused(
        2,
        ["--config", config],
        "c.toml",
        "3 settings",
        "epochs = 'many': expected a whole number",
        "los: unknown; did you mean loss?",
        "rate = -0.1",
    )


def test_a_file_that_is_not_toml(refused, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("epochs = 3\nloss = dice\n", encoding="utf-8")
    refused(2, ["--config", config], "c.toml is not valid TOML", "line 2", "quotes")


def test_a_file_that_is_not_there(refused, tmp_path: Path) -> None:
    refused(2, ["--config", tmp_path / "none.toml"], "none.toml does not exist")


def test_a_flag_wins_over_the_file(cli, tmp_path: Path, prepared: Path, tiny) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[train]\nepochs = 7\nseed = 5\n", encoding="utf-8")
    run = tmp_path / "run"
    said = cli("train", prepared, "--run", run, *tiny, "--epochs", "1", "--config", config, "--json")
    assert said.code == 0, said.err
    assert said.object["epochs"] == 1
    recorded = (run / "run.toml").read_text(encoding="utf-8")
    assert "epochs = 1\n" in recorded
    assert "seed = 5\n" in recorded


def test_the_configuration_of_a_run_makes_the_run_again(cli, tmp_path: Path, trained: Path) -> None:
    said = cli("train", "--config", trained / "run.toml", "--run", tmp_path / "again", "--quiet")
    assert said.code == 0, said.err
    for name in ("metrics.csv", "checkpoints/last.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (trained / name).read_bytes(), name


@pytest.mark.parametrize("command", ["prepare", "train", "evaluate", "predict", "score", "inspect"])
def test_what_is_missing_is_named(cli, command: str) -> None:
    said = cli(command)
    said.failed(2, "missing")


def test_resume_goes_with_nothing_else(cli, trained: Path) -> None:
    cli("train", "--resume", trained, "--epochs", "9").failed(2, "--resume", "epochs")


def test_debug_shows_the_traceback(cli, tmp_path: Path) -> None:
    said = cli("inspect", tmp_path / "none", "--debug")
    assert said.code == 3
    assert "Traceback" in said.err
    assert "DataError" in said.err


def test_a_disabled_plugins_backend_is_unknown(
    cli, tmp_path: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGPORT_DISABLE_PLUGINS", "torch")
    said = cli("train", prepared, "--run", tmp_path / "run")
    said.failed(2, "backend 'torch'")
    assert not (tmp_path / "run").exists()


def test_generate_refuses_before_it_writes(cli, tmp_path: Path) -> None:
    out = tmp_path / "raw"
    cli("generate", "shapes", out, "--num-images", "0").failed(2, "num_images")
    cli("generate", "shapes", out, "--shapes", "elipse,star").failed(2, "'elipse'", "'ellipse'")
    cli("generate", "shapes", out, "--min-shape-px", "50", "--max-shape-px", "20").failed(2, "50", "20")
    assert not out.exists()


def test_a_seed_below_zero(cli, shapes: Path, tmp_path: Path) -> None:
    cli("prepare", shapes, tmp_path / "out", "--seed", "-1").failed(2, "seed = ", "-1")
    cli("generate", "shapes", tmp_path / "out", "--seed", "-1").failed(2, "seed = ", "-1")
    assert not (tmp_path / "out").exists()
