"""The runs that a set of results amounts to, as data: what MLflow is to hold."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from optledger.analysis.speed import epochs_to_targets
from optledger.analysis.summary import METRICS, summarize
from optledger.datasets.registry import Dataset
from optledger.formats import digest, file_digest, read_csv, read_csv_as_text
from optledger.params import Case, Params, Variant
from optledger.paths import CASES, OBSERVATIONS, PREDICTIONS, RESULTS, TRIALS
from optledger.tracking.keys import (
    case_key,
    comparison_key,
    method_key,
    search_key,
    seed_key,
    variant_key,
)
from optledger.training.observations import read_observation
from optledger.training.records import read_history, read_search


@dataclass(frozen=True)
class Run:
    """The whole content of one run.

    Attributes:
        key: the run key.
        kind: variant, search, seed, comparison, case or method.
        name: what people call it.
        parent: the key of the run that it is a child of, or None.
        parameters: flat, as text.
        metrics: single values; none of them NaN.
        curves: a row per epoch with the column `epoch`; a missing value is not logged.
        tags: what else identifies it.
        artifacts: files to keep with it.
        description: in Markdown, what it says to a person.
    """

    key: str
    kind: str
    name: str
    parent: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)
    tags: Mapping[str, str] = field(default_factory=dict)
    artifacts: tuple[Path, ...] = ()
    description: str = ""


def collect(params: Params, dataset: Dataset) -> list[Run]:
    """Read results/ and return its runs: a parent before its children, the comparison last."""
    # As text: what pandas makes of a column depends on the other variants' rows.
    tables = {name: read_csv_as_text(RESULTS / f"{name}.csv") for name in _EVALUATED}
    all_seeds = read_csv(RESULTS / "seeds.csv")
    curves = read_csv(RESULTS / "curves.csv")
    summary = summarize(all_seeds)
    histories = {name: read_history(TRIALS / name) for name in params.variants}
    epochs = epochs_to_targets(histories, all_seeds, params.comparison.targets)
    runs: list[Run] = []
    keys: dict[str, str] = {}
    for name, variant in params.variants.items():
        own = {table: _rows_of(name, rows) for table, rows in tables.items()}
        seeds = _rows_of(name, all_seeds)
        parameters = _parameters(params, variant, float(seeds["learning_rate"].iloc[0]))
        keys[name] = variant_key(
            name,
            {role: file.sha256 for role, file in dataset.files.by_role().items()},
            parameters,
            params.seeds.values,
            _output_digests(name, own),
        )
        diverged_seeds = float(seeds["diverged_epoch"].notna().sum())
        speed = _speed(name, seeds["seed"], _rows_of(name, epochs))
        runs.append(
            Run(
                key=keys[name],
                kind="variant",
                name=name,
                parameters=_flat(parameters) | _flat({"seeds": params.seeds.model_dump()}),
                metrics={
                    **_finite(summary[name]),
                    **_finite({metric: speed[metric].median() for metric in speed.columns}),
                    "diverged_seeds": diverged_seeds,
                },
                curves=_rows_of(name, curves),
                tags={"variant": name},
                artifacts=tuple(TRIALS / name / f"{table}.csv" for table in _TRAINED),
                description=_in_words(variant, seeds, summary[name]),
            )
        )
        runs.extend(_search_runs(name, keys[name], _flat(parameters)))
        runs.extend(_seed_runs(name, keys[name], seeds, speed, _flat(parameters)))
    runs.append(_comparison(params, keys))
    return runs


def collect_cases(params: Params) -> list[Run]:
    """Read results/cases/ and return its runs: each case before its methods."""
    return [run for name, case in params.cases.items() for run in _case_runs(name, case)]


# MLflow's limit on a tag, which a description is.
_LONGEST_DESCRIPTION = 8000

_CASE_FILES = ("methods.csv", "trajectories.csv", "figure.svg")

_TRAINED = ("history", "search", "trials")

_EVALUATED = ("seeds", "per_class", "confusion")

_EPOCHS = ("epochs", "kept_epoch", "converged_epoch")

_COMPARED = (
    *("leaderboard.csv", "leaderboard.md", "comparisons.csv", "comparisons.md"),
    *("curves.csv", "search.csv", "speed.csv", "profile.csv"),
)


def _in_words(variant: Variant, seeds: pd.DataFrame, summary: Mapping[str, float | None]) -> str:
    figures = [
        f"{metric} {summary[metric]:.4f}"
        + (f" ± {summary[f'{metric}_std']:.4f}" if summary[f"{metric}_std"] is not None else "")
        for metric in METRICS
        if summary[metric] is not None
    ]
    searched = ", chosen on the validation split" if variant.is_searched else ""
    return (
        f"{variant.optimizer.name}, learning rate {seeds['learning_rate'].iloc[0]:g}{searched}. "
        f"Test split, mean ± standard deviation over seeds ({len(seeds)}): {', '.join(figures)}."
    )


def _search_runs(name: str, parent: str, parameters: dict[str, str]) -> Iterator[Run]:
    for row in _records(read_search(TRIALS / name)):
        rate, seed = float(row["learning_rate"]), int(row["seed"])
        own = {"learning_rate": f"{rate:g}", "seed": str(seed)}
        metrics = ("validation_accuracy", "validation_loss", "epochs", "kept_epoch")
        yield Run(
            key=search_key(parent, rate, seed),
            kind="search",
            name=f"{name} learning rate {rate:g}",
            parent=parent,
            parameters=parameters | own,
            metrics=_finite({metric: row[metric] for metric in metrics}),
            tags={"variant": name, **_divergence(row)},
        )


def _divergence(row: Mapping[str, Any]) -> dict[str, str]:
    """Return where a trial diverged, as tags; none where it did not."""
    columns = ("diverged_epoch", "diverged_step")
    return {column: str(int(row[column])) for column in columns if pd.notna(row[column])}


def _seed_runs(
    name: str,
    parent: str,
    seeds: pd.DataFrame,
    speed: pd.DataFrame,
    parameters: dict[str, str],
) -> Iterator[Run]:
    history = read_history(TRIALS / name)
    for row in _records(seeds.join(speed, on="seed")):
        seed = int(row["seed"])
        yield Run(
            key=seed_key(parent, seed),
            kind="seed",
            name=f"{name} seed {seed}",
            parent=parent,
            parameters=parameters | {"seed": str(seed)},
            metrics=_finite({metric: row[metric] for metric in (*METRICS, *_EPOCHS, *speed)}),
            curves=history[history["seed"] == seed].drop(columns="seed"),
            tags={"variant": name, "seed": str(seed), **_divergence(row)},
        )


def _speed(name: str, seeds: pd.Series, epochs: pd.DataFrame) -> pd.DataFrame:
    """Return by seed the seconds an epoch, and the epochs and seconds to each target.

    Seconds are missing where they were not observed. A target is named by its metric, so that what
    a run says stays true when params.yaml asks for others; only a new run has those.
    """
    observed = read_observation(OBSERVATIONS / f"{name}.json", TRIALS / name)
    seconds = pd.Series(observed and observed.seconds_per_epoch, index=seeds.tolist(), dtype=float)
    speed = pd.DataFrame({"seconds_per_epoch": seconds})
    for target, rows in epochs.groupby("target"):
        to_target = rows.set_index("seed")["epochs"]
        speed[f"epochs_to_{target:g}"] = to_target
        speed[f"seconds_to_{target:g}"] = to_target * seconds
    return speed


def _comparison(params: Params, keys: Mapping[str, str]) -> Run:
    table = read_csv(RESULTS / "leaderboard.csv")
    metric = params.comparison.metric
    # Unlike those of the variants' runs, always of the targets that params.yaml names.
    shown = [metric, *table.columns[table.columns.str.startswith("epochs_to_")]]
    return Run(
        key=comparison_key(
            keys,
            params.comparison.model_dump(mode="json"),
            {name: file_digest(RESULTS / name) for name in ("leaderboard.csv", "comparisons.csv")},
        ),
        kind="comparison",
        name=f"comparison of {len(keys)} variants",
        parameters=_flat(
            {"dataset": params.dataset, "comparison": params.comparison.model_dump(mode="json")}
        ),
        metrics=_finite(
            {
                f"{column}.{row['variant']}": row[column]
                for row in _records(table)
                for column in shown
            }
        ),
        tags={
            "leading": ", ".join(table.loc[table["leading"] == 1, "variant"]),
            "champion": ", ".join(table.loc[table["champion"] == 1, "variant"]),
        },
        artifacts=tuple(RESULTS / name for name in _COMPARED),
        description=_head(RESULTS / "leaderboard.md"),
    )


def _head(path: Path) -> str:
    """Return the answer and the ranks; the answer alone where a description cannot hold both."""
    answer, *rest = path.read_text().split("\n\n")
    both = "\n\n".join([answer, *rest[:1]]).rstrip()
    return both if len(both) <= _LONGEST_DESCRIPTION else answer


def _case_runs(name: str, case: Case) -> Iterator[Run]:
    files = {file: CASES / name / file for file in _CASE_FILES}
    # Of the tables only: another version of Matplotlib draws the same figure in other bytes.
    tables = {file: file_digest(path) for file, path in files.items() if file != "figure.svg"}
    methods, points = read_csv(files["methods.csv"]), read_csv(files["trajectories.csv"])
    parameters = case.model_dump(mode="json")
    key = case_key(name, parameters, tables)
    yield Run(
        key=key,
        kind="case",
        name=name,
        parameters=_flat(parameters),
        metrics=_finite(
            {f"suboptimality.{row['method']}": row["suboptimality"] for row in _records(methods)}
        ),
        tags={"case": name},
        artifacts=tuple(files.values()),
    )
    shared = {field: value for field, value in parameters.items() if field != "methods"}
    for row in _records(methods.drop(columns=["learning_rate", "batch_size"])):
        method = row.pop("method")
        # The curve has it, at the epoch that it is of.
        del row["suboptimality"]
        yield Run(
            key=method_key(key, method),
            kind="method",
            name=f"{name} {method}",
            parent=key,
            parameters=_flat(shared | parameters["methods"].get(method, {})),
            metrics=_finite(row),
            curves=points[points["method"] == method].drop(columns="method"),
            tags={"case": name, "method": method},
        )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(column): row[column] for column in row} for row in table.to_dict("records")]


def _parameters(params: Params, variant: Variant, learning_rate: float) -> dict[str, Any]:
    """Everything that a variant's trials depend on, but the seeds.

    A learning rate that was searched for stands as what it is, beside what it was chosen from.
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


def _output_digests(name: str, tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Digests of a variant's own outputs, its rows of the shared tables included."""
    files = {path.name: path for path in sorted((TRIALS / name).iterdir())}
    files["predictions.npz"] = PREDICTIONS / f"{name}.npz"
    return {
        **{file: file_digest(path) for file, path in files.items()},
        **{table: digest(rows.to_numpy().tolist()) for table, rows in tables.items()},
    }


def _rows_of(name: str, table: pd.DataFrame) -> pd.DataFrame:
    return table[table["variant"] == name].drop(columns="variant")


def _finite(metrics: Mapping[str, float | None]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in metrics.items()
        if pd.notna(value) and math.isfinite(value)
    }


def _flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested parameters; a component's name stands under the component's own key."""
    flat: dict[str, str] = {}
    for key, value in parameters.items():
        path = prefix.rstrip(".") if key == "name" else f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{path}.")
        else:
            flat[path] = str(value)
    return flat
