"""Data sets across the border, feeding, devices and the plugin."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from segport.adapters.cpu import bf16_instructions
from segport.adapters.torch.backend import TorchBackend
from segport.adapters.torch.dataset import as_native, as_source
from segport.adapters.torch.device import devices, resolve, tune_allocator
from segport.adapters.torch.feed import feed
from segport.domain.errors import DataError, InvalidSpecError
from segport.domain.ports.backend import Capability, Precision
from segport.domain.samples import Sample
from segport.plugins.conformance.subject import batch, small_spec

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
LABELS = np.random.default_rng(1).integers(0, 4, (6, 5), dtype=np.uint8)
LABELS[0, 0] = 255


class Pairs(torch.utils.data.Dataset):
    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


@pytest.mark.parametrize(
    "image",
    [
        PIXELS,
        torch.from_numpy(PIXELS).permute(2, 0, 1),
        torch.from_numpy(PIXELS).permute(2, 0, 1) / 255,
        PIXELS.astype(np.float64) / 255,
        Pillow.fromarray(PIXELS),
    ],
    ids=["array", "tensor", "float tensor", "float array", "Pillow"],
)
@pytest.mark.parametrize(
    "labels",
    [LABELS, torch.from_numpy(LABELS).long(), torch.from_numpy(LABELS)[None], Pillow.fromarray(LABELS)],
    ids=["array", "tensor", "plane", "Pillow"],
)
def test_a_torch_data_set_is_a_source(image, labels) -> None:
    source = as_source(Pairs(("other", None), (image, labels)))
    sample = source[1]
    assert len(source) == 2
    assert sample.key == "000001"
    assert sample.image.dtype == sample.labels.dtype == np.uint8
    assert np.array_equal(sample.image, PIXELS)
    assert np.array_equal(sample.labels, LABELS)


def test_grey_images_get_a_channel_axis() -> None:
    assert as_source(Pairs((PIXELS[:, :, 0], LABELS)))[0].image.shape == (6, 5, 1)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ((PIXELS / 255 - 0.5, LABELS), "normalisation"),
        ((PIXELS.astype(np.int32), LABELS), "pixels of int32"),
        ((np.zeros((6, 5, 4), np.uint8), LABELS), "1 or 3 channels"),
        ((PIXELS, LABELS.astype(int) - 1), "labels from -1"),
        ((PIXELS, LABELS[:4]), r"the image is \(6, 5\), its labels \(4, 5\)"),
        ((PIXELS, PIXELS), "expected .height, width"),
        ((PIXELS, LABELS + 0.5), "whole class ids"),
        (PIXELS, "expected a pair"),
    ],
)
def test_items_that_cannot_be_used_are_named(item, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        as_source(Pairs(item))[0]
    assert "000000" in str(caught.value)


def test_a_data_set_without_a_length_is_refused() -> None:
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(())

    with pytest.raises(DataError, match="Stream has no length"):
        as_source(Stream())


def test_a_source_ends_where_it_ends() -> None:
    with pytest.raises(IndexError):
        as_source(Pairs((PIXELS, LABELS)))[1]


def test_a_source_becomes_a_torch_data_set_and_comes_back() -> None:
    native = as_native([Sample("a", PIXELS, LABELS)])
    image, labels = next(iter(torch.utils.data.DataLoader(native, batch_size=1)))
    assert image.shape == (1, 3, 6, 5)
    assert (image.dtype, labels.dtype) == (torch.uint8, torch.int64)
    again = as_source(native)[0]
    assert np.array_equal(again.image, PIXELS)
    assert np.array_equal(again.labels, LABELS)
    planes = np.stack([LABELS % 2, LABELS == 1], axis=-1).astype(np.uint8)
    kept = as_source(as_native([Sample("a", PIXELS, planes)]))[0]
    assert np.array_equal(kept.labels, planes)


def test_feeding_a_cpu_copies_no_pixels() -> None:
    data = batch(small_spec())
    fed = next(iter(feed([data], torch.device("cpu"))))
    assert fed.images.data_ptr() == data.images.ctypes.data
    assert fed.labels.data_ptr() == data.labels.ctypes.data


def test_feeding_reads_a_little_ahead_and_stops_its_thread() -> None:
    data, taken = batch(small_spec()), []

    def source():
        for i in range(50):
            taken.append(i)
            yield data

    fed = feed(source(), torch.device("cpu"))
    next(fed)
    fed.close()
    assert len(taken) <= 5
    assert not [thread for thread in threading.enumerate() if thread.name == "segport-feed"]


def test_the_instruction_set_is_read_from_the_cpus_flags(tmp_path: Path) -> None:
    for flags, name in {"avx2 avx512_bf16 amx_bf16": "AMX", "avx512_bf16": "AVX512-BF16", "avx512f": ""}.items():
        file = tmp_path / f"cpuinfo-{len(flags)}"
        file.write_text(f"processor : 0\nflags : fpu {flags}\n")
        assert bf16_instructions(file) == name
    assert bf16_instructions(tmp_path / "absent") == ""


@pytest.mark.parametrize(
    ("cuda", "hip", "works", "words"),
    [
        ("12.8", None, True, "CUDA 12.8"),
        ("12.8", None, False, "CUDA 12.8, but no driver or no GPU is found"),
        (None, "6.4", False, "ROCm 6.4, but no driver or no GPU is found"),
        (None, None, False, "none: this build of torch is for CPUs"),
    ],
)
def test_facts_tell_a_build_without_gpus_from_a_gpu_that_is_not_found(monkeypatch, cuda, hip, works, words) -> None:
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", hip)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: works)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: False)
    facts = TorchBackend().facts()
    assert facts["GPU build"].startswith(words)
    assert facts["threads"].startswith(f"{torch.get_num_threads()} within")


def test_devices_say_why_and_the_cpu_is_one_of_them() -> None:
    cpu = devices()[-1]
    assert cpu.name == "cpu"
    assert cpu.precision is (Precision.BF16 if bf16_instructions() else Precision.FP32)
    assert (bf16_instructions() or "neither AMX") in cpu.reason
    assert resolve("cpu", Precision.AUTO) == (torch.device("cpu"), cpu.precision)


def test_half_precision_on_a_cpu_and_unknown_devices_are_refused() -> None:
    with pytest.raises(InvalidSpecError, match="'fp16' needs a GPU"):
        resolve("cpu", Precision.FP16)
    with pytest.raises(InvalidSpecError, match=r"no device 'tpu'.*\n.*auto, .*cpu"):
        resolve("tpu", Precision.AUTO)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_the_allocator_is_set_once_on_linux() -> None:
    assert tune_allocator() is True


def test_capabilities_follow_what_is_there() -> None:
    always = {Capability.TRAINING, Capability.MIXED_PRECISION}
    assert always | {Capability.DETERMINISTIC} <= TorchBackend().capabilities
    assert (Capability.GPU in TorchBackend().capabilities) == torch.cuda.is_available()
    assert Capability.COMPILED not in TorchBackend().capabilities
    compiled = TorchBackend(compile=True).capabilities
    assert always | {Capability.COMPILED} <= compiled
    assert Capability.DETERMINISTIC not in compiled


def test_the_plugin_names_torch_without_importing_it() -> None:
    code = (
        "import sys; from segport.adapters.torch import plugin; e = plugin.segport_backends()[0];"
        "assert 'torch' not in sys.modules; assert e.load()().name == e.name == 'torch'; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize(("given", "wanted"), [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7")])
@pytest.mark.skipif(sys.platform != "linux", reason="GNU OpenMP")
def test_spinning_is_bounded_unless_the_environment_says_otherwise(given: dict[str, str], wanted: str) -> None:
    code = "import os; import segport.adapters.torch.backend; print(os.environ.get('GOMP_SPINCOUNT'))"
    environment = {"PATH": "/usr/bin:/bin", **given}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == wanted
