"""A pretrained encoder: published, or a file of whatever kind; all of it or nothing."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from segport.application.settings import TrainSettings
from segport.bootstrap import Toolkit
from segport.domain.architecture.encoders.mit import MiTB0
from segport.domain.architecture.encoders.resnet import ResNet18
from segport.domain.architecture.segformer import SegFormer
from segport.domain.architecture.unet import UNet
from segport.domain.architecture.weights import initialise
from segport.domain.errors import InvalidSpecError

STILL = ("--size", "32", "--epochs", "1", "--rate", "1e-12", "--batch", "8", "--workers", "1")


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as torchvision publishes them, of a ResNet-18."""
    graph = UNet().graph(channels=3, outputs=1, encoder=ResNet18())
    encoder = {n.removeprefix("encoder."): w for n, w in initialise(graph, 99).items() if n.startswith("encoder.")}
    path = tmp_path_factory.mktemp("hub") / "weights" / "timm" / "resnet18.tv_in1k" / "model.safetensors"
    path.parent.mkdir(parents=True)
    save_file({**encoder, "fc.weight": np.ones((1000, 512), np.float32), "fc.bias": np.ones(1000, np.float32)}, path)
    return path


def test_the_published_encoder_is_taken_and_its_normalisation(cli, prepared, tmp_path, resnet, monkeypatch) -> None:
    monkeypatch.setenv("SEGPORT_CACHE", str(resnet.parents[3]))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    run = tmp_path / "run"
    model = ("--model", "unet:decoder_channels=[8,8,8,8]", "--encoder-weights", "imagenet")
    said = cli("train", prepared, "--run", run, *model, *STILL, "--json")
    assert said.code == 0, said.err
    found = said.object["transferred"]
    assert found["source"] == "timm/resnet18.tv_in1k"
    assert sorted(found["left_over"]) == ["fc.bias", "fc.weight"]
    assert not any(name.startswith("encoder.") for name in found["reinitialised"])
    assert "normalisation = imagenet: what published encoders were trained with" in said.err
    assert "from the cache, or fetched now" in said.err
    configuration = tomllib.loads((run / "run.toml").read_text(encoding="utf-8"))
    assert configuration["train"]["encoder_weights"] == "imagenet"
    assert configuration["reasons"]["normalisation"] == "what published encoders were trained with"
    weights, source = load_file(run / "checkpoints" / "best.safetensors"), load_file(resnet)
    np.testing.assert_allclose(weights["encoder.layer4.1.conv2.weight"], source["layer4.1.conv2.weight"], atol=1e-9)
    spec = Toolkit().train.runs.load_checkpoint(run).spec
    assert spec.normalisation.mean == (0.485, 0.456, 0.406)


def test_what_follows_from_it_begins_with_its_normalisation(prepared, trained, tmp_path, resnet, monkeypatch) -> None:
    monkeypatch.setenv("SEGPORT_CACHE", str(resnet.parents[3]))
    plan = Toolkit().train.plan
    first = plan(TrainSettings(prepared, encoder_weights=str(resnet)))
    assert first.settings.normalisation == "imagenet"
    own = plan(TrainSettings(prepared, encoder_weights=str(trained)))
    assert own.settings.normalisation == "dataset"
    assert str(own.settings.encoder) == "plain:depth=3,width=8"
    assert own.reasons["encoder"] == f"that of {trained}"


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_an_encoder_alone_of_a_file(cli, prepared, trained, tmp_path, tiny, suffix: str) -> None:
    tensors = load_file(trained / "checkpoints" / "best.safetensors")
    path = tmp_path / f"w{suffix}"
    if suffix == ".pth":
        torch = pytest.importorskip("torch", exc_type=ModuleNotFoundError)
        torch.save({name: torch.from_numpy(array) for name, array in tensors.items()}, path)
    else:
        save_file(tensors, path)
    flags = (*tiny, "--epochs", "1", "--rate", "1e-12", "--normalisation", "dataset", "--encoder-weights", path)
    said = cli("train", prepared, "--run", tmp_path / "run", *flags, "--json")
    assert said.code == 0, said.err
    found = said.object["transferred"]
    assert all(name.startswith("encoder.") for name in found["matched"])
    assert "head.weight" in found["reinitialised"]
    new = load_file(tmp_path / "run" / "checkpoints" / "best.safetensors")
    kernels = [name for name in found["matched"] if new[name].ndim == 4]
    assert all(np.allclose(new[name], tensors[name], atol=1e-9) for name in kernels)


