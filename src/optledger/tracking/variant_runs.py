"""The runs of a variant: one for itself, and a child run for each search trial and seed."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from optledger.analysis.words import learning_rate, mean_interval, with_noun
from optledger.core.formats import digest, markdown, rounded
from optledger.core.metric import METRICS, metrics_in
from optledger.core.packages import version
from optledger.core.params import Params, Variant
from optledger.core.paths import TRIALS
from optledger.core.tables import records
from optledger.datasets.kinds import kind_of
from optledger.figures.style import lines
from optledger.tracking.keys import Content, search_content, seed_content, variant_content
from optledger.tracking.run import Input, Run, finite, flat
from optledger.trials.observations import Observation
from optledger.trials.records import read_search, score_of

_TRAINED = ("history", "search", "trials")

_EPOCHS = ("epochs", "kept_epoch", "converged_epoch")

# The packages that results depend on most. requirements.lock lists all packages.
_PACKAGES = ("dvc", "keras", "mlflow", "numpy", "pandas", "scikit-learn", "tensorflow")


@dataclass(frozen=True)
class VariantResults:
    """The results of one variant, as read from results/.

    Attributes:
        name: the name of the variant.
        figures: its row of leaderboard.csv.
        seeds: its rows of seeds.csv.
        per_class: its rows of per_class.csv.
        confusion: its rows of confusion.csv.
        curves: its rows of curves.csv.
        history: one row per seed and epoch.
        epochs: its rows of `epochs_to_targets`, one per target and seed.
        outputs: the SHA-256 of each output, and of its rows of each table, by name.
        observation: the time and memory that its trials took, and the machines; None where they
            are not known.
    """

    name: str
    figures: Mapping[str, Any]
    seeds: pd.DataFrame
    per_class: pd.DataFrame
    confusion: pd.DataFrame
    curves: pd.DataFrame
    history: pd.DataFrame
    epochs: pd.DataFrame
    outputs: Mapping[str, str]
    observation: Observation | None


def variant_runs(
    results: VariantResults, params: Params, dataset: Mapping[str, str], inputs: tuple[Input, ...]
) -> Iterator[Run]:
    """Yield the run of a variant, then those of its search trials and its seeds.

    Args:
        results: the results of the variant.
        params: the contents of params.yaml.
        dataset: the SHA-256 of each raw file, by its role.
        inputs: the splits.
    """
    name, figures, observation = results.name, results.figures, results.observation
    variant, confidence = params.variants[name], params.comparison.confidence
    parameters = _parameters(params, variant, float(figures["learning_rate"]))
    seeds = params.seeds_of(name)
    content = variant_content(name, dataset, parameters, seeds, results.outputs)
    targets, seconds = _speed(results)
    run = Run(
        content=content,
        name=name,
        size=with_noun(len(seeds), "seed"),
        parameters=flat(parameters) | flat({"seeds": _seeds(params, len(seeds))}),
        metrics={
            **finite(_test_metrics(figures, confidence)),
            **finite({target: targets[target].median() for target in targets.columns}),
            "diverged_seeds": float(figures["diverged_seeds"]),
        },
        observed=_observed(seconds, observation),
        machine=_machine(observation),
        curves=_curves(results.curves),
        color=lines(params.variants)[name].color,
        tags={
            "variant": name,
            "seeds": str(len(seeds)),
            "checksums": _checksums(content),
            "versions": ", ".join(f"{package} {version(package)}" for package in _PACKAGES),
        },
        cells=_interval_cell(params.comparison.metric, figures, confidence),
        description=_in_words(variant, figures, confidence),
        artifacts=tuple(TRIALS / name / f"{table}.csv" for table in _TRAINED),
        tables={"per_class": results.per_class, "confusion": results.confusion},
        inputs=inputs,
    )
    yield run
    yield from _search_runs(run, flat(parameters))
    yield from _seed_runs(run, results, targets, seconds, flat(parameters))


def _seeds(params: Params, count: int) -> dict[str, int]:
    """Return the parameters that describe a variant's seeds."""
    block = params.seeds.per_search
    return {"first": params.seeds.first, "count": count} | ({"per_search": block} if block else {})


