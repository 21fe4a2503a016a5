"""Weights by canonical name: seeded initialisation, fingerprint, and what keeps a set from fitting a graph.

The layout is the same on every backend: OIHW kernels, torchvision's names, float32.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Mapping
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from .graph import Graph
from .operation import WeightSpec

Weights: TypeAlias = Mapping[str, NDArray[np.float32]]
"""Arrays by "<node>.<suffix>": "encoder.layer1.0.conv1.weight"."""

T = TypeVar("T")

_SUFFIXES = ("weight", "bias", "running_mean", "running_var")


def initialise(graph: Graph, seed: int) -> dict[str, NDArray[np.float32]]:
    """The graph's first weights, the same for every backend.

    Each tensor has a generator of its own, seeded by ``seed`` and its name, so adding a node changes no other tensor.

    Args:
        graph: what needs weights.
        seed: not negative.
    """
    return {name: _initial(name, spec, seed) for name, spec in graph.weights().items()}


def own(node: str, weights: Mapping[str, T]) -> dict[str, T]:
    """A node's arrays among all of a graph, by suffix: "weight", "bias", "running_mean", "running_var"."""
    return {suffix: weights[name] for suffix in _SUFFIXES if (name := f"{node}.{suffix}") in weights}


def fingerprint(weights: Weights) -> str:
    """SHA-256 (hex) over names, shapes and little-endian float32 bytes, in order of name."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name], dtype="<f4")
        digest.update(f"{name}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def mismatch(graph: Graph, weights: Weights) -> list[str]:
    """Every reason why ``weights`` do not fit ``graph``: missing, unknown, misshapen or not float32 tensors."""
    expected = graph.weights()
    problems = [
        f"{name}: missing, expected shape {spec.shape}" for name, spec in expected.items() if name not in weights
    ]
    for name, array in weights.items():
        if name not in expected:
            problems.append(f"{name}: the graph has no such tensor")
        elif array.shape != expected[name].shape:
            problems.append(f"{name}: shape {array.shape}, expected {expected[name].shape}")
        elif array.dtype != np.float32:
            problems.append(f"{name}: {array.dtype}, expected float32")
    return problems


def _initial(name: str, spec: WeightSpec, seed: int) -> NDArray[np.float32]:
    generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
    match spec.init:
        case "he":  # He et al. 2015, 1502.01852, fan-out mode for ReLU, as torchvision's ResNet
            deviation = math.sqrt(2.0 / (spec.shape[0] * math.prod(spec.shape[2:])))
            return generator.normal(0.0, deviation, spec.shape).astype(np.float32)
        case "depthwise":  # the same by the fan out of one channel, as timm does it
            return generator.normal(0.0, math.sqrt(2.0 / math.prod(spec.shape[2:])), spec.shape).astype(np.float32)
        case "xavier":  # Glorot and Bengio 2010, uniform
            limit = math.sqrt(6.0 / ((spec.shape[0] + spec.shape[1]) * math.prod(spec.shape[2:])))
            return generator.uniform(-limit, limit, spec.shape).astype(np.float32)
        case "narrow":  # as vision transformers' linear layers begin, Dosovitskiy et al. 2020, 2010.11929
            return generator.normal(0.0, 0.02, spec.shape).astype(np.float32)
        case "zeros":
            return np.zeros(spec.shape, np.float32)
        case "ones":
            return np.ones(spec.shape, np.float32)
        case "tiny":
            return np.full(spec.shape, 1e-6, np.float32)
    raise ValueError(f"{name}: unknown initialisation {spec.init!r}.")
