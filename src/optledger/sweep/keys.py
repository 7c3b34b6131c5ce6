"""The key of a trial: a digest of all that its bytes follow from, and of nothing else."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from optledger.core.errors import UserError
from optledger.core.formats import canonical_json, digest
from optledger.core.paths import PREPARED
from optledger.datasets.examples import Examples
from optledger.datasets.prepared import read_split
from optledger.training.program import machine, program
from optledger.trials.store import Document
from optledger.trials.trial import Trial

# What a trial runs: the engine, in the environment that is pinned for it.
_PROGRAM = ("optledger.training.engine", "optledger.training.runtime")

_SPLITS = ("train", "validation")


Stamp = tuple[int, int, int] | None


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
        self._splits = {name: prepared / f"{name}.npz" for name in _SPLITS}
        self._prepared = prepared
        self._by_model: dict[str, dict[str, dict[str, str]]] = {}
        self._processor = machine()
        self._stamps: dict[Path, Stamp] = {}

    def keyed(self, trial: Trial) -> KeyedTrial:
        """Return a trial with its key.

        Raises:
            UserError: the splits are not here, a model's file is no Python, or it imports what is
                no installed package.
        """
        model = trial.specification.model.name
        if model not in self._by_model:
            found = program(_PROGRAM, model)
            self._stamps |= {file: _stamp(file) for file in found.files}
            self._by_model[model] = found.document
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
        # As it is read again: texts as keys, and one form for each number.
        plain = json.loads(canonical_json(document))
        return KeyedTrial(trial, plain, digest(plain))

    def check(self) -> None:
        """Check that what keys were made of is as it was, as workers read it later.

        Raises:
            UserError: a file has been written since.
        """
        for file, stamp in self._stamps.items():
            if _stamp(file) != stamp:
                raise UserError(
                    f"{file}: found it written while trials that follow from it were trained; "
                    "allowed: the same command again, which trains what is wanting"
                )

    @cached_property
    def _data(self) -> Mapping[str, str]:
        self._stamps |= {file: _stamp(file) for file in self._splits.values()}
        # Of the arrays that a trial is given, however they are read.
        return {name: examples_digest(read_split(name, self._prepared)) for name in _SPLITS}


def _stamp(file: Path) -> Stamp:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def examples_digest(examples: Examples) -> str:
    """Return the SHA-256 of inputs and targets, however they are read."""
    found = hashlib.sha256()
    for name, array in examples._asdict().items():
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
