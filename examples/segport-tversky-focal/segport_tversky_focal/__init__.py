"""A loss and a metric for segport."""
