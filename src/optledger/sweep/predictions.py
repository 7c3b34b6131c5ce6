"""Predictions for the test split, kept in the same way as trials: by all that they depend on."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

from optledger.core.formats import digest, pack_npz, unpack_npz
from optledger.datasets.examples import Examples
from optledger.datasets.prepared import read_split
from optledger.execution.executor import in_order
from optledger.sweep.keys import examples_digest
from optledger.training import tasks
from optledger.training.program import machine, program
from optledger.trials.places import PREDICTIONS, place
from optledger.trials.store import DamagedError, Entries
from optledger.trials.trial import Predictions, TrainedModel, Weights

_FORMAT = b"optledger predictions 2 "

# The modules that a prediction runs: the forward pass, and the environment pinned for it.
_PROGRAM = ("optledger.training.prediction", "optledger.training.runtime")


def kept_predictions() -> Entries:
    """Return the entries of kept predictions.

    Raises:
        UserError: OPTLEDGER_TRIALS names a place that cannot be used.
    """
    return Entries(place(PREDICTIONS), "predictions", "made")


def predict_test(trained: Sequence[TrainedModel]) -> list[Predictions]:
    """Return the predictions of some models, in order; kept predictions are not made again.

    Raises:
        UserError: as in `kept_predictions`; also if a model's file is no Python.
    """
    store, keys = kept_predictions(), _Keys(read_split("test"))
    by_key = {keys.of(each): each for each in trained}
    order = list(by_key)
    found = {key: each for key in order if (each := store.sound(key, unpack))}
    wanting = [by_key[key] for key in order if key not in found]
    if wanting:
        places = {(each.name, each.seed): key for key, each in by_key.items()}
        with tasks.workers(most=len(wanting)) as pool:
            for model, predictions in pool.run(tasks.predict_test, in_order(wanting)):
                key = places[model.name, model.seed]
                found[key] = predictions
                store.write(key, pack(key, predictions))
    return [found[keys.of(each)] for each in trained]


def pack(key: str, predictions: Predictions) -> bytes:
    """Return the bytes of an entry: a line with the key and the arrays' digest, then the arrays."""
    file = io.BytesIO()
    pack_npz(file, predictions._asdict())
    body = file.getvalue()
    return b"%s%s %s\n%s" % (_FORMAT, key.encode(), _sha256(body).encode(), body)


def unpack(key: str, content: bytes) -> Predictions:
    """Return the predictions that an entry holds.

    Raises:
        DamagedError: the content is no sound entry, or that of another key.
    """
    first, _, body = content.partition(b"\n")
    if first != b"%s%s %s" % (_FORMAT, key.encode(), _sha256(body).encode()):
        raise DamagedError("found other bytes than were written")
    return Predictions(**unpack_npz(io.BytesIO(body)))


class _Keys:
    """Makes the keys of predictions for some examples."""

    def __init__(self, examples: Examples) -> None:
        self._examples = examples_digest(examples)
        self._processor = machine()
        self._code = cache(self._program)

    def of(self, trained: TrainedModel) -> str:
        return digest(
            {
                "model": asdict(trained.model),
                "interface": asdict(trained.interface),
                "weights": _weights_digest(trained.weights),
                "examples": self._examples,
                "processor": self._processor,
                **self._code(trained.model.name),
            }
        )

    def _program(self, model: str) -> Mapping[str, Any]:
        return program(_PROGRAM, model).document


def _weights_digest(weights: Weights) -> str:
    found = hashlib.sha256()
    for name, array in sorted(weights.items()):
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
