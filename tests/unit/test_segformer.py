"""SegFormer and its Mix Transformers: sizes and costs of the paper, names of transformers, any encoder."""

from __future__ import annotations

import pytest

from segport.domain.architecture.builder import GraphBuilder
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet18
from segport.domain.architecture.graph import IMAGE, Graph
from segport.domain.architecture.operations import Activation, Attention, Conv, Dropout, LayerNorm
from segport.domain.architecture.segformer import SegFormer
from segport.domain.architecture.summary import multiply_adds, parameter_count, rows
from segport.domain.architecture.unet import UNet
from segport.domain.architecture.zoo import ENCODERS
from segport.domain.errors import InvalidSpecError
from segport.domain.ports.model import Encoder

B0 = ENCODERS["mit-b0"].load()
WIDTHS = {"mit-b0": 256, "mit-b1": 256, "mit-b2": 768}
"""Of the published decoders."""


def drawn(encoder: Encoder = B0, outputs: int = 150, **options: int) -> Graph:
    return SegFormer(**options).graph(channels=3, outputs=outputs, encoder=encoder)


def published(name: str) -> Graph:
    return drawn(ENCODERS[name].load(), channels=WIDTHS[name])


def linear(inner: int, outer: int) -> int:
    return inner * outer + outer


@pytest.mark.parametrize(("name", "whole"), {"mit-b0": 3_752_694, "mit-b1": 13_715_798, "mit-b2": 27_461_974}.items())
def test_it_has_as_many_parameters_as_in_transformers(name: str, whole: int) -> None:
    # SegformerForSemanticSegmentation of the published configurations, with the 150 classes of ADE20K.
    assert parameter_count(published(name)) == whole


@pytest.mark.parametrize(("name", "whole"), {"mit-b0": 3_576_392, "mit-b1": 13_664_424, "mit-b2": 24_709_288}.items())
def test_its_encoder_is_that_of_transformers_classifiers_less_their_last_layer(name: str, whole: int) -> None:
    # SegformerForImageClassification with the 1000 classes of ImageNet.
    builder = GraphBuilder(3)
    last = ENCODERS[name].load().build(builder, IMAGE)[-1]
    assert parameter_count(builder.build([builder.add(Conv(1000, 1, bias=True), last, name="fc")])) == whole


@pytest.mark.parametrize(("name", "giga"), {"mit-b0": 8.4, "mit-b1": 15.9, "mit-b2": 62.4}.items())
def test_it_costs_what_the_paper_says(name: str, giga: float) -> None:
    # Xie et al. 2021, table 1, for 512 x 512; "Flops" there are multiply-adds.
    assert multiply_adds(published(name), 512, 512) / 1e9 == pytest.approx(giga, rel=0.002)


def test_attention_is_among_what_is_counted() -> None:
    costs = {row.name: row.multiply_adds for row in rows(drawn(), 512, 512)}
    assert costs["encoder.block.0.0.attention.self.heads"] == 2 * 32 * 128**2 * 16**2
    assert costs["encoder.block.3.1.attention.self.heads"] == 2 * 256 * 16**2 * 16**2


@pytest.mark.parametrize("name", WIDTHS)
def test_its_features_halve_from_a_quarter(name: str) -> None:
    builder = GraphBuilder(3)
    features = ENCODERS[name].load().build(builder, IMAGE)
    assert [builder.scale(f) for f in features] == [4, 8, 16, 32]
    wide = (32, 64, 160, 256) if name == "mit-b0" else (64, 128, 320, 512)
    assert tuple(builder.channels(f) for f in features) == wide


