"""The key of a trial: a digest of all that its bytes depend on, and of nothing else."""

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

# The modules that a trial runs: the engine, and the environment that is pinned for it.
_PROGRAM = ("optledger.training.engine", "optledger.training.runtime")

_SPLITS = ("train", "validation")


Stamp = tuple[int, int, int] | None


class KeyedTrial(NamedTuple):
    """A trial, a document of all that its bytes depend on, and the document's digest."""

    trial: Trial
    document: Document
    key: str


class Keys:
    """Makes the keys of this checkout's trials. Code and data are read once."""

    def __init__(self, prepared: Path = PREPARED) -> None:
        """Read no code and no data yet.

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
            UserError: the splits are missing, a model's file is no Python, or it imports a package
                that is not installed.
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
        # In the form in which it is read again: keys are texts, and each number has one form.
        plain = json.loads(canonical_json(document))
        return KeyedTrial(trial, plain, digest(plain))

    def check(self) -> None:
        """Check that the files behind the keys have not changed, as workers read them later.

        Raises:
            UserError: a file has been written since.
        """
        for file, stamp in self._stamps.items():
            if _stamp(file) != stamp:
                raise UserError(
                    f"{file}: changed while trials that depend on it were trained; run the same "
                    "command again, which trains what is missing"
                )

    @cached_property
    def _data(self) -> Mapping[str, str]:
        self._stamps |= {file: _stamp(file) for file in self._splits.values()}
        # Digests of the arrays that a trial is given, however these are stored.
        return {name: examples_digest(read_split(name, self._prepared)) for name in _SPLITS}


def _stamp(file: Path) -> Stamp:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def examples_digest(examples: Examples) -> str:
    """Return the SHA-256 of inputs and targets, however these are stored."""
    found = hashlib.sha256()
    for name, array in examples._asdict().items():
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
