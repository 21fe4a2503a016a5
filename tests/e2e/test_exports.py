"""Exported models, loaded in fresh processes by the very lines the command prints, give the logits they gave before."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from segport.adapters.storage.checkpoint import load_checkpoint, save_checkpoint
from segport.application.settings import ExportSettings
from segport.bootstrap import Settings, Toolkit
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet18
from segport.domain.architecture.unet import UNet
from segport.domain.classes import ClassMap
from segport.domain.errors import CheckpointError
from segport.domain.ports.backend import Precision
from segport.domain.ports.checkpoints import Checkpoint
from segport.domain.ports.exporting import Usage
from segport.domain.ports.model import Encoder
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.domain.spec import ModelSpec, Normalisation
from segport.plugins import Entry, Kind, hookimpl
from segport.plugins.conformance.subject import lively, small_spec

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),  # TorchScript was asked for
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras's own, with NumPy 2
]

SIZES = [(2, 64, 96), (1, 97, 71)]
MODELS = {"torch": ("torchscript", "torch-export"), "tensorflow": ("keras", "h5", "saved-model")}
NEED_SEGPORT = ("keras", "h5")

FRESH = """
import json, sys
import numpy as np

found = {}
for name, (load, data) in json.load(open(sys.argv[1])).items():
    *setup, call = load.splitlines()
    space, arrays, differences = {}, np.load(data), []
    exec("\\n".join(setup), space)
    for i in range(len(arrays["sizes"])):
        space["images"] = arrays[f"images{i}"]
        exec(call, space)
        outputs = [output.numpy() for output in (space["logits"], *space.get("others", ()))]
        outputs = [output.transpose(0, 2, 3, 1) for output in outputs] if "torch" in space else outputs
        wanted = [arrays[f"logits{i}.{k}"] for k in range(arrays["outputs"])]
        assert [o.shape for o in outputs] == [w.shape for w in wanted], name
        differences += [float(abs(o - w).max() / max(1, abs(w).max())) for o, w in zip(outputs, wanted)]
    found[name] = [differences, "segport" in sys.modules]
print(json.dumps(found))
"""


def unet(encoder: Encoder, *decoder: int, deep: bool = False) -> ModelSpec:
    """A U-Net for one class on a background."""
    graph = UNet(decoder, deep_supervision=deep).graph(channels=3, outputs=1, encoder=encoder)
    normalisation = Normalisation((0.4,) * 3, (0.25,) * 3)
    return ModelSpec(graph, ClassMap.binary("cell"), Task.BINARY, normalisation, Fit.NATIVE, (64, 64))


def saved(spec: ModelSpec, folder: Path) -> Path:
    path = folder / "model.safetensors"
    save_checkpoint(path, Checkpoint(spec, lively(spec.graph, 1)))
    return path


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of every operation, with dropout and one output; a U-Net with several outputs."""
    specs = {
        "every-operation": small_spec(dropout=0.2, outputs=1),
        "deep-supervision": unet(Plain(width=8, depth=4), 32, 16, 8, deep=True),
    }
    return {name: saved(spec, tmp_path_factory.mktemp(name)) for name, spec in specs.items()}


def need(framework: str) -> None:
    if find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")


