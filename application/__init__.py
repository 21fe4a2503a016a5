"""Use cases: prepare, train, evaluate, predict, score. They know the domain and its ports, nothing else."""
