"""Optimizers, schedules, stopping and selection as pinned formulas."""
