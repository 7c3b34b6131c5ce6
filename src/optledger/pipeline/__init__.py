"""The DVC pipeline: dvc.yaml, dvc.lock, and sets of parameters run as experiments."""
