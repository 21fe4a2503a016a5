"""Public data sets: what they consist of, where it lies, and how a part of one is chosen."""
