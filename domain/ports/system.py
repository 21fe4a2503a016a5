"""What can be learnt about the machine and the installation without importing any of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol


class System(Protocol):
    """Where segport runs."""

    def facts(self) -> Mapping[str, str]:
        """Interpreter, platform, processor, cores and memory: what is found, as text by name."""
        ...

    def core(self) -> Mapping[str, str]:
        """segport and the packages it needs whatever the framework: version by name, for those that are installed."""
        ...

    def packages(self, modules: Iterable[str]) -> Mapping[str, str]:
        """The installed packages that bring these modules: version by name. Two for one module is seldom well."""
        ...

    def variables(self) -> Mapping[str, str]:
        """Environment variables that change how frameworks run, where they are set."""
        ...
