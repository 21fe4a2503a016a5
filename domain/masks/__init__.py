"""Mask encodings: one-hot, colours, palettes, run-length, planes, instances."""
