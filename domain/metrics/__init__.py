"""Confusion counts and every number computed from them."""
