"""Seeds for a while: torch's generators belong to the whole process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_GENERATORS = threading.Lock()
"""What one thread draws after seeding must not come from another's seed."""


@contextmanager
def seeded(seed: int | None, device: torch.device | None = None) -> Iterator[None]:
    """Inside, torch draws by this seed, on the CPU and on a GPU that is named; afterwards as if nothing had been drawn.

    Without a seed it draws as it would have.
    """
    with _GENERATORS, torch.random.fork_rng([device] if device is not None and device.type == "cuda" else []):
        if seed is not None:
            torch.manual_seed(seed)
        yield
