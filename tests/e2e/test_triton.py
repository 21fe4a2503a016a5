"""TensorFlow and torch's triton in one process, in whatever order they are imported."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="libraries do not see each other's symbols elsewhere")

LOAD = "import sys; from segport.adapters.triton import load_triton; flags = sys.getdlopenflags(); load_triton()"
SAYS = "import os, sys; print('triton', 'tensorflow' in sys.modules, bool(sys.getdlopenflags() & os.RTLD_DEEPBIND))"


def said(code: str, *arguments: object, path: Path | None = None) -> str:
    """What a program prints; fails where it does, or dies."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | ({} if path is None else {"PYTHONPATH": str(path)}),
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
    return done.stdout


@pytest.fixture
def fakes(tmp_path: Path) -> Path:
    """A folder with a triton that says how it is loaded, and a TensorFlow that is nothing."""
    (tmp_path / "triton.py").write_text(SAYS)
    (tmp_path / "tensorflow.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("before", "says"),
    [("", "triton False False"), ("import tensorflow", "triton True True"), ("import triton", "triton False False")],
)
def test_triton_is_loaded_first_or_with_its_own_symbols(fakes: Path, before: str, says: str) -> None:
    after = "load_triton(); assert sys.getdlopenflags() == flags"
    assert said("\n".join([before, LOAD, after]), path=fakes) == f"{says}\n"


def test_a_triton_that_is_broken_is_left_to_torch(fakes: Path) -> None:
    (fakes / "triton.py").write_text("raise ImportError('built for another torch')")
    assert said(f"{LOAD}\nprint(sys.getdlopenflags() == flags)", path=fakes) == "True\n"


@pytest.mark.parametrize(
    "first", ["tensorflow", "segport.adapters.tensorflow.runtime", "segport.adapters.torch.backend, tensorflow"]
)
def test_torch_trains_beside_tensorflow(first: str, prepared: Path, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    """Without care the process ends in a segmentation fault at the first optimizer, where triton is installed."""
    if find_spec("triton") is None or find_spec("tensorflow") is None:
        pytest.skip(
            "TensorFlow and triton are not both installed: builds of torch for the CPU alone come without triton"
        )
    code = f"import {first}, sys; from segport.cli.main import main; sys.exit(main(sys.argv[1:]))"
    said(code, "train", prepared, "--run", tmp_path / "run", *tiny, "--backend", "torch", "--epochs", "1")
    assert (tmp_path / "run" / "checkpoints" / "last.safetensors").exists()
