"""PyTorch.

Sets ``GOMP_SPINCOUNT`` where the environment says nothing and torch is not imported yet: it is read only then, and any
module of this package may be the first to import torch.
"""

import os
import sys

if sys.platform == "linux" and "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
    # OpenMP's workers spin while they wait; beside any other busy process that more than doubles a step.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
