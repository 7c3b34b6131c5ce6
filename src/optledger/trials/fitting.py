"""Checks that parameters fit the dataset's kind of target."""

from collections.abc import Iterator

from optledger.core.documents import mistake
from optledger.core.metric import METRICS
from optledger.core.params import Params, key_in_params
from optledger.core.paths import PARAMS
from optledger.datasets.kinds import Kind

# Parameters that have no meaning where examples have no classes.
_BY_CLASS = ("class_fractions", "class_weights", "resample")


def training_mistakes(params: Params, kind: Kind) -> Iterator[str]:
    """Yield a line for each training parameter that does not fit this kind of target."""
    for name, variant in params.variants.items():
        stopping = variant.early_stopping
        if stopping is not None and stopping.monitor not in _monitors(kind):
            key = f"{key_in_params(params, name, 'early_stopping')}.monitor"
            yield mistake(PARAMS, key, stopping.monitor, _allowed(_monitors(kind), kind))
        for key in _BY_CLASS:
            if not kind.BY_CLASS and (found := getattr(variant, key)):
                found = dict(found) if isinstance(found, dict) else found
                yield mistake(
                    PARAMS, key_in_params(params, name, key), found, _allowed(["null"], kind)
                )


def convergence_mistakes(params: Params, kind: Kind) -> Iterator[str]:
    """Yield a line if convergence monitors a metric that this kind of target does not have."""
    monitor = params.convergence.monitor
    if monitor not in _monitors(kind):
        yield mistake(PARAMS, "convergence.monitor", monitor, _allowed(_monitors(kind), kind))


def comparison_mistakes(params: Params, kind: Kind) -> Iterator[str]:
    """Yield a line for each comparison parameter that does not fit this kind of target."""
    comparison = params.comparison
    deciding = [name for name in kind.METRICS if name != "loss"]
    if comparison.metric not in deciding:
        allowed = f"{_allowed(deciding, kind)}; optledger dataset use NAME sets what fits"
        yield mistake(PARAMS, "comparison.metric", comparison.metric, allowed)
    elif not comparison.margin(comparison.metric):
        key = f"comparison.margins.{comparison.metric}"
        allowed = "the difference that does not matter, in the unit of the target"
        yield mistake(PARAMS, key, None, allowed)
    most = METRICS[kind.SCORE].most
    for number, target in enumerate(comparison.targets):
        if target > most:
            allowed = f"a {kind.SCORE} of the validation split, {most:g} at most"
            yield mistake(PARAMS, f"comparison.targets[{number}]", target, allowed)


def _monitors(kind: Kind) -> list[str]:
    return [f"{split}_{name}" for split in ("validation", "train") for name in ("loss", kind.SCORE)]


def _allowed(names: list[str], kind: Kind) -> str:
    return f"{', '.join(names)}, as the target of the dataset is {kind.NAME}"