def _curves(table: pd.DataFrame) -> pd.DataFrame:
    """Name the columns `curves/…`, so that MLflow draws them first, apart from single values."""
    return table.rename(columns=lambda name: name if name == "epoch" else f"curves/{name}")


def _machine(observation: Observation | None) -> str:
    """Describe the machines that trained the seeds, each machine once."""
    if observation is None:
        return ""
    return "; ".join(
        dict.fromkeys(
            f"{each.processor} ({each.instruction_set}), {each.cores} cores, "
            f"{each.workers} trials at once of {each.threads} thread each, {each.platform}"
            for each in observation.seeds.values()
        )
    )


def _test_metrics(figures: Mapping[str, Any], confidence: float) -> dict[str, float]:
    """Return each metric's mean, standard deviation over seeds, and interval.

    The names of the interval's ends contain its confidence. So a run stays true when params.yaml
    asks for another confidence.
    """
    percent = f"{100 * confidence:g}"
    metrics = {}
    for metric in metrics_in(figures):
        metrics[metric] = figures[metric]
        metrics[f"{metric}_low_{percent}"] = rounded(figures[f"{metric}_low"])
        metrics[f"{metric}_high_{percent}"] = rounded(figures[f"{metric}_high"])
        metrics[f"{metric}_std"] = figures[f"{metric}_std"]
    return metrics


def _interval_cell(metric: str, figures: Mapping[str, Any], confidence: float) -> dict[str, str]:
    """Return a metric's interval as one text, whose name contains the confidence."""
    text = _interval(metric, figures[f"{metric}_low"], figures[f"{metric}_high"])
    return {f"{metric}_{100 * confidence:g}": text} if text else {}


_RATE = ("learning_rate", "learning_rate_seeds", "seeds")


def _in_words(variant: Variant, figures: Mapping[str, Any], confidence: float) -> str:
    tried = figures["search_trials"]
    rate = learning_rate(*(figures[each] for each in _RATE))
    searched = f", chosen on the validation split from {tried}" if variant.is_searched else ""
    diverged = int(figures["diverged_seeds"])
    names = list(metrics_in(figures))
    table = pd.DataFrame(
        {
            "test split": names,
            "mean": [_figure(name, figures[name]) for name in names],
            f"{100 * confidence:g} % interval": [
                _interval(name, figures[f"{name}_low"], figures[f"{name}_high"]) for name in names
            ],
            "standard deviation": [_figure(name, figures[f"{name}_std"]) for name in names],
        }
    )
    first = names[0]
    mean, std = (_figure(first, figures[each]) for each in (first, f"{first}_std"))
    return (
        f"Test {first.replace('_', ' ')} {mean}{std and f' ± {std}'}, "
        f"{figures['seeds']} seeds{f', {diverged} of which diverged' if diverged else ''}: "
        f"{variant.optimizer.name}, learning rate {rate}{searched}.\n\n"
        f"{markdown(table)}\n\n"
        f"{kind_of(figures).METRICS_IN_WORDS} Below this run is one for each seed and one for each "
        "learning rate tried. Which variant is better is what the run of the comparison says."
    )


def _figure(metric: str, value: float) -> str:
    return "" if pd.isna(value) else METRICS[metric].formatted(value)


def _interval(metric: str, low: float, high: float) -> str:
    return "" if not math.isfinite(high - low) else mean_interval(metric, low, high, diverged=0)


def _checksums(content: Content) -> str:
    parts = {"data": "dataset", "parameters": "parameters", "outputs": "outputs"}
    return ", ".join(f"{name} {digest(content[part])}" for name, part in parts.items())


def _observed(seconds: pd.DataFrame, observation: Observation | None) -> dict[str, float]:
    if observation is None:
        return {}
    medians = {metric: rounded(seconds[metric].median()) for metric in seconds.columns}
    total = rounded(seconds["training_seconds"].sum())
    memory = observation.peak_memory_mib
    return finite({**medians, "training_seconds": total, "peak_memory_mib": memory})


