"""evaluate: score every declared variant on the test split, which no earlier stage has seen."""

import numpy as np
import pandas as pd

from optledger import stages
from optledger.analysis import gallery, metrics
from optledger.analysis.schemas import read_results
from optledger.analysis.summary import summarize
from optledger.core import params
from optledger.core.formats import file_digest, new_directory, write_csv, write_json, write_npz
from optledger.core.metric import METRICS
from optledger.core.paths import PREDICTIONS, PREPARED, RESULTS, TEST, TRIALS
from optledger.datasets.examples import Examples
from optledger.datasets.prepared import read_split, read_summary
from optledger.stages import undeclared
from optledger.training import tasks
from optledger.trials.plateau import converged_epoch
from optledger.trials.records import read_history, read_trials, read_weights
from optledger.trials.specify import component
from optledger.trials.trial import Predictions, TrainedModel


def main() -> None:
    """Run the stage."""
    settings = params.load()
    undeclared.forget("train", TRIALS, settings.variants)
    classes = read_summary().classes
    test = read_split("test")
    predictions = _predict(settings, classes)
    evaluations = {
        name: [metrics.evaluate(test.labels, *seed, classes) for seed in seeds]
        for name, seeds in predictions.items()
    }
    seeds = pd.concat(
        [_seed_rows(name, evaluations[name], settings.convergence) for name in settings.variants],
        ignore_index=True,
    )
    with new_directory(PREDICTIONS) as directory:
        for name, rows in predictions.items():
            write_npz(
                directory / f"{name}.npz",
                {
                    "classes": np.stack([row.classes for row in rows]),
                    "losses": np.stack([row.losses for row in rows]),
                },
            )
    _write_test(test, predictions, classes)
    write_csv(RESULTS / "seeds.csv", seeds)
    write_csv(RESULTS / "per_class.csv", metrics.per_class_table(evaluations))
    write_csv(RESULTS / "confusion.csv", metrics.confusion_table(evaluations))
    # Of the table as written, so that whoever reads it arrives at the same figures.
    write_json(RESULTS / "metrics.json", summarize(read_results("seeds")["seeds"]))


def _predict(settings: params.Params, classes: int) -> dict[str, list[Predictions]]:
    trained = [
        TrainedModel(name, seed, component(variant.model), classes, weights)
        for name, variant in settings.variants.items()
        for seed, weights in zip(
            read_trials(TRIALS / name)["seed"], read_weights(TRIALS / name), strict=True
        )
    ]
    with tasks.workers() as pool:
        done = dict(pool.run(tasks.predict_test, trained))
    predictions: dict[str, list[Predictions]] = {name: [] for name in settings.variants}
    for place, each in enumerate(trained):
        predictions[each.name].append(done[place])
    return predictions


# Of the images that most models get wrong, so many are kept to be shown.
_SHOWN = 24


def _write_test(test: Examples, predictions: dict[str, list[Predictions]], classes: int) -> None:
    """Write what later stages know of the test split, as none of them opens it."""
    path = PREPARED / "test.npz"
    models = np.stack([seed.classes for seeds in predictions.values() for seed in seeds])
    # One that diverged predicts nothing.
    models = models[(models < classes).any(axis=1)]
    hardest = gallery.hardest(test.labels, models)
    images = hardest[:_SHOWN]
    with new_directory(TEST) as directory:
        write_npz(directory / "labels.npz", {"labels": test.labels})
        write_npz(
            directory / "gallery.npz",
            {
                "found": np.array([len(hardest)]),
                "models": np.array([len(models)]),
                "indices": images,
                **test.take(images)._asdict(),
                "votes": gallery.votes(models[:, images], classes),
            },
        )
        digests = {name: file_digest(path, name) for name in ("md5", "sha256")}
        write_json(directory / "split.json", {"examples": len(test.labels), **digests})


def _seed_rows(
    name: str, evaluations: list[metrics.Evaluation], convergence: params.Plateau
) -> pd.DataFrame:
    """Return a row per seed of one variant: its test metrics, and how its training went."""
    trials = read_trials(TRIALS / name)
    history = read_history(TRIALS / name)
    kept = history.set_index(["seed", "epoch"]).reindex(
        pd.MultiIndex.from_frame(trials[["seed", "kept_epoch"]])
    )
    monitored = history.groupby("seed")[convergence.monitor].apply(list)
    # Of what history.csv keeps of the metrics, which is six digits.
    converged = [
        None if pd.notna(diverged) else converged_epoch(monitored[seed], convergence)
        for seed, diverged in zip(trials["seed"], trials["diverged_epoch"], strict=True)
    ]
    return pd.DataFrame(
        {
            "variant": name,
            "seed": trials["seed"],
            "learning_rate": trials["learning_rate"],
            **{
                metric: [evaluation.scores[metric] for evaluation in evaluations]
                for metric in METRICS
            },
            "validation_accuracy": kept["validation_accuracy"].to_numpy(),
            "validation_loss": kept["validation_loss"].to_numpy(),
            "epochs": trials["epochs"],
            "kept_epoch": trials["kept_epoch"],
            "converged_epoch": converged,
            "diverged_epoch": trials["diverged_epoch"],
            "diverged_step": trials["diverged_step"],
        }
    ).astype({"converged_epoch": "Int64"})


if __name__ == "__main__":
    stages.run(main)
