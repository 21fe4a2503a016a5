"""A package with parts of one's own, to begin with: its modules are those beside this one, with other names in them."""
