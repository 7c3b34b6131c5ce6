"""The key of a trial: a digest of all that its bytes follow from, and of nothing else."""

import platform
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from optledger.core.formats import digest, file_digest
from optledger.core.paths import PREPARED
from optledger.training import kernels
from optledger.training.program import ingredients
from optledger.trials.observations import processor
from optledger.trials.store import Document
from optledger.trials.trial import Trial

# What a trial runs: the engine, in the environment that is pinned for it.
_PROGRAM = ("optledger.training.engine", "optledger.training.runtime")

_SPLITS = ("train", "validation")


class KeyedTrial(NamedTuple):
    """A trial, what its bytes follow from, and the digest of that."""

    trial: Trial
    document: Document
    key: str


class Keys:
    """What the trials of this checkout follow from, read once."""

    def __init__(self, prepared: Path = PREPARED) -> None:
        """Read nothing yet.

        Args:
            prepared: the folder of the splits.
        """
        self._prepared = prepared
        self._by_model: dict[str, dict[str, dict[str, str]]] = {}
        self._processor = _processor()

    def keyed(self, trial: Trial) -> KeyedTrial:
        """Return a trial with its key.

        Raises:
            UserError: the splits are not here, or a model's file is no Python.
        """
        model = trial.specification.model.name
        if model not in self._by_model:
            self._by_model[model] = ingredients(_PROGRAM, model)
        document = {
            "trial": {
                "specification": asdict(trial.specification),
                "learning_rate": trial.learning_rate,
                "seed": trial.seed,
            },
            **self._by_model[model],
            "data": self._data,
            "processor": self._processor,
        }
        return KeyedTrial(trial, document, digest(document))

    @cached_property
    def _data(self) -> Mapping[str, str]:
        return {name: file_digest(self._prepared / f"{name}.npz") for name in _SPLITS}


def _processor() -> dict[str, str]:
    """Describe what counts of this processor: not more than the pins leave of it."""
    kept = {"architecture": platform.machine(), "instruction_set": kernels.instruction_set()}
    return kept if kernels.why_not() is None else kept | {"model": processor()}
