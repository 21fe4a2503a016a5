"""Losses written once, as formulas over a small operation table. ``catalogue.LOSSES`` lists them by name."""

from .supervision import supervised

__all__ = ["supervised"]
