"""train: choose one variant's learning rate, then train it with every seed.

Both happen on the train split, watching the validation split.
"""

import sys

from optledger import stages
from optledger.core import params
from optledger.core.documents import shown
from optledger.core.errors import UserError
from optledger.core.paths import OBSERVATIONS, PARAMS, TRIALS
from optledger.datasets.prepared import read_summary
from optledger.execution.progress import Progress
from optledger.training import kernels, runtime, tasks
from optledger.trials import search
from optledger.trials.observations import Computed, write_observation
from optledger.trials.records import write_trials
from optledger.trials.specify import specify
from optledger.trials.sufficiency import example_mistakes
from optledger.trials.trial import Trial


def main() -> None:
    """Run the stage for the variant that the command line names."""
    settings = params.load()
    name = sys.argv[1] if len(sys.argv) == 2 else None
    if name not in settings.variants:
        allowed = ", ".join(settings.variants)
        raise UserError(f"train: found {shown(name)} as the variant to train; allowed: {allowed}")
    variant = settings.variants[name]
    summary = read_summary()
    if lines := list(example_mistakes(settings, name, summary.examples_per_class["train"])):
        raise UserError("\n".join(lines))

    specification = specify(variant, summary.classes)

    def trial(learning_rate: float, seed: int) -> Trial:
        return Trial(name, specification, learning_rate, seed)

    rates = search.candidates(variant, settings.search)
    seeds = settings.seeds.values
    progress = Progress(name, len(rates) + len(seeds), variant.epochs)
    with tasks.workers() as pool, progress:
        searched = progress.run(
            pool, tasks.train, [trial(rate, settings.search.seed) for rate in rates]
        )
        chosen = search.choose(variant, [each.result for each in searched])
        finals = progress.run(pool, tasks.train, [trial(chosen, seed) for seed in seeds])
    write_trials(
        TRIALS / name, *([each.result for each in trials] for trials in (finals, searched))
    )
    computed = Computed(kernels.instruction_set(), runtime.THREADS, min(pool.count, len(finals)))
    costs = {each.result.seed: each.cost for each in finals}
    write_observation(OBSERVATIONS / f"{name}.json", TRIALS / name, costs, computed)
    print(f"{progress.summary()}; learning rate {chosen:g}", end="")
    print(f", of {len(rates)} tried" if rates else "")
    if edge := search.edge(chosen, rates):
        key = f"variants.{name}.learning_rate"
        print(f"{name}: that is the {edge} tried, so a better one may lie beyond: {PARAMS}: {key}")


if __name__ == "__main__":
    stages.run(main)
