"""Data sets across the border, devices, a quiet start and the plugin."""

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)

from segport.adapters.cpu import bf16_instructions
from segport.adapters.tensorflow.backend import TensorflowBackend
from segport.adapters.tensorflow.dataset import as_native, as_source
from segport.adapters.tensorflow.device import devices, resolve
from segport.adapters.tensorflow.runtime import tf
from segport.domain.errors import DataError, InvalidSpecError
from segport.domain.ports.backend import Capability, Precision
from segport.domain.samples import Sample

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 6, 5, 3), dtype=np.uint8)
LABELS = np.random.default_rng(1).integers(0, 4, (3, 6, 5), dtype=np.uint8)
LABELS[0, 0] = 255


def pairs(images=PIXELS, labels=LABELS) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((images, labels))


@pytest.mark.parametrize("images", [PIXELS, PIXELS / 255, (PIXELS / 255).astype(np.float32)], ids=["u8", "f8", "f4"])
@pytest.mark.parametrize("labels", [LABELS, LABELS.astype(np.int64), LABELS[..., None]], ids=["u8", "i8", "plane"])
def test_a_data_set_is_a_source(images, labels) -> None:
    source = as_source(pairs(images, labels))
    assert len(source) == 3
    for index in (2, 0, -2):
        sample = source[index]
        assert sample.key == f"{index % 3:06d}"
        assert sample.image.dtype == sample.labels.dtype == np.uint8
        assert np.array_equal(sample.image, PIXELS[index])
        assert np.array_equal(sample.labels, LABELS[index])


def test_a_data_set_of_unknown_length_is_read_to_its_end() -> None:
    source = as_source(pairs().filter(lambda image, labels: True))
    assert len(source) == 3
    assert np.array_equal(source[1].image, PIXELS[1])


def test_a_data_set_is_read_once() -> None:
    read = []

    def generate():
        for i in range(3):
            read.append(i)
            yield PIXELS[i], LABELS[i]

    signature = (tf.TensorSpec((6, 5, 3), tf.uint8), tf.TensorSpec((6, 5), tf.uint8))
    stream = tf.data.Dataset.from_generator(generate, output_signature=signature)
    source = as_source(stream.apply(tf.data.experimental.assert_cardinality(3)))
    assert [source[i].key for i in (2, 0, 1, -1)] == ["000002", "000000", "000001", "000002"]
    assert read == [0, 1, 2]


def test_grey_images_get_a_channel_axis() -> None:
    assert as_source(pairs(PIXELS[..., 0]))[0].image.shape == (6, 5, 1)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (lambda: pairs(PIXELS / 255 - 0.5), "normalisation"),
        (lambda: pairs(PIXELS.astype(np.int32)), "pixels of int32"),
        (lambda: pairs().batch(2), "not batches"),
        (lambda: pairs(labels=LABELS.astype(int) - 1), "labels from -1"),
        (lambda: pairs(labels=LABELS[:, :4]), r"the image is \(6, 5\), its labels \(4, 5\)"),
        (lambda: pairs(labels=LABELS + 0.5), "whole class ids"),
        (lambda: tf.data.Dataset.from_tensor_slices(PIXELS), "expected a pair"),
    ],
)
def test_items_that_cannot_be_used_are_named_every_time(dataset, message: str) -> None:
    source = as_source(dataset())
    for _ in range(2):
        with pytest.raises(DataError, match=message) as caught:
            source[0]
        assert "000000" in str(caught.value)


def test_a_data_set_without_end_is_refused() -> None:
    with pytest.raises(DataError, match=r"no end.*\n.*repeat"):
        as_source(pairs().repeat())


def test_a_source_ends_where_it_ends() -> None:
    with pytest.raises(IndexError):
        as_source(pairs())[3]


def test_a_source_becomes_a_data_set_and_comes_back() -> None:
    native = as_native([Sample(str(i), PIXELS[i], LABELS[i]) for i in range(3)])
    assert int(native.cardinality()) == 3
    image, labels = next(iter(native.batch(2)))
    assert image.shape == (2, 6, 5, 3)
    assert (image.dtype, labels.dtype) == (tf.uint8, tf.int64)
    again = as_source(native)
    assert np.array_equal(again[2].image, PIXELS[2])
    assert np.array_equal(again[2].labels, LABELS[2])
    planes = np.stack([LABELS[0] % 2, LABELS[0] == 1], axis=-1).astype(np.uint8)
    kept = as_source(as_native([Sample("a", PIXELS[0], planes)]))[0]
    assert np.array_equal(kept.labels, planes)


