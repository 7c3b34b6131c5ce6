"""evaluate: score every declared variant on the test split, which no training has seen."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from optledger import stages
from optledger.analysis import gallery
from optledger.analysis.schemas import read_results
from optledger.analysis.seeds import seed_table
from optledger.analysis.summary import summarize
from optledger.core import params
from optledger.core.errors import UserError
from optledger.core.formats import file_digest, new_directory, write_csv, write_json, write_npz
from optledger.core.paths import PREDICTIONS, PREPARED, RESULTS, TEST, TRIALS
from optledger.datasets.examples import Examples
from optledger.datasets.interface import Interface
from optledger.datasets.kinds import Kind
from optledger.datasets.prepared import read_split, read_summary
from optledger.stages import undeclared
from optledger.sweep.predictions import predict_test
from optledger.trials.fitting import convergence_mistakes
from optledger.trials.records import read_history, read_trials, read_weights
from optledger.trials.specify import component
from optledger.trials.trial import Predictions, TrainedModel


def main() -> None:
    """Run the stage."""
    settings = params.load()
    undeclared.remove_undeclared("train", TRIALS, settings.variants)
    summary = read_summary()
    kind, outputs = summary.kind, summary.outputs
    if lines := list(convergence_mistakes(settings, kind)):
        raise UserError("\n".join(lines))
    test = read_split("test")
    trials = {name: read_trials(TRIALS / name) for name in settings.variants}
    predictions = _predict(settings, trials, summary.interface)
    evaluations = {
        name: [kind.evaluate(test.targets, *seed, outputs) for seed in seeds]
        for name, seeds in predictions.items()
    }
    histories = {name: read_history(TRIALS / name) for name in settings.variants}
    seeds = seed_table(evaluations, trials, histories, settings.convergence)
    with new_directory(PREDICTIONS) as directory:
        for name, rows in predictions.items():
            write_npz(
                directory / f"{name}.npz",
                {
                    kind.VALUES: np.stack([row.values for row in rows]),
                    "losses": np.stack([row.losses for row in rows]),
                },
            )
    _write_test(test, predictions, kind, outputs)
    if len(table := _residuals(test, predictions, kind)):
        write_csv(TEST / "residuals.csv", table)
    write_csv(RESULTS / "seeds.csv", seeds)
    write_csv(RESULTS / "per_class.csv", kind.per_class_table(evaluations, summary.names))
    write_csv(RESULTS / "confusion.csv", kind.confusion_table(evaluations, summary.names))
    # Summarize the table as written, so that its readers arrive at the same figures.
    write_json(RESULTS / "metrics.json", summarize(read_results("seeds")["seeds"]))


def _predict(
    settings: params.Params, trials: Mapping[str, pd.DataFrame], interface: Interface
) -> dict[str, list[Predictions]]:
    trained = [
        TrainedModel(name, seed, component(variant.model), interface, weights)
        for name, variant in settings.variants.items()
        for seed, weights in zip(trials[name]["seed"], read_weights(TRIALS / name), strict=True)
    ]
    found = iter(predict_test(trained))
    return {name: [next(found) for _ in trials[name]["seed"]] for name in settings.variants}


# How many of the items that most models get wrong are kept for display.
_SHOWN = 24


def _residuals(
    test: Examples, predictions: Mapping[str, list[Predictions]], kind: Kind
) -> pd.DataFrame:
    """Return true and predicted values to plot, a row per variant and item, if there are any."""
    tables = [
        kind.residuals(test.targets, np.stack([row.values for row in rows])).assign(variant=name)
        for name, rows in predictions.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[["variant", *table.columns.drop("variant")]]


def _write_test(
    test: Examples, predictions: dict[str, list[Predictions]], kind: Kind, outputs: int
) -> None:
    """Write all that later stages need of the test split, as none of them opens it."""
    path = PREPARED / "test.npz"
    models = np.stack([seed.values for seeds in predictions.values() for seed in seeds])
    losses = np.stack([seed.losses for seeds in predictions.values() for seed in seeds])
    # A model that diverged predicts nothing.
    models = models[~np.isnan(losses).all(axis=1)]
    votes = kind.votes(models, outputs)
    hardest = gallery.hardest(kind.are_wrong(test.targets, models))
    shown = test.take(hardest[:_SHOWN])
    # The items of a table are no images, so there is nothing to show.
    is_table = test.inputs.ndim == 2
    images = np.zeros((len(shown.targets), 1, 1), np.uint8) if is_table else shown.inputs
    with new_directory(TEST) as directory:
        write_npz(directory / "labels.npz", {kind.TARGETS: test.targets})
        write_npz(
            directory / "gallery.npz",
            {
                "found": np.array([len(hardest)]),
                "models": np.array([len(models)]),
                "indices": hardest[:_SHOWN],
                "images": images,
                "labels": shown.targets,
                "votes": votes[hardest[:_SHOWN]],
            },
        )
        digests = {name: file_digest(path, name) for name in ("md5", "sha256")}
        write_json(directory / "split.json", {"examples": len(test.targets), **digests})


if __name__ == "__main__":
    stages.run(main)