# Of the state_dict of transformers, with shapes; linear layers (out, in) are (out, in, 1, 1) here.
NAMES = {
    "encoder.patch_embeddings.0.proj.weight": (32, 3, 7, 7),
    "encoder.patch_embeddings.3.layer_norm.bias": (256,),
    "encoder.block.0.1.layer_norm_1.weight": (32,),
    "encoder.block.0.1.attention.self.query.weight": (32, 32, 1, 1),
    "encoder.block.1.0.attention.self.key.bias": (64,),
    "encoder.block.1.0.attention.self.value.weight": (64, 64, 1, 1),
    "encoder.block.1.0.attention.self.sr.weight": (64, 64, 4, 4),
    "encoder.block.1.0.attention.self.layer_norm.weight": (64,),
    "encoder.block.2.1.attention.output.dense.weight": (160, 160, 1, 1),
    "encoder.block.2.1.layer_norm_2.bias": (160,),
    "encoder.block.3.1.mlp.dense1.weight": (1024, 256, 1, 1),
    "encoder.block.3.1.mlp.dwconv.dwconv.weight": (1024, 1, 3, 3),
    "encoder.block.3.1.mlp.dense2.weight": (256, 1024, 1, 1),
    "encoder.layer_norm.3.weight": (256,),
    "decode_head.linear_c.2.proj.weight": (256, 160, 1, 1),
    "decode_head.linear_fuse.weight": (256, 1024, 1, 1),
    "decode_head.batch_norm.running_var": (256,),
    "decode_head.classifier.bias": (150,),
}


def test_it_has_transformers_parameter_names() -> None:
    weights = drawn().weights()
    assert {name: weights[name].shape for name in NAMES} == NAMES
    assert len(weights) == 207
    assert not any(name.startswith("encoder.block.3.0.attention.self.sr") for name in weights)


def test_it_looks_at_ever_finer_patches_with_ever_more_heads() -> None:
    nodes = {node.name: node.operation for node in drawn().nodes}
    assert [nodes[f"encoder.block.{i}.0.attention.self.heads"] for i in range(4)] == [
        Attention(heads) for heads in (1, 2, 5, 8)
    ]
    shapes = drawn().shapes(128, 192)
    assert {shapes[f"encoder.block.{i}.0.attention.self.key"][1:] for i in range(4)} == {(4, 6)}


def test_its_norms_and_activations_are_transformers() -> None:
    operations = [node.operation for node in drawn().nodes if node.name.startswith("encoder.")]
    assert {o.epsilon for o in operations if isinstance(o, LayerNorm)} == {1e-5}
    assert {o.function for o in operations if isinstance(o, Activation)} == {"gelu"}


def test_features_are_joined_from_coarse_to_fine_at_the_finests_size() -> None:
    graph, shapes = drawn(outputs=2), drawn(outputs=2).shapes(64, 96)
    nodes = {node.name: node for node in graph.nodes}
    assert nodes["decode_head.concat"].inputs == (
        *(f"decode_head.linear_c.{i}.resize" for i in (3, 2, 1)), "decode_head.linear_c.0.proj",
    )  # fmt: skip
    assert shapes["decode_head.concat"] == (1024, 16, 24)
    assert nodes["decode_head.classifier"].inputs == ("decode_head.classifier_dropout",)
    assert nodes["decode_head.classifier_dropout"].operation == Dropout(0.1)
    assert shapes[graph.outputs[0]] == (2, 64, 96)
    assert graph.stride == 32


def test_any_encoder_will_do_and_its_last_four_features_are_taken() -> None:
    nodes = {node.name: node for node in drawn(ResNet18()).nodes}
    assert nodes["decode_head.linear_c.0.proj"].inputs == ("encoder.layer1.1.relu",)
    assert nodes["decode_head.linear_c.3.proj"].inputs == ("encoder.layer4.1.relu",)
    assert "decode_head.linear_c.2.proj" not in drawn(Plain(4, 2)).shapes(16, 16)


def test_its_encoder_serves_other_architectures() -> None:
    graph = UNet().graph(channels=1, outputs=2, encoder=B0)
    assert graph.shapes(64, 96)[graph.outputs[0]] == (2, 64, 96)


def test_images_smaller_than_its_coarsest_patch_are_refused_by_name() -> None:
    with pytest.raises(InvalidSpecError, match=r"encoder\.block\.0\.0\.attention\.self\.sr.*window of 8"):
        drawn().shapes(16, 64)


@pytest.mark.parametrize("options", [{"channels": 0}, {"dropout": 1.0}])
def test_options_that_cannot_be_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(InvalidSpecError, match=f"SegFormer: {next(iter(options))}"):
        SegFormer(**options)


def test_an_encoder_with_one_feature_is_refused() -> None:
    with pytest.raises(InvalidSpecError, match="SegFormer needs an encoder with at least 2 features; Plain has 1"):
        drawn(Plain(4, 1))
