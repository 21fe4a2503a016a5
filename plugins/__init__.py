"""How parts are found by name: hooks, entries, manager, registry."""
