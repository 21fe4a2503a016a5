"""JAX as a backend of segport."""
