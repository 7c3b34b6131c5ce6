"""Paths of the pipeline's inputs and outputs, relative to the root of the checkout."""

from pathlib import Path

PARAMS = Path("params.yaml")
EXPERIMENTS = Path("experiments")
DATASETS = Path("datasets")
LOCK = Path("dvc.lock")
RAW = Path("data/raw")
PREPARED = Path("data/prepared")
RESULTS = Path("results")
TRIALS = RESULTS / "trials"
OBSERVATIONS = RESULTS / "observations"
PREDICTIONS = RESULTS / "predictions"
TEST = RESULTS / "test"
CASES = RESULTS / "cases"
TENSORBOARD = Path("build/tensorboard")
PLOTS = Path("build/plots")
