"""segport: image segmentation, one pipeline for any framework.

>>> import segport
>>> toolkit = segport.Toolkit()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .adapters.memory.dataset import SampleDataset
    from .adapters.memory.sources import ArraySource
    from .adapters.memory.store import in_memory
    from .application.settings import (
        CompareBackendsSettings,
        CompareSettings,
        DownloadSettings,
        EvaluateSettings,
        ExportSettings,
        GenerateSettings,
        InspectSettings,
        PredictSettings,
        PrepareSettings,
        ScoreSettings,
        SeedsSettings,
        ShowModelSettings,
        TrainSettings,
    )
    from .bootstrap import Settings, Toolkit
    from .domain.errors import SegportError
    from .session import Session, open

_HOMES = {
    "ArraySource": "adapters.memory.sources",
    "CompareBackendsSettings": "application.settings",
    "CompareSettings": "application.settings",
    "DownloadSettings": "application.settings",
    "EvaluateSettings": "application.settings",
    "ExportSettings": "application.settings",
    "GenerateSettings": "application.settings",
    "InspectSettings": "application.settings",
    "PredictSettings": "application.settings",
    "PrepareSettings": "application.settings",
    "ScoreSettings": "application.settings",
    "SampleDataset": "adapters.memory.dataset",
    "SeedsSettings": "application.settings",
    "Session": "session",
    "ShowModelSettings": "application.settings",
    "TrainSettings": "application.settings",
    "Settings": "bootstrap",
    "Toolkit": "bootstrap",
    "SegportError": "domain.errors",
    "in_memory": "adapters.memory.store",
    "open": "session",
}

__all__ = [
    "ArraySource",
    "CompareBackendsSettings",
    "CompareSettings",
    "DownloadSettings",
    "EvaluateSettings",
    "ExportSettings",
    "GenerateSettings",
    "InspectSettings",
    "PredictSettings",
    "PrepareSettings",
    "SampleDataset",
    "ScoreSettings",
    "SeedsSettings",
    "SegportError",
    "Session",
    "Settings",
    "ShowModelSettings",
    "Toolkit",
    "TrainSettings",
    "__version__",
    "in_memory",
    "open",
]


def __getattr__(name: str) -> object:
    """Public names are imported when first used, so that ``import segport`` costs nothing (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
