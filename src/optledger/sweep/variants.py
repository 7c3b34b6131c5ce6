"""Checks variants, looks up the trials that they need, and trains the missing ones."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from optledger.core.errors import UserError
from optledger.core.params import Params
from optledger.core.paths import LOCK
from optledger.datasets.prepared import read_summary
from optledger.execution.executor import Cluster
from optledger.pipeline.lock import outputs
from optledger.sweep import account
from optledger.sweep.keys import KeyedTrial, Keys
from optledger.sweep.plan import plans
from optledger.sweep.pool import NotKeptError, Sweep
from optledger.sweep.progress import Progress
from optledger.training import tasks
from optledger.trials.fitting import training_mistakes
from optledger.trials.places import VARIABLE, place
from optledger.trials.store import Store
from optledger.trials.sufficiency import example_mistakes


def look_up(
    settings: Params,
    names: Sequence[str],
    store: Store,
    *,
    with_weights: bool = False,
    takes_in: bool = True,
) -> Sweep:
    """Find which trials of some variants are kept.

    Args:
        settings: the parameters of all variants.
        names: the variants to look up.
        store: where finished trials are.
        with_weights: whether the weights are needed, too.
        takes_in: whether to look for missing trials in DVC's cache.

    Raises:
        UserError: the data are not prepared, or do not fit the parameters of a variant.
    """
    summary = read_summary()
    lines = list(training_mistakes(settings, summary.kind)) or [
        line for name in names for line in example_mistakes(settings, name, summary.strata)
    ]
    if lines:
        raise UserError("\n".join(dict.fromkeys(lines)))
    keys = Keys()
    wanted = plans(settings, names, summary.interface, keys)
    found = Sweep(wanted, keys, store, with_weights)
    if not (takes_in and store.place and found.to_train):
        return found
    # This imports DVC's library, which is not needed if everything is kept.
    from optledger.sweep.adoption import adopt

    if taken := adopt(names, summary.interface, keys, store):
        print(f"{taken} finished trials copied from DVC's cache")
        return Sweep(wanted, keys, store, with_weights)
    return found


def sweep(
    settings: Params,
    names: Sequence[str],
    title: str,
    *,
    with_weights: bool = False,
    cluster: Cluster | None = None,
) -> Sweep:
    """Train the missing trials of some variants in one pool, and print what was done.

    Args:
        settings: the parameters of all variants.
        names: the variants to train.
        title: what to call them in messages.
        with_weights: whether the weights of kept trials are needed, too.
        cluster: the cluster to train on; None for this machine.

    Raises:
        UserError: as in `look_up`; also if a trial cannot be trained, or if OPTLEDGER_TRIALS names
            a place that cannot be used.
    """
    store = Store(place())
    found = look_up(settings, names, store, with_weights=with_weights)
    if not found.to_train:
        print(f"{title}: all {found.total} trials are kept; nothing to train")
        return found
    to_come = sum(settings.variants[name].epochs * found.to_come(name) for name in found.undecided)
    epochs = sum(each.trial.specification.epochs for each in found.wanting) + to_come
    progress = Progress(title, found.to_train, epochs)
    if store.place is None and not with_weights:
        print(f"{title}: trains nothing, as an empty {VARIABLE} keeps nothing; run dvc repro")
        return found
    try:
        found.run(tasks.workers(cluster, found.packages, found.to_train), progress)
    except NotKeptError:
        print(f"{title}: stopped, as finished trials cannot be kept; run dvc repro")
        return found
    kept = found.total - progress.trials_done
    print(f"{progress.summary()}{f'; {kept} kept from before' if kept else ''}")
    return found


def explain(settings: Params) -> Iterator[str]:
    """Yield a line for each variant: what is kept, what would be trained, and why; then a sum.

    Raises:
        UserError: as in `look_up`; also if OPTLEDGER_TRIALS names a place that cannot be used.
    """
    store = Store(place())
    names = list(settings.variants)
    found = look_up(settings, names, store)
    yield from account.reasons(names, found, store, _recorded())
    yield account.total(found)


def _recorded() -> set[str]:
    """Return the variants that dvc.lock has results of; none if it cannot be read."""
    with suppress(UserError):
        stages = outputs() if LOCK.exists() else {}
        return {name.removeprefix("train@") for name in stages if name.startswith("train@")}
    return set()


def kept_trials(settings: Params, store: Store) -> list[KeyedTrial]:
    """Return the kept trials among all that these parameters may need, whatever searches choose.

    Raises:
        UserError: the data are not prepared.
    """
    wanted = plans(settings, settings.variants, read_summary().interface, Keys())
    trials = [each for plan in wanted for each in plan.possible()]
    return list({each.key: each for each in trials if each.key in store}.values())
