"""An honest store of runs, which hands on to what saboteurs break: a run in it, or the store itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from segport.adapters.memory.runs import MemoryRun, MemoryRuns
from segport.adapters.storage.runs import RunFolder


class Run:
    """Hands everything on to an honest run."""

    def __init__(self, honest: MemoryRun | RunFolder) -> None:
        self.honest = honest

    def __getattr__(self, name: str) -> Any:
        return getattr(self.honest, name)


class Store:
    """Hands everything on to an honest store, with runs of the kind in between."""

    honest: Callable[[], Any] = MemoryRuns
    run: type[Run] = Run

    def __init__(self, folder: Path) -> None:
        self.inner = type(self).honest()
        self.runs: dict[Path, Run] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def create(self, path: Path, configuration: Any) -> Any:
        return self.runs.setdefault(path, self.run(self.inner.create(path, configuration)))

    def open(self, path: Path) -> Any:
        self.inner.open(path)
        return self.runs[path]


def store_of(run: type[Run], honest: Callable[[], Any] = MemoryRuns) -> type[Store]:
    return type(run.__name__, (Store,), {"run": run, "honest": staticmethod(honest)})
