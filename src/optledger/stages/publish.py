"""publish: make the MLflow store agree with the results."""

import os
from collections.abc import Sequence
from pathlib import Path

from optledger import stages
from optledger.core import params
from optledger.core.errors import without_credentials
from optledger.tracking.location import tracking_uri
from optledger.tracking.publication import publish, replace
from optledger.tracking.standing import TRY_OPTION
from optledger.verification.verify import check_outputs


def main() -> None:
    """Run the stage."""
    publish_results()


def publish_results(
    restore: bool = False, replaced: Sequence[str] = (), is_official: bool | None = None
) -> None:
    """Publish the recorded results, and print what was done.

    Args:
        restore: whether to bring back runs that a person deleted.
        replaced: ids of runs to delete and publish again.
        is_official: whether a person declares the results official; None to go by Git.

    Raises:
        UserError: a result is not the one that dvc.lock records, or MLflow refuses something.
    """
    # If this stage is run alone, DVC does not notice outputs that were edited by hand.
    check_outputs()
    settings = params.load()
    # In an experiment's temporary copy, DVC sets DVC_ROOT to the repository it was made from.
    root = Path(os.environ.get("DVC_ROOT", "."))
    if replaced:
        replace(replaced, root)
    done, told = publish(settings, root, restore, is_official)
    print(
        f"publish: {sum(done)} runs at {without_credentials(tracking_uri(root))}: "
        f"{done.created} created, {done.completed} completed, {done.present} already there",
        end="",
    )
    deleted = f", {done.deleted} deleted in MLflow (optledger publish --restore brings them back)"
    print(deleted if done.deleted else "")
    if told.is_official:
        print("publish: these results are official, and MLflow's answer is the newest of such")
    else:
        then = (
            "" if told.reason == TRY_OPTION else f" Commit them on {settings.publish.branch}, then:"
        )
        print(
            f"publish: these results are the try {told.attempt} ({told.reason}): they change no "
            f"official answer or champion.{then or ' To call them official:'} optledger publish"
        )


if __name__ == "__main__":
    stages.run(main)
