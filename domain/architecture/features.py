"""What an architecture asks of an encoder: its features, checked, and how coarse the last of them are."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import attrs

from ..errors import InvalidSpecError
from ..ports.model import Encoder
from .builder import GraphBuilder
from .graph import IMAGE


def features(graph: GraphBuilder, encoder: Encoder, architecture: str, *, least: int, coarser: bool) -> list[str]:
    """Draws ``encoder`` and returns its features, finest first.

    Args:
        graph: what to draw into.
        encoder: any.
        architecture: whose name an error says.
        least: so many features are needed.
        coarser: whether each must be coarser than the one before, as where features are joined on the way up.

    Raises InvalidSpecError for an encoder with fewer features, or with two of one size where ``coarser``.
    """
    found, name = list(encoder.build(graph, IMAGE)), type(encoder).__name__
    if len(found) < least:
        raise InvalidSpecError(
            f"{architecture} needs an encoder with at least {least} features; {name} has {len(found)}.",
            fix="Give the encoder more stages.",
        )
    scales = [graph.scale(feature) or 0 for feature in found]
    if coarser and any(b <= a for a, b in pairwise(scales)):
        raise InvalidSpecError(
            f"{architecture} needs features that get coarser; {name} has them at"
            f" {', '.join(f'1/{s}' for s in scales)} of the image."
        )
    return found


def with_output_stride(encoder: Encoder, stride: int) -> Encoder:
    """``encoder``, its features no more than ``stride`` times smaller than the image, where it leaves that open.

    See ``ports.model.Encoder``.
    """
    fields: Any = encoder
    return attrs.evolve(fields, output_stride=stride) if getattr(fields, "output_stride", stride) is None else encoder