def test_weights_that_cannot_be_are_refused_before_anything_is_made(cli, prepared, tmp_path, tiny, resnet) -> None:
    run = tmp_path / "run"

    def refused(code: int, *words: str, flags: tuple[object, ...]) -> None:
        cli("train", prepared, "--run", run, *flags).failed(code, *words)
        assert not run.exists()

    refused(5, "No tensor", "--encoder", flags=(*tiny, "--encoder-weights", resnet))
    deeper = ("--encoder", "resnet34", "--encoder-weights", resnet)
    refused(5, "of the encoder resnet34", "encoder.layer1.2.conv1.weight", "more", "--init-from", flags=deeper)
    refused(5, "cannot be read", flags=("--encoder-weights", tmp_path / "none.pth"))
    refused(2, "No ImageNet weights", "mobilenet-v2", flags=(*tiny, "--encoder-weights", "imagenet"))
    both = ("--encoder-weights", "imagenet", "--init-from", resnet)
    refused(2, "not from both", flags=both)


def test_offline_without_a_cache(cli, prepared, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SEGPORT_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    said = cli("train", prepared, "--run", tmp_path / "run", "--encoder-weights", "imagenet")
    said.failed(3, "timm/resnet18.tv_in1k", "HF_HUB_OFFLINE", "--encoder-weights FILE")


def test_a_run_stopped_before_its_first_checkpoint_begins_with_them_again(prepared, tmp_path, trained) -> None:
    source = Path(shutil.copytree(trained, tmp_path / "source"))
    settings = TrainSettings(prepared, tmp_path / "run", encoder_weights=str(source), size=(64, 64), batch=2, epochs=1)
    whole = Toolkit().train(settings)
    shutil.rmtree(whole.run / "checkpoints")
    (whole.run / "checkpoints").mkdir()
    metrics = (whole.run / "metrics.csv").read_bytes()
    again = Toolkit().train.resume(whole.run)
    assert again.transferred is not None
    assert (whole.run / "metrics.csv").read_bytes() == metrics


def test_a_wrong_normalisation_is_named(prepared) -> None:
    with pytest.raises(InvalidSpecError, match="cannot be used") as caught:
        Toolkit().codec.from_values(TrainSettings, {"data": prepared, "normalisation": "minmax"}, where="test")
    assert "normalisation" in caught.value.problems[0]


def test_a_published_file_of_torch_fills_a_transformer(cli, prepared, tmp_path, monkeypatch) -> None:
    torch = pytest.importorskip("torch", exc_type=ModuleNotFoundError)
    weights = initialise(SegFormer(channels=8).graph(channels=3, outputs=1, encoder=MiTB0()), 99)
    theirs = {  # as transformers' classifier: linear layers have two axes
        f"segformer.{name}": torch.from_numpy(array.squeeze((2, 3)) if array.shape[2:] == (1, 1) else array)
        for name, array in weights.items()
        if name.startswith("encoder.")
    }
    path = tmp_path / "weights" / "nvidia" / "mit-b0" / "pytorch_model.bin"
    path.parent.mkdir(parents=True)
    torch.save({**theirs, "classifier.weight": torch.ones(1000, 256)}, path)
    monkeypatch.setenv("SEGPORT_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    model = ("--model", "segformer:channels=8", "--encoder", "mit-b0", "--encoder-weights", "imagenet")
    said = cli("train", prepared, "--run", tmp_path / "run", *model, *STILL, "--json")
    assert said.code == 0, said.err
    found = said.object["transferred"]
    assert found["source"] == "nvidia/mit-b0"
    assert found["left_over"] == ["classifier.weight"]
    assert {name.partition(".")[0] for name in found["reinitialised"]} == {"decode_head"}
    new = load_file(tmp_path / "run" / "checkpoints" / "best.safetensors")
    name = "encoder.block.3.1.attention.self.query.weight"
    np.testing.assert_allclose(new[name], weights[name], atol=1e-9)
