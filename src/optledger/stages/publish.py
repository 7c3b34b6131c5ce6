"""publish: make the MLflow store agree with the results."""

import os
from pathlib import Path

from optledger import errors, params, stages
from optledger.datasets import registry


def main() -> None:
    """Run the stage."""
    # Read when MLflow is imported, or by its HTTP client; a user's own settings stand.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    from optledger.tracking.runs import collect
    from optledger.tracking.store import publish, tracking_uri

    settings = params.load()
    # In a temporary copy of an experiment, DVC names the repository that it was made from.
    root = Path(os.environ.get("DVC_ROOT", "."))
    runs = collect(settings, registry.load(settings.dataset))
    done = publish(runs, f"optledger-{settings.dataset}", root)
    print(
        f"publish: {len(runs)} runs at {errors.without_credentials(tracking_uri(root))}: "
        f"{done.created} created, {done.completed} completed, {done.present} already there"
    )


if __name__ == "__main__":
    stages.run(main)
