"""dvc.yaml and dvc.lock, and the sets of parameters that DVC runs."""
