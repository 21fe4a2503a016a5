"""Encoders: functions that add a feature pyramid to a graph."""
