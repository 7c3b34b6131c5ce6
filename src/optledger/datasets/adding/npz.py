"""A .npz file of arrays, as new data."""

from pathlib import Path

import numpy as np

from optledger.core.errors import UserError
from optledger.datasets.adding.draft import Draft, Options
from optledger.datasets.adding.target import target_of
from optledger.datasets.formats.npz import (
    as_inputs,
    check_lengths,
    load,
    names_of_arrays,
    recognized,
)
from optledger.datasets.items import Items
from optledger.datasets.kinds import KINDS


def draft_of(path: Path, options: Options) -> Draft:
    """Look at a file that `numpy.savez` wrote.

    Raises:
        UserError: the file is not a .npz file, its arrays do not fit together, or they could be
            understood in several ways.
    """
    options.check_used("arrays", "arrays", "kind", "test_fraction")
    names = dict(options.arrays) or recognized(path, names_of_arrays(path))
    # Without arrays of a test part, a fraction of the train part is drawn.
    parts = ["train", "test"] if "test_inputs" in names else ["train"]
    missing = [
        f"{part}_{what}"
        for part in parts
        for what in ("inputs", "targets")
        if f"{part}_{what}" not in names
    ]
    if missing or len(names) != 2 * len(parts):
        allowed = "train_inputs, train_targets, and both of test or neither"
        raise UserError(f"--arrays: found {', '.join(names)}; allowed: {allowed}")
    if len(parts) > 1 and options.test_fraction is not None:
        raise UserError(f"{path}: has a test part; leave out --test-fraction")
    arrays = load(path, names)
    for part in parts:
        check_lengths(path, names, arrays, part)
    inputs = [as_inputs(path, names[f"{part}_inputs"], arrays[f"{part}_inputs"]) for part in parts]
    shape = inputs[0].shape[1:]
    if inputs[-1].shape[1:] != shape:
        found = f"{shape} for training and {inputs[-1].shape[1:]} for test"
        raise UserError(f"{path}: items differ in shape: {found}; make them alike")
    where = f"{path}: {names['train_targets']}"
    targets = [arrays[f"{part}_targets"] for part in parts]
    if targets[0].shape[1:] != targets[-1].shape[1:]:
        found = f"{targets[0].shape} for training and {targets[-1].shape} for test"
        raise UserError(f"{where}: targets differ in columns: {found}; make them alike")
    values = np.concatenate(targets)
    target = target_of(where, values, options.kind)
    train = len(inputs[0])

    def place(index: int) -> str:
        return f"test item {index - train}" if index >= train else f"item {index}"

    test = None if len(parts) > 1 else options.fraction()
    items = Items(
        inputs=np.concatenate(inputs),
        targets=KINDS[target.kind].read(where, values, target, place),
        is_test=np.arange(len(values)) >= train if test is None else None,
        groups=None,
        place=place,
    )
    entry = {"format": "npz", "shape": list(shape), "arrays": names}
    kind = "columns" if len(shape) == 1 else "images"
    unused = sorted({*names_of_arrays(path)} - {*names.values()})
    return Draft(
        entry=entry,
        target=target,
        items=items,
        test=test,
        files={"arrays": (path.name, path)},
        found=[
            ("arrays", ", ".join(f"{name} as {role}" for role, name in names.items())),
            (kind, "x".join(map(str, shape))),
            *([("left out", ", ".join(unused))] if unused else []),
        ],
    )