def _search_runs(variant: Run, parameters: dict[str, str]) -> Iterator[Run]:
    table = read_search(TRIALS / variant.name)
    several, score = table["seed"].nunique() > 1, score_of(table)
    for row in records(table):
        rate, seed = float(row["learning_rate"]), int(row["seed"])
        metrics = (f"validation_{score}", "validation_loss", "epochs", "kept_epoch")
        yield Run(
            content=search_content(variant.key, rate, seed),
            name=f"{variant.name} learning rate {rate:g}{f' seed {seed}' if several else ''}",
            parent=variant,
            parameters=parameters | {"learning_rate": f"{rate:g}", "seed": str(seed)},
            metrics=finite({metric: row[metric] for metric in metrics}),
            color=variant.color,
            tags={"variant": variant.name, **_divergence(row)},
            description="A search trial: it never saw the test split.",
        )


def _seed_runs(
    variant: Run,
    results: VariantResults,
    targets: pd.DataFrame,
    seconds: pd.DataFrame,
    parameters: dict[str, str],
) -> Iterator[Run]:
    history = results.history
    for row in records(results.seeds.join(targets.join(seconds), on="seed")):
        seed = int(row["seed"])
        yield Run(
            content=seed_content(variant.key, seed),
            name=f"{variant.name} seed {seed}",
            parent=variant,
            parameters=parameters
            | flat({"learning_rate": float(row["learning_rate"]), "seed": seed}),
            metrics=finite(
                {metric: row[metric] for metric in (*metrics_in(row), *_EPOCHS, *targets)}
            ),
            observed=finite({metric: rounded(row[metric]) for metric in seconds.columns}),
            curves=_curves(history[history["seed"] == seed].drop(columns="seed")),
            color=variant.color,
            tags={"variant": variant.name, "seed": str(seed), **_divergence(row)},
        )


def _divergence(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the epoch and the step where a trial diverged, as tags; empty if it did not."""
    columns = ("diverged_epoch", "diverged_step")
    return {column: str(int(row[column])) for column in columns if pd.notna(row[column])}


def _speed(results: VariantResults) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two tables with a row per seed: epochs to each target, and seconds.

    The seconds are per epoch, of the whole training and to each target. They are missing where they
    were not observed. The columns of a target are named after it, so that a run stays true when
    params.yaml asks for other targets. An existing run then gets the epochs to the new targets, but
    not the seconds.
    """
    index = pd.Index(results.seeds["seed"].tolist(), name="seed")
    observed = results.observation.seeds if results.observation else {}
    took = {seed: each.seconds_per_epoch for seed, each in observed.items()}
    per_epoch = pd.Series(took, index=index, dtype=float)
    trained = per_epoch * results.seeds["epochs"].to_numpy(float)
    targets = pd.DataFrame(index=index)
    seconds = pd.DataFrame({"seconds_per_epoch": per_epoch, "training_seconds": trained})
    for target, rows in results.epochs.groupby("target"):
        targets[f"epochs_to_{target:g}"] = rows.set_index("seed")["epochs"]
        seconds[f"seconds_to_{target:g}"] = targets[f"epochs_to_{target:g}"] * per_epoch
    return targets, seconds


def _parameters(params: Params, variant: Variant, learning_rate: float) -> dict[str, Any]:
    """Return everything that a variant's trials depend on, except the seeds.

    If the learning rate was searched for, `learning_rate` is the chosen one, and `search` has the
    candidates.
    """
    parameters = {
        "dataset": params.dataset,
        "split": params.split.model_dump(),
        "convergence": params.convergence.model_dump(),
        **variant.model_dump(mode="json", exclude_none=True),
    }
    if variant.is_searched:
        search = {**params.search.model_dump(), "learning_rate": parameters["learning_rate"]}
        parameters |= {"search": search, "learning_rate": learning_rate}
    return parameters
