"""What the machine took for a variant's trials: beside the results, and no part of them.

DVC does not know the file, so that it stays behind where DVC brings other trials: it names the
bytes that it was observed with, and is of no account beside others.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import NonNegativeFloat

from optledger.documents import Section
from optledger.formats import file_digest, rounded, write_json
from optledger.training.trial import TrialResult


class _Observation(Section):
    """The file: SHA-256 of the trials' files by name, and the median seconds of each seed."""

    outputs: dict[str, str]
    seconds_per_epoch: dict[int, NonNegativeFloat]


def write_observation(path: Path, trials: Path, results: Sequence[TrialResult]) -> None:
    """Write the seconds an epoch of a variant's final trials.

    Args:
        path: the file to write.
        trials: the folder that holds what the trials left.
        results: the trials.
    """
    observation = {
        "outputs": _digests(trials),
        "seconds_per_epoch": {
            str(result.seed): rounded(result.seconds_per_epoch) for result in results
        },
    }
    write_json(path, observation)


def read_seconds_per_epoch(path: Path, trials: Path) -> Mapping[int, float]:
    """Return the seconds an epoch by seed; nothing where they were not observed.

    That is where the file is missing or cannot be read, or was written beside other trials than
    those that the folder holds now.
    """
    try:
        observation = _Observation.model_validate_json(path.read_bytes())
        current = observation.outputs == _digests(trials)
    except (OSError, ValueError):
        return {}
    return observation.seconds_per_epoch if current else {}


def _digests(trials: Path) -> dict[str, str]:
    return {name: file_digest(trials / name) for name in ("history.csv", "weights.npz")}
