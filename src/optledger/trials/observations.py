"""What the machine took for a variant's trials: beside the results, and no part of them.

DVC does not know the file, so that it stays behind where DVC brings other trials: it names the
bytes that it was observed with, and is of no account beside others.
"""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import NonNegativeFloat, PositiveInt

from optledger.core.documents import Section
from optledger.core.errors import UserError
from optledger.core.formats import file_digest, read, rounded, write_json
from optledger.trials.trial import Cost


class Observation(Section):
    """The file: what one machine took to train a variant with its seeds.

    Attributes:
        outputs: SHA-256 of the trials' files, by name.
        seconds_per_epoch: by seed, the median of the epochs after the first.
        peak_memory_mib: the most memory that any one worker process that trained a seed ever had
            resident, in MiB: TensorFlow and its part of the search for the learning rate included.
            Workers share some of it, so that together they take less than its multiple.
        platform: the operating system and the kind of processor, for example `Linux x86_64`.
        processor: the model's name, as the system tells it.
        instruction_set: what the trials were computed with: AVX2, or what lacks it.
        cores: logical ones, of the machine.
        threads: that each trial computed with.
        workers: trials that ran side by side, at most.
    """

    outputs: dict[str, str]
    seconds_per_epoch: dict[int, NonNegativeFloat]
    peak_memory_mib: NonNegativeFloat
    platform: str
    processor: str
    instruction_set: str
    cores: PositiveInt
    threads: PositiveInt
    workers: PositiveInt


class Computed(NamedTuple):
    """With what the trials were computed: fields of `Observation`."""

    instruction_set: str
    threads: int
    workers: int


def write_observation(
    path: Path, trials: Path, costs: Mapping[int, Cost], computed: Computed
) -> None:
    """Write what this machine took for a variant's final trials.

    Args:
        path: the file to write.
        trials: the folder that holds what the trials left.
        costs: of the trials, by seed.
        computed: with what.
    """
    observation = {
        "outputs": _digests(trials),
        "seconds_per_epoch": {
            str(seed): rounded(cost.seconds_per_epoch) for seed, cost in costs.items()
        },
        "peak_memory_mib": rounded(max(cost.peak_memory_mib for cost in costs.values())),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        **computed._asdict(),
    }
    write_json(path, observation)


def read_observation(path: Path, trials: Path) -> Observation | None:
    """Return what was observed of the trials that the folder holds; None where nothing was.

    That is where the file is missing or cannot be read, is from another version, or was written
    beside other trials.
    """
    try:
        observation = Observation.model_validate_json(read(path))
        return observation if observation.outputs == _digests(trials) else None
    except (OSError, ValueError, UserError):
        return None


def _digests(trials: Path) -> dict[str, str]:
    return {name: file_digest(trials / name) for name in ("history.csv", "weights.npz")}


def _processor() -> str:
    """Return the model of the first core, or its kind where the system has no name for it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor()) or platform.machine()