@pytest.mark.parametrize(
    ("built", "gpus", "words"),
    [
        (False, [], "none: this build of TensorFlow is for CPUs"),
        (True, [], "CUDA 12.5, but no GPU is found"),
        (True, ["gpu"], "CUDA 12.5"),
    ],
)
def test_facts_tell_a_build_without_gpus_from_a_gpu_that_is_not_found(monkeypatch, built, gpus, words) -> None:
    monkeypatch.setattr(tf.test, "is_built_with_gpu_support", lambda: built)
    monkeypatch.setattr(tf.sysconfig, "get_build_info", lambda: {"cuda_version": "12.5"})
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    facts = TensorflowBackend().facts()
    assert facts["GPU build"].startswith(words)
    assert facts["Keras"].startswith("3.") and "within an operation" in facts["threads"]


def test_devices_say_why_and_the_cpu_is_one_of_them() -> None:
    cpu = devices()[-1]
    assert cpu.name == "cpu"
    assert cpu.precision is (Precision.BF16 if bf16_instructions() else Precision.FP32)
    assert (bf16_instructions() or "neither AMX") in cpu.reason
    assert resolve("cpu", Precision.AUTO) == ("cpu", cpu.precision)


def test_half_precision_on_a_cpu_and_unknown_devices_are_refused() -> None:
    with pytest.raises(InvalidSpecError, match="'fp16' needs a GPU"):
        resolve("cpu", Precision.FP16)
    with pytest.raises(InvalidSpecError, match=r"no device 'tpu'.*\n.*auto, .*cpu"):
        resolve("tpu", Precision.AUTO)


def test_capabilities_follow_what_is_there() -> None:
    always = {Capability.TRAINING, Capability.MIXED_PRECISION, Capability.DETERMINISTIC}
    assert always <= TensorflowBackend().capabilities
    assert (Capability.GPU in TensorflowBackend().capabilities) == bool(tf.config.list_physical_devices("GPU"))
    assert Capability.COMPILED not in TensorflowBackend().capabilities
    assert Capability.COMPILED in TensorflowBackend(jit_compile=True).capabilities


START = (
    "import sys, warnings; from segport.adapters.tensorflow import plugin; e = plugin.segport_backends()[0];"
    "assert not {'tensorflow', 'keras'} & set(sys.modules);"
    "assert e.load()().name == e.name == 'tensorflow'; assert 'torch' not in sys.modules;"
    "from segport.adapters.tensorflow.runtime import tf; tf.reduce_sum(tf.ones((64, 64)) @ tf.ones((64, 64)));"
    "warnings.warn('a warning of ours')"
)


def test_the_plugin_loads_tensorflow_when_asked_and_quietly_but_warnings_pass() -> None:
    done = subprocess.run([sys.executable, "-c", START], check=True, timeout=120, capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert done.stdout == ""
    assert lines
    assert all("a warning of ours" in line for line in lines), done.stderr


def test_what_is_written_while_importing_is_passed_on_but_for_notes() -> None:
    code = (
        "import os, sys; from segport.adapters.tensorflow import runtime\n"
        "with runtime._without_notes():\n"
        "    os.write(2, b'I0000 00:00:1 7 port.cc:153] a note\\nW0000 00:00:1 7 cuda.cc:1] a warning\\n')\n"
        "    print('from Python', file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=120, capture_output=True, text=True)
    assert done.stderr.splitlines() == ["W0000 00:00:1 7 cuda.cc:1] a warning", "from Python"]


def test_another_backend_of_keras_is_refused_with_the_remedy() -> None:
    code = (
        "import os; os.environ['KERAS_BACKEND'] = 'numpy'\n"
        "from segport.domain.errors import BackendUnavailableError\n"
        "try:\n    import segport.adapters.tensorflow.backend\n"
        "except BackendUnavailableError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=120, capture_output=True, text=True)
    assert "KERAS_BACKEND=tensorflow" in done.stdout
    assert "'numpy'" in done.stdout
