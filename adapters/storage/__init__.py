"""What lies on disk: prepared data sets, runs, checkpoints."""
