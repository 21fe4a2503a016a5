"""What the application asks of the outside world, one family per file."""
