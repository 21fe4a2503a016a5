"""Mask encodings: one-hot, colours, palettes, run-length, polygons, planes, instances."""
