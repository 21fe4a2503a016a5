"""`segport models`: what there is, and what it costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from segport import ShowModelSettings, Toolkit
from segport.domain.architecture.zoo import ARCHITECTURES, ENCODERS
from segport.domain.choices import Choice


def test_list_shows_every_architecture_and_encoder(cli) -> None:
    said = cli("models", "list")
    assert said.code == 0, said.err
    rows = [line.split() for line in said.out.splitlines()]
    assert {row[0] for row in rows[1:]} == {"architecture", "encoder"}
    assert {row[1].rstrip(",") for row in rows[1:]} == {*ARCHITECTURES, *ENCODERS}
    found = cli("models", "list", "--json").object
    assert {part["name"] for part in found["encoders"]} == set(ENCODERS)
    assert {part["name"] for part in found["architectures"]} == set(ARCHITECTURES)


def test_show_has_a_line_a_node_and_the_totals(cli) -> None:
    said = cli("models", "show", "unet", "--encoder", "plain:width=4,depth=2", "--input", "1x32x64", "--classes", "3")
    assert said.code == 0, said.err
    assert "head conv 3 x 32 x 64 435 884,736" in [" ".join(line.split()) for line in said.out.splitlines()]
    for words in (
        "unet on plain:depth=2,width=4, for one image of 1x32x64",
        "logits: 3x32x64 (head)",
        "multiples of 2",
    ):
        assert words in said.out


def test_an_encoder_alone_is_shown_with_its_features_and_published_numbers(cli) -> None:
    said = cli("models", "show", "resnet50", "--input", "3x224x224")
    assert "features: 64x112x112 (encoder.relu), 256x56x56 (encoder.layer1.2.relu)" in said.out
    assert "parameters: 23,508,032" in said.out
    assert "multiply-adds: 4.087 G, which is 8.174 GFLOPs" in said.out


def test_json_has_every_layer(cli) -> None:
    found = cli("models", "show", "mobilenetv2", "--input", "3x224x224", "--json").object
    assert found["encoder"] is None and found["input"] == [3, 224, 224] and found["stride"] == 32
    assert found["parameters"] == sum(layer["parameters"] for layer in found["layers"]) == 2_223_872
    assert found["multiply_adds"] == sum(layer["multiply_adds"] for layer in found["layers"])
    assert [feature["shape"] for feature in found["outputs"]][-1] == [1280, 7, 7]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mobilenet_v2",), "Did you mean 'mobilenet-v2'"),
        (("unet", "--encoder", "resnet19"), "Unknown encoder 'resnet19'"),
        (("unet:depth=3",), "option of architecture 'unet': 'depth'"),
        (("resnet18", "--encoder", "plain"), "segport models show unet --encoder resnet18"),
        (("resnet18", "--classes", "3"), "classes = 3: of an architecture"),
        (("unet", "--input", "256x256"), "expected 3 values, as in 3x256x384"),
        (("unet", "--input", "3x0x256"), "input = '3x0x256'"),
        (("unet", "--classes", "0"), "classes = '0'"),
        (("unet", "--encoder", "plain", "--input", "3x8x8"), "window of 2"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_what_mends_it(cli, arguments: tuple[str, ...], words: str) -> None:
    cli("models", "show", *arguments).failed(2, words)


PAGE = (Path(__file__).resolve().parents[2] / "docs/models.md").read_text(encoding="utf-8")


def table(title: str) -> list[str]:
    """The rows under a heading of the page on models."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def test_the_page_on_models_has_the_numbers_of_encoders_that_show_prints() -> None:
    toolkit, rows = Toolkit(), []
    for name in ENCODERS:
        report = toolkit.show_model(ShowModelSettings(Choice(name), input=(3, 224, 224)))
        channels = ", ".join(str(feature.shape[0]) for feature in report.outputs)
        first, giga = 224 // report.outputs[0].shape[1], report.multiply_adds / 1e9
        rows.append(f"| `{name}` | {channels} | 1/{first} | {report.parameters:,} | {giga:.2f} |")
    assert table("Encoders") == rows


def test_the_page_on_models_has_the_numbers_of_architectures_that_show_prints() -> None:
    toolkit, rows = Toolkit(), set()
    for name in ARCHITECTURES:
        settings = ShowModelSettings(Choice(name), encoder=Choice("resnet50"), input=(3, 256, 256), classes=21)
        report = toolkit.show_model(settings)
        rows.add(f"| `{name}` | {report.stride} | {report.parameters:,} | {report.multiply_adds / 1e9:.2f} ")
    assert {line.rpartition("|")[0].rpartition("|")[0] for line in table("Architectures")} == rows
