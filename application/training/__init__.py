"""Training: the recipe, the loop, and the service that joins them."""
