"""Data sets, runs and results that are nowhere but in memory."""