def fresh(code: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def wanted(framework: str, checkpoint: Path, out: Path) -> Path:
    """Images of each size and the logits that the model gives for them, in one file."""
    loaded = load_checkpoint(checkpoint)
    backend = Toolkit().registry.backend(framework)
    model = backend.build(loaded.spec, loaded.weights, device="cpu", precision=Precision.FP32)
    rng = np.random.default_rng(5)
    arrays: dict[str, Any] = {"sizes": SIZES, "outputs": len(loaded.spec.graph.outputs)}
    for i, size in enumerate(SIZES):
        arrays[f"images{i}"] = rng.integers(0, 256, (*size, 3), np.uint8)
        arrays |= {f"logits{i}.{k}": one for k, one in enumerate(model.logits(arrays[f"images{i}"]))}
    np.savez(out, **arrays)
    return out


@pytest.mark.slow
@pytest.mark.parametrize("framework", MODELS)
def test_an_exported_model_gives_the_same_logits_in_a_fresh_process(
    framework: str, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    need(framework)
    plan = {}
    for name, checkpoint in checkpoints.items():
        data = wanted(framework, checkpoint, tmp_path / f"{name}.npz")
        for to in MODELS[framework]:
            plan[f"{to}, {name}"] = (Toolkit().export(ExportSettings(checkpoint, to)).load, str(data))
    # those that need segport come last: once it is imported, it is
    plan = dict(sorted(plan.items(), key=lambda item: item[0].split(",")[0] in NEED_SEGPORT))
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    found = json.loads(fresh(FRESH, tmp_path / "plan.json"))
    assert list(found) == list(plan)
    assert {name: max(differences) for name, (differences, _) in found.items() if max(differences) > 1e-5} == {}
    assert {name.split(",")[0] for name, (_, segport) in found.items() if segport} <= set(NEED_SEGPORT)


def test_a_state_dict_holds_the_weights_and_no_code(tmp_path: Path) -> None:
    need("torch")
    checkpoint = saved(unet(ResNet18(), 32, 16, 16, 8, 8), tmp_path)
    report = Toolkit().export(ExportSettings(checkpoint, "torch-state-dict"))
    back = tmp_path / "back.npz"
    tell = f"import numpy, sys\nnumpy.savez({str(back)!r}, **weights)\nprint('segport' in sys.modules)"
    assert fresh(f"{report.load}\n{tell}") == "False\n"
    weights = load_checkpoint(checkpoint).weights
    with np.load(back) as loaded:
        assert set(loaded) == set(weights)
        assert all(np.array_equal(loaded[name], weights[name]) for name in weights)
    assert {"encoder.conv1.weight", "encoder.bn1.running_var", "encoder.layer4.1.conv2.weight"} <= set(weights)


@pytest.mark.parametrize(("framework", "to"), [("torch", "torch-export"), ("tensorflow", "saved-model")])
def test_a_run_of_any_framework_is_exported_beside_its_checkpoints(
    cli: Callable[..., Any], trained: Path, tmp_path: Path, framework: str, to: str
) -> None:
    need(framework)
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    for file in ("run.toml", "checkpoints/best.safetensors"):
        (run / file).write_bytes((trained / file).read_bytes())
    said = cli("export", run, "--to", to)
    assert said.code == 0, said.err
    assert "(N, H, W, 3) uint8 images in" in said.out
    (out,) = (run / "exports").iterdir()
    assert out.stem == to
    assert f"wrote {out}" in said.out
    assert repr(str(out)) in said.out
    cli("export", run, "--to", to).failed(2, str(out), "already exists", "--out")
    again = tmp_path / out.name
    told = cli("export", run / "checkpoints" / "best.safetensors", to, "--out", again, "--json").object
    assert told["out"] == str(again)
    assert told["size"] == sum(file.stat().st_size for file in [again, *again.rglob("*")] if file.is_file()) > 0


def test_what_cannot_be_exported_is_told_and_nothing_is_left(
    cli: Callable[..., Any], trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("torch")
    before = sorted(trained.rglob("*"))
    out = tmp_path / "out"
    cli("export", trained, "--to", "torchscrip", "--out", out).failed(2, "Did you mean 'torchscript'", "saved-model")
    cli("export", trained, "--to", "torchscript:trace=true", "--out", out).failed(2, "torchscript", "'trace'")
    cli("export", trained, "--to", "torchscript", "--out", out).failed(2, str(out), "end in .pt", f"{out}.pt")
    cli("export", trained).failed(2, "to: missing", "torchscript")
    cli("export", tmp_path / "none", "--to", "torchscript").failed(5, "does not exist")
    (tmp_path / "file").write_text("", encoding="utf-8")
    cli("export", trained, "--to", "torchscript", "--out", tmp_path / "file" / "x.pt").failed(5, "cannot be written")
    monkeypatch.setattr("segport.plugins.entries.find_spec", lambda name: None)
    cli("export", trained, "--to", "saved-model").failed(4, "needs tensorflow", "pip install 'segport[tf]'")
    assert sorted(trained.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_format_of_a_plugin_that_fails_halfway_leaves_nothing(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    need("torch")

    class Halfway:
        backend, suffix = "torch", ""

        def write(self, model: Any, path: Path) -> None:
            path.mkdir()
            (path / "part").write_text("half")
            raise OSError("No space left on device")

        def usage(self, spec: ModelSpec, path: Path) -> Usage:
            raise AssertionError("nothing was written")

    def offer() -> Sequence[Entry]:
        return [Entry(Kind.EXPORTER, "halfway", "fails", lambda: Halfway)]

    toolkit = Toolkit(Settings((), [("mine", SimpleNamespace(segport_exporters=hookimpl(offer)))]))
    with pytest.raises(CheckpointError, match="No space left on device"):
        toolkit.export(ExportSettings(checkpoints["every-operation"], "halfway", tmp_path / "deep" / "out"))
    assert list((tmp_path / "deep").iterdir()) == []
