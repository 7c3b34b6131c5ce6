"""Publishing results to MLflow, the only part that imports it."""
