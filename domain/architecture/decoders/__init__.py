"""Decoders: functions that turn a feature pyramid into full-resolution features."""
