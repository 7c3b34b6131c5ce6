"""publish: make the MLflow store agree with the results."""

import os
from pathlib import Path

from optledger import errors, params, stages
from optledger.datasets import registry
from optledger.paths import CASES
from optledger.stages import undeclared


def main() -> None:
    """Run the stage."""
    # Read when MLflow is imported, or by its HTTP client; a user's own settings stand.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    from optledger.tracking.runs import collect, collect_cases
    from optledger.tracking.store import Published, publish, tracking_uri

    settings = params.load()
    undeclared.forget("case", CASES, settings.cases)
    # In a temporary copy of an experiment, DVC names the repository that it was made from.
    root = Path(os.environ.get("DVC_ROOT", "."))
    experiments = {
        f"optledger-{settings.dataset}": collect(settings, registry.load(settings.dataset)),
        # Not of the dataset, and so not beside its runs.
        "optledger-cases": collect_cases(settings),
    }
    counts = [publish(runs, experiment, root) for experiment, runs in experiments.items()]
    done = Published(*map(sum, zip(*counts, strict=True)))
    print(
        f"publish: {sum(done)} runs at {errors.without_credentials(tracking_uri(root))}: "
        f"{done.created} created, {done.completed} completed, {done.present} already there"
    )


if __name__ == "__main__":
    stages.run(main)
