"""The expanding path of a U-Net: enlarge, join with the encoder's feature of that size, convolve twice."""

from __future__ import annotations

from collections.abc import Sequence

from ..builder import GraphBuilder
from ..operations import Concat, Resize


def expand(
    graph: GraphBuilder, deepest: str, skips: Sequence[str], full: str | None, channels: Sequence[int], mode: str
) -> list[str]:
    """Adds one block per entry of ``channels`` and returns their results, coarsest first.

    Args:
        graph: what to draw into.
        deepest: the encoder's coarsest feature.
        skips: its other features, coarsest first.
        full: a node of the size to go on to when the skips are used up, joined with nothing; or None to stop there.
        channels: of each block's result.
        mode: of the resizing.
    """
    stages: list[str] = []
    node = deepest
    targets = [*skips, full] if full else list(skips)
    for stage, (target, width) in enumerate(zip(targets, channels, strict=True)):
        name = f"decoder.{stage}"
        node = graph.add(Resize(mode), node, target, name=f"{name}.resize")
        if stage < len(skips):
            node = graph.add(Concat(), node, target, name=f"{name}.concat")
        for i in range(2):
            node = graph.conv_norm_act(node, width, name=f"{name}.{i}")
        stages.append(node)
    return stages
