"""Seeded sampling of augmentation parameters and their composition into one affine matrix."""
