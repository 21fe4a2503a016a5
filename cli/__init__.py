"""argv and TOML in, text and exit codes out."""
