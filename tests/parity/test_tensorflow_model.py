"""What only the Keras model promises: names a Keras user finds, saving, one trace for all sizes, half precision."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

if find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)

from segport.adapters.reference.model import NumpyModel
from segport.adapters.tensorflow.backend import TensorflowBackend
from segport.adapters.tensorflow.layers import Norm, Normalise
from segport.adapters.tensorflow.model import TensorflowModel
from segport.adapters.tensorflow.runtime import keras, tf
from segport.domain.architecture.encoders.resnet import ResNet18
from segport.domain.architecture.graph import IMAGE, Graph, Node
from segport.domain.architecture.operation import Operation
from segport.domain.architecture.operations import Conv, Input, Resize
from segport.domain.architecture.unet import UNet
from segport.domain.classes import ClassMap
from segport.domain.errors import InvalidSpecError
from segport.domain.ports.backend import Precision
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.domain.spec import ModelSpec, Normalisation
from segport.plugins.conformance.subject import batch, lively, plan, small_spec

CLASSES = ClassMap.of(["a", "b", "c"])


def spec_of(graph: Graph, normalisation: Normalisation | None = None) -> ModelSpec:
    normalisation = normalisation or Normalisation((0.4,) * graph.channels, (0.25,) * graph.channels)
    return ModelSpec(graph, CLASSES, Task.MULTICLASS, normalisation, Fit.NATIVE, (64, 64))


def one(operation: Operation, normalisation: Normalisation | None = None) -> ModelSpec:
    nodes = (Node(IMAGE, Input(3)), Node("only", operation, (IMAGE,)), Node("full", Resize("nearest"), ("only", IMAGE)))
    return spec_of(Graph(nodes, ("full",), stride=8), normalisation)


def build(spec: ModelSpec, precision: Precision = Precision.FP32, **options) -> TensorflowModel:
    return TensorflowBackend(**options).build(spec, lively(spec.graph, 1), device="cpu", precision=precision)


def test_the_native_model_is_functional_and_its_layers_have_the_graphs_names() -> None:
    spec = spec_of(UNet().graph(channels=3, outputs=3, encoder=ResNet18()))
    model = build(spec)
    native, weights = model.native, lively(spec.graph, 1)
    assert isinstance(native, keras.Model)
    assert {node.name for node in spec.graph.nodes} <= {layer.name for layer in native.layers}
    kernel = native.get_layer("encoder.layer1.0.conv1").kernel.numpy()
    assert np.array_equal(kernel.transpose(3, 2, 0, 1), weights["encoder.layer1.0.conv1.weight"])
    assert native.count_params() == sum(array.size for array in weights.values())
    trainable = [name for name, weight in spec.graph.weights().items() if weight.trainable]
    assert sum(int(np.prod(v.shape)) for v in native.trainable_variables) == sum(weights[n].size for n in trainable)


def test_the_native_model_takes_pixels_and_gives_the_logits() -> None:
    spec = small_spec()
    model, images = build(spec), batch(spec).images
    for found, wanted in zip(model.native(images), model.logits(images), strict=True):
        np.testing.assert_allclose(found.numpy(), wanted, atol=2e-5)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own, with NumPy 2
def test_a_saved_model_loads_and_gives_the_same_logits(tmp_path: Path) -> None:
    spec = small_spec(dropout=0.2)
    model, images = build(spec), batch(spec).images
    model.native.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for found, wanted in zip(loaded(images), model.native(images), strict=True):
        assert np.array_equal(found.numpy(), wanted.numpy())


def test_every_size_and_mode_is_traced_once() -> None:
    spec = small_spec()
    model = build(spec)
    evaluator = TensorflowBackend().evaluator(model, plan(spec))
    for count, size in ((3, (24, 32)), (1, (24, 32)), (2, (17, 29)), (4, (40, 8))):
        data = batch(spec, count, size)
        model.logits(data.images)
        for fed in evaluator.feed([data]):
            evaluator.tally(fed)
            evaluator.masks(fed)
    functions = (model.infer, evaluator.counted, evaluator.chosen)
    assert [function.experimental_get_tracing_count() for function in functions] == [1, 1, 1]


def test_weights_are_float32_in_half_precision_and_masks_agree_nearly_everywhere() -> None:
    spec = spec_of(UNet((32, 16, 16, 8, 8)).graph(channels=3, outputs=3, encoder=ResNet18()))
    images = np.random.default_rng(7).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    models = [build(spec, precision) for precision in (Precision.FP32, Precision.BF16)]
    exact, fast = (model.logits(images)[0] for model in models)
    assert (exact.argmax(-1) == fast.argmax(-1)).mean() > 0.95
    assert not np.array_equal(exact, fast)
    assert {variable.dtype for variable in models[1].native.variables} == {"float32"}
    assert models[1].native.get_layer("encoder.conv1").compute_dtype == "bfloat16"


def test_compiling_with_xla_changes_nothing_but_rounding() -> None:
    spec = small_spec()
    images = batch(spec).images
    compiled, plain = build(spec, jit_compile=True), build(spec)
    for training in (False, True):
        for found, wanted in zip(*(m.logits(images, training=training) for m in (compiled, plain)), strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_images_of_other_channels_are_refused() -> None:
    with pytest.raises(InvalidSpecError, match=r"\(N, H, W, 3\).*\(2, 8, 8, 1\)"):
        build(one(Conv(3))).logits(np.zeros((2, 8, 8, 1), np.uint8))


def test_normalisation_must_have_a_value_for_each_channel() -> None:
    with pytest.raises(InvalidSpecError, match=r"1 means and 1 deviations.*3 channels"):
        build(one(Conv(3), Normalisation((0.5,), (0.5,))))


def test_normalisation_is_computed_as_the_reference_does() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    spec = one(Conv(3, kernel=1), Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    identity = {"only.weight": np.eye(3, dtype=np.float32)[:, :, None, None]}
    (wanted,) = NumpyModel(spec, identity, np.float64).logits(pixels)
    found = Normalise(spec.normalisation.mean, spec.normalisation.std)(pixels)
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-6)


def test_an_unknown_operation_is_named() -> None:
    class Swirl(Operation):
        kind = "swirl"

    with pytest.raises(InvalidSpecError, match=r"'only'.*Swirl"):
        build(one(Swirl()))


def test_a_model_of_another_backend_is_refused() -> None:
    spec = one(Conv(3))
    with pytest.raises(InvalidSpecError, match="cannot run a NumpyModel"):
        TensorflowBackend().evaluator(NumpyModel(spec, lively(spec.graph, 0)))


def test_a_keras_user_may_call_a_norm_in_training_and_it_keeps_the_unbiased_variance() -> None:
    norm = Norm(1e-5, 0.25)
    x = np.random.default_rng(0).normal(size=(1, 2, 3, 4)).astype(np.float32)
    norm(tf.constant(x), training=True)
    wanted = 0.75 + 0.25 * x.reshape(-1, 4).var(0, ddof=1)
    np.testing.assert_allclose(norm.running_var.numpy(), wanted, rtol=1e-5)
