"""Checks that a variant has the examples that it needs."""

from collections.abc import Iterator, Sequence

import numpy as np

from optledger.core.documents import mistake
from optledger.core.errors import printable
from optledger.core.params import Params, key_in_params
from optledger.core.paths import PARAMS
from optledger.datasets.interface import Interface
from optledger.datasets.sampling import training_examples
from optledger.trials.specify import specify

# The most steps of a training: the learning rate of each step is kept in memory.
_MOST_STEPS = 10_000_000


def example_mistakes(params: Params, variant: str, strata: Sequence[int]) -> Iterator[str]:
    """Yield a line for each parameter that keeps a variant from being trained.

    A variant needs an example of every class in the train split, and enough examples for a batch.
    Its fractions and weights must fit the classes. Its steps must not be too many.

    Args:
        params: the parameters of all variants.
        variant: the name of the variant to check.
        strata: how many train examples each class has; one number if there are no classes.
    """
    settings = params.variants[variant]
    classes = len(strata)

    def wrong(key: str, found: object, allowed: str) -> str:
        return mistake(PARAMS, key_in_params(params, variant, key), found, allowed)

    if any(label >= classes for label in settings.class_fractions):
        allowed = f"fractions of the classes 0 to {classes - 1}"
        yield wrong("class_fractions", dict(settings.class_fractions), allowed)
    if isinstance(settings.class_weights, tuple) and len(settings.class_weights) != classes:
        allowed = f"balanced, or {classes} weights, one for each class"
        yield wrong("class_weights", list(settings.class_weights), allowed)
    labels = np.repeat(np.arange(classes), strata)
    chosen = training_examples(labels, settings, seed=0)
    lost = set(labels.tolist()) - set(labels[chosen].tolist())
    if lost:
        without = ", ".join(map(str, sorted(lost)))
        key = key_in_params(params, variant, "training_fraction")
        few = f"{settings.training_fraction:g} is too small"
        every = f"class{'es' if len(lost) > 1 else ''} {without} would have no example"
        yield printable(f"{PARAMS}: {key}: {few}: {every}")
    elif settings.batch_size != "full" and settings.batch_size > len(chosen):
        allowed = f"1 to {len(chosen)}, the examples that {variant} trains on, or full"
        yield wrong("batch_size", settings.batch_size, allowed)
    elif (
        steps := specify(settings, Interface((), classes)).steps(len(chosen))
    ) * settings.epochs > _MOST_STEPS:
        allowed = f"at most {_MOST_STEPS // steps}, of {steps} step{'s' * (steps > 1)} each"
        yield wrong("epochs", settings.epochs, allowed)
