"""Losses written once, as formulas over a small operation table. ``catalogue.LOSSES`` lists them by name."""

from .supervision import halving_weights, supervised

__all__ = ["halving_weights", "supervised"]
