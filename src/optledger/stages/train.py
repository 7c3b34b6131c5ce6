"""train: train one variant with every seed on the train split, watching the validation split."""

import json
import sys
import time

from optledger import errors, params
from optledger.documents import shown
from optledger.errors import UserError
from optledger.paths import PREPARED, TRIALS
from optledger.training import executor
from optledger.training.records import write_trials
from optledger.training.trial import Trial, TrialResult


def main() -> None:
    """Run the stage for the variant that the command line names."""
    settings = params.load()
    name = sys.argv[1] if len(sys.argv) == 2 else None
    if name not in settings.variants:
        allowed = ", ".join(settings.variants)
        raise UserError(f"train: found {shown(name)} as the variant to train; allowed: {allowed}")
    variant = settings.variants[name]
    summary = json.loads((PREPARED / "summary.json").read_text())
    params.check_batch_size(name, variant, summary["examples"]["train"])
    trials = [
        Trial(name, variant, settings.model, summary["classes"], seed)
        for seed in settings.seeds.values
    ]
    started = time.perf_counter()
    results = []
    with executor.workers() as pool:
        for result in pool.map(executor.train, trials):
            results.append(result)
            print(f"{name}: seed {result.seed}: {_outcome(result)}", flush=True)
    write_trials(TRIALS / name, results)
    seconds = sorted(result.seconds_per_epoch for result in results)
    print(
        f"{name}: {len(results)} trials in {time.perf_counter() - started:.0f} s, "
        f"{seconds[len(seconds) // 2]:.2f} s an epoch"
    )


def _outcome(result: TrialResult) -> str:
    if result.divergence:
        return "diverged at epoch {} in step {}".format(*result.divergence)
    last = result.history[-1]
    return (
        f"train accuracy {last.train_accuracy:.4f}, "
        f"validation accuracy {last.validation_accuracy:.4f}"
    )


if __name__ == "__main__":
    errors.run(main)
