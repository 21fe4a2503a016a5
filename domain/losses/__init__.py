"""Losses written once, as formulas over a small operation table."""
