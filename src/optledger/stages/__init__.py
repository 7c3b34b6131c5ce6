"""The stages of dvc.yaml: edges that read files, call pure functions and write files."""
