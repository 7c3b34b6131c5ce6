"""train: choose one variant's learning rate, then train it with every seed.

Both train on the train split and watch the validation split. Trials that are kept from before are
not trained again.
"""

import sys

from optledger import stages
from optledger.core import params
from optledger.core.documents import shown
from optledger.core.errors import UserError
from optledger.core.paths import OBSERVATIONS, PARAMS, TRIALS
from optledger.datasets.prepared import read_summary
from optledger.sweep.variants import sweep
from optledger.trials import search
from optledger.trials.observations import write_observation
from optledger.trials.records import write_trials


def main() -> None:
    """Run the stage for the variant that the command line names."""
    settings = params.load()
    name = sys.argv[1] if len(sys.argv) == 2 else None
    if name not in settings.variants:
        allowed = ", ".join(settings.variants)
        raise UserError(f"train: found {shown(name)} as the variant to train; allowed: {allowed}")
    finished = sweep(settings, [name], name, with_weights=True).results()[name]
    finals = [each.result for each in finished.finals]
    searched = [each.result for each in finished.searched]
    write_trials(TRIALS / name, finals, searched, read_summary().kind.SCORE)
    observed = {each.result.seed: each.observation for each in finished.finals if each.observation}
    write_observation(OBSERVATIONS / f"{name}.json", TRIALS / name, observed)
    tried = {each.learning_rate for each in searched}
    chosen = sorted(set(finished.learning_rates))
    listed = ", ".join(f"{rate:g}" for rate in chosen)
    several = f"s, each of a search of its own, {listed}" if len(chosen) > 1 else f" {listed}"
    print(f"{name}: learning rate{several}{f', of {len(tried)} tried' if tried else ''}")
    for edge in filter(None, (search.edge(rate, tried) for rate in chosen)):
        key = f"variants.{name}.learning_rate"
        print(f"{name}: that is the {edge} tried, so a better one may lie beyond: {PARAMS}: {key}")


if __name__ == "__main__":
    stages.run(main)
