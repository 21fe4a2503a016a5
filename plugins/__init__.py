"""How parts are found by name: hooks, entries, manager, registry.

A plugin package implements some of the hooks in ``hookspecs`` and names its module in the entry-point group "segport".
"""

from .entries import Entries, Entry, Kind
from .hookspecs import hookimpl

__all__ = ["Entries", "Entry", "Kind", "hookimpl"]
