"""Architectures as data: a graph that every backend turns into its own native model."""
