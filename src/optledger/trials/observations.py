"""Observations of a variant's trials, such as time and memory: kept apart from the results.

DVC does not track the file of observations, and leaves it in place when it brings other trials. So
the file names the digests of its trials, and is ignored beside other ones.
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
from optledger.trials.trial import TrialResult


class TrialObservation(Section):
    """The time and memory that a trial took, and the machine that it ran on.

    Attributes:
        seconds_per_epoch: the median over the epochs after the first, which compiles.
        peak_memory_mib: the peak resident memory of the trial's process up to the trial's end, in
            MiB. It includes earlier trials of the process, and TensorFlow, which workers share.
            Several workers therefore take less than a multiple of it.
        platform: the operating system and the kind of processor, for example `Linux x86_64`.
        processor: the processor's model name, as reported by the system.
        instruction_set: the trial's: AVX2, or the kind of a processor without the pin.
        cores: how many logical cores the machine has.
        threads: how many threads the trial used.
        workers: the most trials that ran side by side.
    """

    seconds_per_epoch: NonNegativeFloat
    peak_memory_mib: NonNegativeFloat
    platform: str
    processor: str
    instruction_set: str
    cores: PositiveInt
    threads: PositiveInt
    workers: PositiveInt = 1


class FinishedTrial(NamedTuple):
    """A trial's result, and the observation of the trial if it is known."""

    result: TrialResult
    observation: TrialObservation | None


class Observation(Section):
    """The content of the file: the observations of a variant's final trials.

    Attributes:
        outputs: SHA-256 of the trials' files, by name.
        seeds: the observations by seed, without trials whose machine is not known.
    """

    outputs: dict[str, str]
    seeds: dict[int, TrialObservation]

    @property
    def peak_memory_mib(self) -> float:
        """The highest peak memory among the trials."""
        return max(each.peak_memory_mib for each in self.seeds.values())

    @property
    def instruction_set(self) -> str:
        """The instruction sets of all trials, separated by commas."""
        return ", ".join(sorted({each.instruction_set for each in self.seeds.values()}))


def observe(
    seconds_per_epoch: float, peak_memory_mib: float, instruction_set: str, threads: int
) -> TrialObservation:
    """Return the observation of a trial that ran on this machine."""
    return TrialObservation(
        seconds_per_epoch=rounded(seconds_per_epoch) or 0.0,
        peak_memory_mib=rounded(peak_memory_mib) or 0.0,
        platform=f"{platform.system()} {platform.machine()}",
        processor=processor(),
        instruction_set=instruction_set,
        cores=os.cpu_count() or 1,
        threads=threads,
    )


def write_observation(path: Path, trials: Path, observed: Mapping[int, TrialObservation]) -> None:
    """Write the observations of a variant's final trials.

    Args:
        path: the file to write.
        trials: the folder of the trials' files.
        observed: the observations by seed. If there are none, the file is removed.
    """
    if not observed:
        path.unlink(missing_ok=True)
        return
    seeds = {str(seed): each.model_dump(mode="json") for seed, each in observed.items()}
    write_json(path, {"outputs": _digests(trials), "seeds": seeds})


def read_observation(path: Path, trials: Path) -> Observation | None:
    """Return the observations of the trials in a folder; None if there are none.

    There are none if the file is missing, cannot be read, comes from another version, or was
    written beside other trials.

    Args:
        path: the file to read.
        trials: the folder of the trials' files.
    """
    try:
        observation = Observation.model_validate_json(read(path))
        known = observation.seeds and observation.outputs == _digests(trials)
        return observation if known else None
    except (OSError, ValueError, UserError):
        return None


def _digests(trials: Path) -> dict[str, str]:
    return {name: file_digest(trials / name) for name in ("history.csv", "weights.npz")}


def processor() -> str:
    """Return the first core's model name, or its kind where the system has no name for it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor()) or platform.machine()
