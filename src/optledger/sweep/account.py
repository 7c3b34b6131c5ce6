"""Accounts of a sweep and its store: what is kept, what would be trained and why, what is old."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from optledger.sweep.keys import KeyedTrial
from optledger.sweep.pool import Sweep
from optledger.trials.places import VARIABLE, Item
from optledger.trials.store import Document, Entries, Store

# What the trials of one variant differ in.
_VARIED = {"trial.seed", "trial.learning_rate"}

_SPECIFICATION = "trial.specification."

# A dataset's, as the splits are.
_INTERFACE = "trial.specification.interface."

Facts = frozenset[tuple[str, str]]
"""The values in a document, each as the path of its keys and its text."""


def total(sweep: Sweep) -> str:
    """Return the sum in one line, for scripts to read."""
    kept = sweep.total - sweep.to_train
    return f"{sweep.total} trials: {kept} kept, {sweep.to_train} to train"


def reasons(
    names: Sequence[str], sweep: Sweep, store: Store, recorded: Collection[str]
) -> Iterator[str]:
    """Yield a line for each variant: what is kept, what would be trained, and why.

    Args:
        names: the variants.
        sweep: what was found of their trials.
        store: the finished trials.
        recorded: the variants that have results; none if that is not known.
    """
    kept = [facts(header.document) for _, header in store.headers()] if sweep.to_train else []
    for name in names:
        own = sweep.wanting_of(name)
        count, to_come = sweep.counts(name), sweep.to_come(name)
        already = count - to_come - len(own)
        told = [f"{already} kept"] if already else []
        if own and recorded and name not in recorded and not already:
            told.append(f"{len(own)} to train: a new variant")
        else:
            for reason, trials in _grouped(own, kept).items():
                told.append(f"{len(trials)} to train: {reason}")
        if to_come:
            told.append(f"{to_come} once its search has chosen")
        yield f"{name}: {count} trials: {'; '.join(told)}"


def _grouped(wanting: Sequence[KeyedTrial], kept: Sequence[Facts]) -> dict[str, list[KeyedTrial]]:
    """Group trials by the reason why they are new, with new seeds or rates listed in one reason."""
    groups: dict[tuple[str, ...], list[KeyedTrial]] = {}
    for each in wanting:
        groups.setdefault(_changed(facts(each.document), kept), []).append(each)
    return {_told(changes, trials): trials for changes, trials in groups.items()}


def _changed(own: Facts, kept: Sequence[Facts]) -> tuple[str, ...]:
    """Return the paths that differ from the nearest kept trial; none if nothing is kept.

    The nearest one differs in the fewest keys of the specification, then in the fewest of all.
    Seed and learning rate vary within a variant, so they come last.
    """
    every = ({path for path, _ in own ^ other} for other in kept)
    return tuple(sorted(min(every, key=_distance, default=())))


def _distance(changes: set[str]) -> tuple[int, int, int, list[str]]:
    # The names settle ties, so the order of the kept trials does not matter.
    specified = sum(path.startswith(_SPECIFICATION) for path in changes - _of_the_data(changes))
    return specified, len(changes - _VARIED), len(changes), sorted(changes)


def _of_the_data(changes: Collection[str]) -> set[str]:
    return {path for path in changes if path.startswith((_INTERFACE, "data."))}


def _told(changes: Sequence[str], trials: Sequence[KeyedTrial]) -> str:
    if not changes:
        return "nothing like it is kept"
    of_the_data = _of_the_data(changes)
    lines = ["the train or validation data changed"] if of_the_data else []
    for path in (path for path in changes if path not in of_the_data):
        section, _, name = path.partition(".")
        match section, name:
            case "trial", "seed":
                lines.append(_new("seed", _seeds([each.trial.seed for each in trials])))
            case "trial", "learning_rate":
                rates = sorted({each.trial.learning_rate for each in trials})
                lines.append(_new("learning rate", [f"{rate:g}" for rate in rates]))
            case "trial", _:
                lines.append(f"{name.removeprefix('specification.')} changed")
            case "code" | "packages" | "processor", _:
                lines.append(f"{name} changed")
    return ", ".join(lines)


def _seeds(seeds: Sequence[int]) -> list[str]:
    """Return seeds as texts; of more than two without a gap, the ends in one text."""
    found = sorted(set(seeds))
    if len(found) > 2 and found[-1] - found[0] == len(found) - 1:
        return [f"{found[0]} to {found[-1]}"]
    return [str(seed) for seed in found]


def _new(what: str, values: Sequence[str]) -> str:
    is_one = len(values) == 1 and " to " not in values[0]
    return f"new {what}{'' if is_one else 's'} {', '.join(values)}"


def facts(document: Document) -> Facts:
    """Return the values in a document, to compare it with others."""
    return frozenset(_facts(document, ""))


def _facts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            # A key may contain dots itself, as the name of a module does.
            yield from _facts(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, str(value)


def described(document: Document) -> str:
    """Describe the trial of an entry in a few words."""
    trial = document["trial"]
    specification = trial["specification"]
    model, optimizer = (specification[name]["name"] for name in ("model", "optimizer"))
    return (
        f"{model}, {optimizer}, {specification['epochs']} epochs, "
        f"learning rate {trial['learning_rate']:g}, seed {trial['seed']}"
    )


def summary(store: Store, predictions: Entries) -> str:
    """Return the number and the size of kept trials and predictions, and where they are."""
    if store.place is None:
        return f"nothing is kept, as {VARIABLE} is empty"
    told = [f"{len(store.items)} trials, {_megabytes(store)}"]
    if predictions.items:
        told.append(f"{len(predictions.items)} predictions, {_megabytes(predictions)}")
    return f"{'; '.join(told)}, in {store.place}"


def _megabytes(entries: Entries) -> str:
    return f"{sum(item.size for item in entries.items.values()) / 1e6:.1f} MB"


def prune(
    store: Store, used: Collection[str], older_than: float | None, remove: bool
) -> Iterator[str]:
    """Yield a line for each entry that is not used, then a sum; remove the entries on request.

    Args:
        store: the store of the entries.
        used: the keys of entries that stay.
        older_than: the least age in days; younger entries stay. None for any age.
        remove: whether to remove the entries, or only to list them.
    """
    count, size = 0, 0
    now = time.time()
    for key, item in _old(store, older_than):
        if key in used:
            continue
        header = store.header(key)
        days = (now - (item.modified or now)) / 86_400
        what = described(header.document) if header else "damaged"
        yield f"{key[:12]}  {days:.0f} days old, {item.size / 1e6:.2f} MB: {what}"
        count, size = count + 1, size + item.size
        if remove:
            store.remove(key)
    yield f"{count} trials, {size / 1e6:.1f} MB: {_done(remove)}"


def prune_predictions(predictions: Entries, older_than: float, remove: bool) -> Iterator[str]:
    """Yield the sum of old predictions, if there are any; remove them on request.

    They take only seconds to make again.

    Args:
        predictions: the predictions that are kept.
        older_than: the least age in days; younger predictions stay.
        remove: whether to remove them, or only to count them.
    """
    old = list(_old(predictions, older_than))
    if remove:
        for key, _ in old:
            predictions.remove(key)
    if old:
        size = sum(item.size for _, item in old) / 1e6
        yield f"{len(old)} predictions, {size:.1f} MB: {_done(remove)}"


def _old(entries: Entries, older_than: float | None) -> Iterator[tuple[str, Item]]:
    """Yield entries of at least this age in days, the oldest first; without an age, all."""
    now = time.time()
    latest = now - 86_400 * (older_than or 0)
    for key, item in sorted(entries.items.items(), key=lambda each: each[1].modified or now):
        is_young = item.modified is None or item.modified > latest
        if older_than is None or not is_young:
            yield key, item


def _done(remove: bool) -> str:
    return "removed" if remove else "to remove; --yes removes them"
