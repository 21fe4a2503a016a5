"""Our SegFormer against the published structure, written out in torch by hand, with torch's own attention."""

from __future__ import annotations

import numpy as np
import pytest

from segport.adapters.reference.model import run
from segport.domain.architecture.encoders.mit import MixTransformer
from segport.domain.architecture.segformer import SegFormer
from segport.plugins.conformance.subject import lively

torch = pytest.importorskip("torch", exc_type=ModuleNotFoundError)
functional = torch.nn.functional

HEADS, REDUCTIONS = (1, 2, 5, 8), (8, 4, 2, 1)


class Small(MixTransformer):
    """Two blocks in one stage, one in the others."""

    channels, blocks = (4, 8, 10, 16), (1, 2, 1, 1)


class Published:
    """Layers by transformers' names, over a set of weights. Pixels are tokens (N, pixels, C), as there."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self.weights = {name: torch.from_numpy(array).double() for name, array in weights.items()}

    def both(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        return self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = self.both(name)
        return functional.linear(x, weight.flatten(1), bias)

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.layer_norm(x, x.shape[-1:], *self.both(name), 1e-5)

    def attention(self, x: torch.Tensor, size: tuple[int, int], stage: int, name: str) -> torch.Tensor:
        seen = x
        if REDUCTIONS[stage] > 1:
            seen = functional.conv2d(as_map(x, size), *self.both(f"{name}.self.sr"), stride=REDUCTIONS[stage])
            seen = self.norm(as_tokens(seen), f"{name}.self.layer_norm")
        theirs = torch.nn.MultiheadAttention(x.shape[-1], HEADS[stage], batch_first=True, dtype=torch.float64)
        inner = [self.both(f"{name}.self.{part}") for part in ("query", "key", "value")]
        state = {
            "in_proj_weight": torch.cat([weight.flatten(1) for weight, _ in inner]),
            "in_proj_bias": torch.cat([bias for _, bias in inner]),
            "out_proj.weight": self.weights[f"{name}.output.dense.weight"].flatten(1),
            "out_proj.bias": self.weights[f"{name}.output.dense.bias"],
        }
        theirs.load_state_dict(state)
        return theirs(x, seen, seen, need_weights=False)[0]

    def mix(self, x: torch.Tensor, size: tuple[int, int], name: str) -> torch.Tensor:
        x = as_map(self.linear(x, f"{name}.dense1"), size)
        x = functional.conv2d(x, *self.both(f"{name}.dwconv.dwconv"), padding=1, groups=x.shape[1])
        return self.linear(functional.gelu(as_tokens(x)), f"{name}.dense2")

    def encoder(self, x: torch.Tensor) -> list[torch.Tensor]:
        features = []
        for stage, count in enumerate(Small.blocks):
            name = f"encoder.patch_embeddings.{stage}"
            stride, padding = (4, 3) if stage == 0 else (2, 1)
            x = functional.conv2d(x, *self.both(f"{name}.proj"), stride=stride, padding=padding)
            size = (x.shape[2], x.shape[3])
            x = self.norm(as_tokens(x), f"{name}.layer_norm")
            for block in (f"encoder.block.{stage}.{i}" for i in range(count)):
                x = x + self.attention(self.norm(x, f"{block}.layer_norm_1"), size, stage, f"{block}.attention")
                x = x + self.mix(self.norm(x, f"{block}.layer_norm_2"), size, f"{block}.mlp")
            x = as_map(self.norm(x, f"encoder.layer_norm.{stage}"), size)
            features.append(x)
        return features

    def decoder(self, features: list[torch.Tensor]) -> torch.Tensor:
        levels = []
        for i, x in enumerate(features):
            x = as_map(self.linear(as_tokens(x), f"decode_head.linear_c.{i}.proj"), x.shape[2:])
            levels.append(functional.interpolate(x, features[0].shape[2:], mode="bilinear", align_corners=False))
        x = functional.conv2d(torch.cat(levels[::-1], 1), self.weights["decode_head.linear_fuse.weight"])
        parts = ("running_mean", "running_var", "weight", "bias")
        x = functional.batch_norm(x, *(self.weights[f"decode_head.batch_norm.{part}"] for part in parts), eps=1e-5)
        return functional.conv2d(torch.relu(x), *self.both("decode_head.classifier"))


def as_map(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return x.transpose(1, 2).unflatten(2, size)


def as_tokens(x: torch.Tensor) -> torch.Tensor:
    return x.flatten(2).transpose(1, 2)


def test_its_logits_are_those_of_the_published_structure() -> None:
    graph = SegFormer(channels=8).graph(channels=3, outputs=3, encoder=Small())
    weights = lively(graph, 3)
    # Large enough that no pixel looks at all others alike.
    weights = {n: w * 20 if n.endswith(("query.weight", "key.weight")) else w for n, w in weights.items()}
    image = np.random.default_rng(4).normal(size=(2, 3, 64, 96))
    values, published = run(graph, weights, image), Published(weights)
    with torch.no_grad():
        features = published.encoder(torch.from_numpy(image))
        logits = published.decoder(features)
    for stage, feature in enumerate(features):
        np.testing.assert_allclose(values[f"encoder.layer_norm.{stage}"], feature.numpy(), atol=1e-9)
    assert np.abs(values["decode_head.classifier"]).max() > 0.1
    np.testing.assert_allclose(values["decode_head.classifier"], logits.numpy(), atol=1e-9)
