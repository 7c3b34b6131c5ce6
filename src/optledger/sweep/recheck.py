"""Trains kept trials anew, to check that they come out the same."""

import math
import random
from collections.abc import Iterator, Sequence

from optledger.core.formats import rounded
from optledger.execution.executor import in_order
from optledger.sweep.keys import KeyedTrial
from optledger.training import tasks
from optledger.trials.store import Store
from optledger.trials.trial import TrialResult


def recheck(kept: Sequence[KeyedTrial], store: Store, count: int) -> Iterator[tuple[str, bool]]:
    """Train a random sample of kept trials anew, and compare them with the kept ones.

    Args:
        kept: the trials to choose from.
        store: the store that keeps them.
        count: the size of the sample.

    Yields:
        A line about each trial, and whether it came out as it is kept.
    """
    chosen = random.sample(kept, min(count, len(kept)))
    # One variant after the other, as workers compile each variant anew.
    chosen.sort(key=lambda each: each.trial.name)
    keyed = {each.trial: each for each in chosen}
    with tasks.workers() as pool:
        for trial, (result, _) in pool.run(tasks.train, in_order(each.trial for each in chosen)):
            finished = store.trial(keyed[trial].key)
            if finished is not None:
                same = _are_equal(finished.result, result)
                place = store.place.path(keyed[trial].key) if store.place else ""
                yield (f"{trial}: {'same as kept' if same else f'differs from {place}'}", same)


def _are_equal(kept: TrialResult, result: TrialResult) -> bool:
    """Whether a new result agrees with a kept one, which says less if it is from DVC's cache."""
    if kept.divergence and result.divergence:
        # Of a diverged trial, a table has only where it diverged.
        return kept.divergence == result.divergence
    weights = result.weights if kept.weights else {}
    return (
        (len(kept.history), kept.kept_epoch, kept.divergence)
        == (len(result.history), result.kept_epoch, result.divergence)
        and kept.weights.keys() == weights.keys()
        and all(kept.weights[name].tobytes() == each.tobytes() for name, each in weights.items())
        and all(
            math.isnan(value) or rounded(value) == rounded(other)
            for epoch, others in zip(kept.history, result.history, strict=True)
            for value, other in zip(epoch, others, strict=True)
        )
    )
