"""Collects the runs that MLflow should hold for the results of this checkout."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pandas as pd

from optledger.analysis.predictions import read_split_digest
from optledger.analysis.schemas import read_results
from optledger.analysis.speed import epochs_to_targets
from optledger.analysis.words import with_noun
from optledger.core.formats import digest, file_digest
from optledger.core.params import Params
from optledger.core.paths import OBSERVATIONS, PREDICTIONS, PREPARED, RESULTS, TRIALS
from optledger.core.tables import records
from optledger.datasets.prepared import read_summary
from optledger.datasets.registry import Entry
from optledger.tracking.case_runs import case_runs
from optledger.tracking.champion import read_champion
from optledger.tracking.keys import comparison_content
from optledger.tracking.run import Input, Run, flat
from optledger.tracking.variant_runs import VariantResults, variant_runs
from optledger.trials.observations import read_observation
from optledger.trials.records import read_history

_TRIALS = ("history.csv", "search.csv", "trials.csv", "weights.npz")

_SHOWN = ("seeds", "per_class", "confusion", "curves")

_CONTEXTS = {"train": "training", "validation": "validation", "test": "testing"}

# MLflow's limit on the length of a tag. Descriptions are stored as tags.
_LONGEST_DESCRIPTION = 8000

_COMPARED = (
    *("leaderboard.csv", "leaderboard.md", "comparisons.csv", "comparisons.md"),
    *("curves.csv", "search.csv", "speed.csv", "profile.csv", "power.csv"),
    *("report.html", "report.md"),
)


def collect(params: Params, dataset: Entry) -> list[Run]:
    """Read results/ and return its runs: each parent before its children, the comparison last."""
    inputs = _inputs(params.dataset)
    checksums = {role: file.sha256 for role, file in dataset.files.items()}
    leaderboard, comparisons = read_results(
        "leaderboard", "comparisons", variants=params.variants
    ).values()
    runs = [
        run
        for results in _results(params, leaderboard)
        for run in variant_runs(results, params, checksums, inputs)
    ]
    variants = {run.name: run.key for run in runs if run.parent is None}
    return [*runs, _comparison(params, leaderboard, comparisons, variants, inputs)]


def collect_cases(params: Params) -> list[Run]:
    """Read results/cases/ and return its runs: each case before its methods."""
    return [run for name, case in params.cases.items() for run in case_runs(name, case)]


def _inputs(dataset: str) -> tuple[Input, ...]:
    """Return the splits as inputs.

    The test split is described as `evaluate` recorded it, because no later stage opens it.
    """
    test = read_split_digest()
    known: dict[str, tuple[int, str]] = {
        split: (examples, file_digest(PREPARED / f"{split}.npz", "md5"))
        for split, examples in read_summary().examples.items()
    } | {"test": (test.examples, test.md5)}
    return tuple(
        Input(f"{dataset} {split}", _CONTEXTS[split], PREPARED / f"{split}.npz", examples, checksum)
        for split, (examples, checksum) in known.items()
    )


def _results(params: Params, leaderboard: pd.DataFrame) -> list[VariantResults]:
    """Read the results of each variant."""
    # Digests are made from texts: the type that pandas infers for a column, and so the digest of
    # its values, would depend on the other variants' rows.
    as_text, tables = (
        read_results(*_SHOWN, variants=params.variants, as_text=each) for each in (True, False)
    )
    for each in (as_text, tables):
        each["curves"] = each["curves"].filter(regex="(?<!_min)(?<!_max)$")
    histories = {name: read_history(TRIALS / name) for name in params.variants}
    epochs = epochs_to_targets(histories, tables["seeds"], params.comparison.targets)
    figures = {row["variant"]: row for row in records(leaderboard)}
    return [
        VariantResults(
            name=name,
            figures=figures[name],
            history=histories[name],
            epochs=_rows_of(name, epochs),
            outputs=_output_digests(name, as_text),
            observation=read_observation(OBSERVATIONS / f"{name}.json", TRIALS / name),
            **{table: _rows_of(name, rows) for table, rows in tables.items()},
        )
        for name in params.variants
    ]


def _comparison(
    params: Params,
    leaderboard: pd.DataFrame,
    comparisons: pd.DataFrame,
    variants: Mapping[str, str],
    inputs: tuple[Input, ...],
) -> Run:
    parameters = params.comparison.model_dump(mode="json")
    content = comparison_content(
        variants,
        parameters,
        {name: file_digest(RESULTS / name) for name in _COMPARED},
    )
    return Run(
        content=content,
        name="comparison",
        size=with_noun(len(variants), "variant"),
        parameters=flat({"dataset": params.dataset, "comparison": parameters}),
        tags={
            "leading": ", ".join(leaderboard.loc[leaderboard["leading"] == 1, "variant"]),
            "champion": ", ".join(leaderboard.loc[leaderboard["champion"] == 1, "variant"]),
            **({"look": str(params.seeds.count)} if params.comparison.looks else {}),
        },
        description=_head(RESULTS / "leaderboard.md"),
        artifacts=tuple(RESULTS / name for name in _COMPARED),
        tables={
            "leaderboard": leaderboard,
            "comparisons": comparisons,
        },
        inputs=tuple(each for each in inputs if each.context == "testing"),
        model=partial(read_champion, params),
    )


def _head(path: Path) -> str:
    """Return the answer and the ranking, or the answer alone if both exceed a description."""
    answer, *rest = path.read_text(encoding="utf-8").split("\n\n")
    both = "\n\n".join([answer, *rest[:1]]).rstrip()
    return both if len(both) <= _LONGEST_DESCRIPTION else answer


def _output_digests(name: str, tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Return the digests of a variant's outputs, including its rows of the shared tables."""
    files = {file: TRIALS / name / file for file in _TRIALS}
    files["predictions.npz"] = PREDICTIONS / f"{name}.npz"
    rows = {table: _rows_of(name, each).to_numpy().tolist() for table, each in tables.items()}
    return {
        **{file: file_digest(path) for file, path in files.items()},
        **{table: digest(cells) for table, cells in rows.items()},
    }


def _rows_of(name: str, table: pd.DataFrame) -> pd.DataFrame:
    return table[table["variant"] == name].drop(columns="variant")
