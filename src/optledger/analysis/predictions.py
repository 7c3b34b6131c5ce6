"""Readers of the files that `evaluate` writes about the test split and the models' predictions."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeInt

from optledger.core.documents import Section, validate
from optledger.core.errors import UserError
from optledger.core.formats import read_json, read_npz
from optledger.core.paths import TEST
from optledger.datasets.prepared import Summary


class Predicted(NamedTuple):
    """What a variant's models predict for the test split.

    Attributes:
        values: predicted values in the format of the kind of target, shape (seeds, items, ...).
        losses: the loss of each item, shape (seeds, items).
    """

    values: NDArray[Any]
    losses: NDArray[np.float32]


class SplitDigest(Section):
    """results/test/split.json: size and digests of the test split that `evaluate` used.

    Attributes:
        examples: number of examples.
        md5: MD5 digest of the split's file.
        sha256: SHA-256 digest of the split's file.
    """

    examples: NonNegativeInt
    md5: str
    sha256: str


def read_split_digest() -> SplitDigest:
    """Read results/test/split.json."""
    path = TEST / "split.json"
    return validate(SplitDigest, read_json(path), path)


def read_targets(summary: Summary) -> NDArray[Any]:
    """Read the true values of the test split that `evaluate` used, shape (items, ...).

    Raises:
        UserError: the file is unsound, or has values that the kind of target does not allow.
    """
    path, kind = TEST / "labels.npz", summary.kind
    targets = read_npz(path, {kind.TARGETS: kind.ARRAY_TYPES[0]})[kind.TARGETS]
    _check(path, kind.problem(targets, summary.outputs))
    return targets


def read_predictions(path: Path, targets: NDArray[Any], summary: Summary) -> Predicted:
    """Read what a variant's models predict for the test split.

    Raises:
        UserError: the file is unsound, or its shapes or values do not fit the targets.
    """
    kind = summary.kind
    arrays = read_npz(path, {kind.VALUES: kind.ARRAY_TYPES[1], "losses": (np.float32, 2)})
    values, losses = arrays[kind.VALUES], arrays["losses"]
    if values.shape[:1] != losses.shape[:1] or not (
        values.shape[1:] == targets.shape and losses.shape[1] == len(targets)
    ):
        found = f"{kind.VALUES} of shape {values.shape} and losses of shape {losses.shape}"
        allowed = f"both of so many seeds by {len(targets)} items"
        raise UserError(f"{path}: found {found}; allowed: {allowed}; dvc checkout brings it back")
    _check(path, kind.problem(values, summary.outputs))
    return Predicted(values, losses)


def _check(path: Path, problem: str | None) -> None:
    if problem:
        raise UserError(f"{path}: {problem}; dvc checkout brings it back")
