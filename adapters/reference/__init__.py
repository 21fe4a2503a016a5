"""The NumPy backend: slow, readable, and the oracle the others are compared with."""
