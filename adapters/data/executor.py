"""The executor of one machine: threads. Pillow, OpenCV and NumPy let go of Python's lock while they work."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

from attrs import field, frozen

from ...domain.ports.dataset import Item, Result
from ..cpu import usable_cpus
from .ordered_map import ordered_map


@frozen
class ThreadExecutor:
    """Maps over items with ``workers`` threads; 0 works in the caller's own. Holds at most two results a worker."""

    workers: int = field(factory=usable_cpus)

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
        """Results in order of the items. An exception of the function is raised at its place."""
        return ordered_map(function, items, self.workers, 2 * self.workers)
