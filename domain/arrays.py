"""Names for the arrays that cross borders, by shape and dtype.

N images of H by W pixels, C channels, K classes. Images are channels-last everywhere outside a backend.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]
"""(H, W, C) uint8, C is 1 or 3 (RGB)."""
Labels: TypeAlias = NDArray[np.uint8]
"""(H, W) uint8 class indices; ``IGNORE`` marks pixels that count nowhere. Of a multilabel task, ``Planes``."""
Images: TypeAlias = NDArray[np.uint8]
"""(N, H, W, C) uint8."""
LabelBatch: TypeAlias = NDArray[np.uint8]
"""(N, H, W) uint8; (N, H, W, K) of planes."""
Planes: TypeAlias = NDArray[np.uint8]
"""(H, W, K) uint8, one plane a class: 1 inside, 0 outside, ``IGNORE`` where this class does not count."""
Logits: TypeAlias = NDArray[np.float32]
"""(N, H, W, K) float32."""
Probabilities: TypeAlias = NDArray[np.float32]
"""(H, W, K) or (N, H, W, K) float32 in [0, 1]."""
Counts: TypeAlias = NDArray[np.int64]
"""(K, K) int64: row = truth, column = prediction. Of planes (K, 2, 2): such a matrix for each class by itself."""
Matrix: TypeAlias = NDArray[np.float64]
"""(3, 3) float64: maps (x, y, 1) pixel-centre coordinates."""
AnyArray: TypeAlias = NDArray[Any]

IGNORE = 255
"""The one label that means "not counted", inside the program. What means it in files is the class map's business."""
