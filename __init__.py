"""segport: image segmentation, one pipeline for any framework."""

__version__ = "0.1.0"
