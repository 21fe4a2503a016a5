"""What this package offers. Its formulas are imported when they are used."""

from typing import Any

from segport.plugins import Entries, Entry, Kind, hookimpl


def _loss() -> Any:
    from .parts import FocalTversky

    return FocalTversky


def _metric() -> Any:
    from .parts import TverskyIndex

    return TverskyIndex


@hookimpl
def segport_losses() -> Entries:
    """Focal Tversky."""
    return [Entry(Kind.LOSS, "tversky-focal", "Tversky loss to a power; Abraham and Khan 2019", _loss)]


@hookimpl
def segport_metrics() -> Entries:
    """The index of that loss."""
    return [Entry(Kind.METRIC, "tversky-index", "overlap in which a miss costs more than a false alarm", _metric)]
