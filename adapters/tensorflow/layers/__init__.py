"""Keras layers for what Keras has no layer of, or one that follows other conventions.

All take and give (N, H, W, C). Those with float32 arithmetic inside give their input's dtype back. They are registered
under "segport", so a saved model loads wherever this package has been imported.
"""

from .attention import Attention
from .convolution import WideConv
from .dropout import Dropout
from .normalisation import LayerNorm, LayerScale, Norm, Normalise
from .pooling import GridPool, MaxPool
from .resizing import Resize

__all__ = [
    "Attention",
    "Dropout",
    "GridPool",
    "LayerNorm",
    "LayerScale",
    "MaxPool",
    "Norm",
    "Normalise",
    "Resize",
    "WideConv",
]
