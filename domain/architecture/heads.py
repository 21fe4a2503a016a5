"""What makes logits of features."""

from __future__ import annotations

from .builder import GraphBuilder
from .graph import IMAGE
from .operations import Conv, Dropout, Resize


def head(graph: GraphBuilder, source: str, outputs: int, *, name: str, kernel: int = 1, dropout: float = 0.0) -> str:
    """Logits of ``source`` at the image's size: dropout if any, a convolution called ``name``, a resize if needed.

    The convolution has a bias that starts at zero and a Xavier kernel: nothing rectified comes after it.
    """
    if dropout:
        source = graph.add(Dropout(dropout), source, name=f"{name}_dropout")
    operation = Conv(outputs, kernel, padding=kernel // 2, bias=True, init="xavier")
    logits = graph.add(operation, source, name=name)
    if graph.scale(logits) == 1:
        return logits
    return graph.add(Resize(), logits, IMAGE, name=f"{name}_resize")
