"""Whether parameters fit the kind of target that the dataset has."""

from collections.abc import Iterator

from optledger.core.documents import mistake
from optledger.core.metric import METRICS
from optledger.core.params import Params, place
from optledger.core.paths import PARAMS
from optledger.datasets.kinds import Kind

# What has no meaning where an example is of no class.
_BY_CLASS = ("class_fractions", "class_weights", "resample")


def kind_mistakes(params: Params, kind: Kind) -> Iterator[str]:
    """Yield a line for each parameter that means nothing for such targets."""
    so = f"as the target of {params.dataset} is {kind.NAME}"
    comparison = params.comparison
    deciding = [name for name in kind.METRICS if name != "loss"]
    if comparison.metric not in deciding:
        allowed = f"{', '.join(deciding)}, {so}; optledger dataset use {params.dataset} sets it"
        yield mistake(PARAMS, "comparison.metric", comparison.metric, allowed)
    elif getattr(comparison.margins, comparison.metric) is None:
        allowed = "the difference that does not matter, in the unit of the target"
        yield mistake(PARAMS, f"comparison.margins.{comparison.metric}", None, allowed)
    most = METRICS[kind.SCORE].most
    for number, target in enumerate(comparison.targets):
        if target > most:
            allowed = f"a {kind.SCORE} of the validation split, {most:g} at most"
            yield mistake(PARAMS, f"comparison.targets[{number}]", target, allowed)
    monitors = [f"{split}_{name}" for split in ("validation", "train") for name in _told(kind)]
    if params.convergence.monitor not in monitors:
        allowed = f"{', '.join(monitors)}, {so}"
        yield mistake(PARAMS, "convergence.monitor", params.convergence.monitor, allowed)
    for name, variant in params.variants.items():
        stopping = variant.early_stopping
        if stopping is not None and stopping.monitor not in monitors:
            key = f"{place(params, name, 'early_stopping')}.monitor"
            yield mistake(PARAMS, key, stopping.monitor, f"{', '.join(monitors)}, {so}")
        for key in _BY_CLASS:
            if not kind.BY_CLASS and (found := getattr(variant, key)):
                found = dict(found) if isinstance(found, dict) else found
                yield mistake(PARAMS, place(params, name, key), found, f"no such key, {so}")


def _told(kind: Kind) -> tuple[str, str]:
    return "loss", kind.SCORE
