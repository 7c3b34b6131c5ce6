"""What machines took for a variant's trials: beside the results, and no part of them.

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
from optledger.trials.trial import TrialResult


class TrialObservation(Section):
    """What a trial took where it ran.

    Attributes:
        seconds_per_epoch: the median of the epochs after the first, which compiles.
        peak_memory_mib: the most memory that the process which ran the trial ever had resident,
            up to the trial's end, in MiB: with TensorFlow, which workers share, and with what it
            ran before. Workers together take less than its multiple.
        platform: the operating system and the kind of processor, for example `Linux x86_64`.
        processor: the model's name, as the system tells it.
        instruction_set: what the trial was computed with: AVX2, or what lacks it.
        cores: logical ones, of the machine.
        threads: that the trial computed with.
        workers: trials that ran side by side, at most.
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
    """What a trial leaves, and what it took where that is known."""

    result: TrialResult
    observation: TrialObservation | None


class Observation(Section):
    """The file: what was observed of a variant's final trials.

    Attributes:
        outputs: SHA-256 of the trials' files, by name.
        seeds: by seed, what was observed; not of trials whose machine is not known.
    """

    outputs: dict[str, str]
    seeds: dict[int, TrialObservation]

    @property
    def peak_memory_mib(self) -> float:
        """The most that any worker had."""
        return max(each.peak_memory_mib for each in self.seeds.values())

    @property
    def instruction_set(self) -> str:
        """All that trials were computed with, as a list in words."""
        return ", ".join(sorted({each.instruction_set for each in self.seeds.values()}))


def observe(
    seconds_per_epoch: float, peak_memory_mib: float, instruction_set: str, threads: int
) -> TrialObservation:
    """Return what a trial took on this machine."""
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
    """Write what was observed of a variant's final trials.

    Args:
        path: the file to write.
        trials: the folder that holds what the trials left.
        observed: by seed; where there is nothing, the file is removed.
    """
    if not observed:
        path.unlink(missing_ok=True)
        return
    seeds = {str(seed): each.model_dump(mode="json") for seed, each in observed.items()}
    write_json(path, {"outputs": _digests(trials), "seeds": seeds})


def read_observation(path: Path, trials: Path) -> Observation | None:
    """Return what was observed of the trials that the folder holds; None where nothing was.

    That is where the file is missing or cannot be read, is from another version, or was written
    beside other trials.
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
    """Return the model of the first core, or its kind where the system has no name for it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor()) or platform.machine()
