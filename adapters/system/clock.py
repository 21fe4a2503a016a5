"""The machine's time."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """Implements ``domain.ports.clock.Clock``."""

    def now(self) -> str:
        """UTC now: "2026-11-21T12:00:00Z"."""
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def seconds(self) -> float:
        """Monotonic seconds."""
        return time.perf_counter()
