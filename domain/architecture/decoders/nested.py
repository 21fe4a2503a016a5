"""The nested skip pathways of a U-Net++ (Zhou et al. 2018, 1807.10165, equation 1)."""

from __future__ import annotations

from collections.abc import Sequence

from ..builder import GraphBuilder
from ..operations import Concat, Resize


def nested(graph: GraphBuilder, features: Sequence[str], channels: Sequence[int], mode: str) -> list[str]:
    """Adds the blocks X(i, j) of every size i and depth j, and returns the finest row: X(0, 1), X(0, 2) ...

    Each joins all earlier results of its size with the next coarser size's last one, enlarged, and convolves twice.

    Args:
        graph: what to draw into.
        features: the encoder's, finest first: X(0, 0), X(1, 0) ...
        channels: of the blocks of each size, finest first; one fewer than features.
        mode: of the resizing.
    """
    rows = [[feature] for feature in features]
    for j in range(1, len(features)):
        for i in range(len(features) - j):
            name = f"decoder.{i}_{j}"
            enlarged = graph.add(Resize(mode), rows[i + 1][j - 1], rows[i][0], name=f"{name}.resize")
            node = graph.add(Concat(), *rows[i], enlarged, name=f"{name}.concat")
            for k in range(2):
                node = graph.conv_norm_act(node, channels[i], name=f"{name}.{k}")
            rows[i].append(node)
    return rows[0][1:]
