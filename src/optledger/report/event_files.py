"""The results as TensorBoard's event files: a run for each variant's mean and for each seed.

The files are a projection of the results. They hold nothing of their own, and each export writes
the same bytes anew. So every event has the same time. Of TensorBoard's horizontal axes only the
step means anything: it is the epoch.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from errno import ELOOP
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.plugins.hparams.summary_v2 import (
    Discrete,
    HParam,
    Metric,
    RealInterval,
    hparams_config_pb,
    hparams_pb,
)
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from optledger.analysis.leaderboard import curves
from optledger.analysis.schemas import read_results
from optledger.analysis.summary import summarize
from optledger.core.documents import differences, mistake, shown
from optledger.core.errors import UserError
from optledger.core.formats import new_directory
from optledger.core.metric import metrics_in
from optledger.core.params import Params, Variant
from optledger.core.paths import PARAMS, TRIALS
from optledger.pipeline.description import opened
from optledger.trials.records import read_history, score_of

FILE = "events.out.tfevents.optledger"
"""The name of each run's file. TensorBoard recognises event files by the word tfevents."""


# TensorBoard's names for the metrics of an epoch and of the test split. With names such as
# loss/train and loss/validation, it shows both splits side by side.
def _by_epoch(score: str) -> dict[str, str]:
    names = [(split, name) for split in ("train", "validation") for name in ("loss", score)]
    return {f"{split}_{name}": f"{name}/{split}" for split, name in names}


def _of_test(columns: Iterable[object]) -> dict[str, str]:
    return {metric: f"test/{metric}" for metric in metrics_in(columns)}


_ALWAYS = ("optimizer", "learning_rate", "batch_size", "epochs")

Events = list[tuple[int, Summary]]
"""The summaries of a run, each with its step."""


def write_runs(directory: Path, runs: Mapping[str, Events]) -> None:
    """Write a folder with an event file for each run, and replace those written before.

    Raises:
        UserError: `directory` holds something else, or cannot be written.
    """
    # Resolved, as the folder is replaced: it needs a name that is not `.` or `..`, and no link.
    try:
        place = directory.resolve()
        if foreign := next(_foreign(place), None):
            allowed = "a folder with nothing but what this command wrote, and now writes anew"
            raise UserError(f"optledger tensorboard: found {foreign}; allowed: {allowed}")
        with new_directory(place) as temporary:
            for name, events in runs.items():
                _write(temporary / name / FILE, events)
    except OSError as error:
        raise UserError(f"optledger tensorboard: {directory}: {error.strerror}") from None
    except RuntimeError:
        # Up to Python 3.12, a circle of links raises this.
        raise UserError(f"optledger tensorboard: {directory}: {os.strerror(ELOOP)}") from None


def read_runs(settings: Params) -> dict[str, Events]:
    """Read the results of every declared variant as runs.

    Raises:
        UserError: there are no results, or they were made from other variants or parameters than
            those in params.yaml.
    """
    seeds = read_results("seeds", variants=settings.variants)["seeds"]
    _check_parameters(settings)
    histories = {name: read_history(TRIALS / name) for name in settings.variants}
    return runs_of(histories, seeds, hyperparameters(settings.variants, seeds))


def runs_of(
    histories: Mapping[str, pd.DataFrame], seeds: pd.DataFrame, parameters: pd.DataFrame
) -> dict[str, Events]:
    """Return the events of each run: metrics by epoch, and those of the test split once.

    Args:
        histories: by variant, its history.csv.
        seeds: results/seeds.csv.
        parameters: as returned by `hyperparameters`.

    Returns:
        The events by the name of the run. The mean in an epoch is over the seeds that reached it.
        Missing values are left out: those of a validation split that does not exist, and those
        after a divergence.
    """
    # A diverged seed has no kept epoch.
    tested = seeds.assign(epoch=seeds["kept_epoch"].fillna(seeds["epochs"]))
    summary = summarize(seeds)
    means = curves(histories)
    by_epoch, of_test = _by_epoch(score_of(seeds)), _of_test(seeds)
    table = _table(parameters, [*of_test.values(), *by_epoch.values()])
    runs = {}
    for name, history in histories.items():
        own = tested[tested["variant"] == name]
        row = hparams_pb(parameters.loc[name].to_dict(), trial_id=name, start_time_secs=0)
        runs[f"{name}/mean"] = [
            # The table belongs to no run. A run for it alone would be listed among the others.
            (0, table),
            (0, _repeatable(row)),
            *_scalars(means[means["variant"] == name], by_epoch),
            *_scalars(pd.DataFrame([{**summary[name], "epoch": own["epoch"].max()}]), of_test),
        ]
        for seed in own["seed"]:
            runs[f"{name}/seed-{seed}"] = [
                *_scalars(history[history["seed"] == seed], by_epoch),
                *_scalars(own[own["seed"] == seed], of_test),
            ]
    return runs


def hyperparameters(variants: Mapping[str, Variant], seeds: pd.DataFrame) -> pd.DataFrame:
    """Return a row per variant with its chosen learning rate and other parameters.

    The learning rate is that of most seeds. Some parameters are always there, the rest only if
    variants differ in them. A column holds texts unless all its values are numbers.
    """
    # Without None: beside a section that other variants have, it would get a column of its own.
    dumped = [
        each.model_dump(mode="json", exclude={"learning_rate"}, exclude_none=True)
        for each in variants.values()
    ]
    table = pd.json_normalize(dumped).set_axis(list(variants))
    table = table.rename(columns=lambda name: name.removesuffix(".name"))
    table["learning_rate"] = seeds.groupby("variant")["learning_rate"].agg(
        lambda rates: rates.mode().iloc[0]
    )
    numbers = table.dropna(axis="columns").select_dtypes("number").columns
    texts = table.columns.difference(numbers)
    # TensorBoard's table leaves out variants that lack a value.
    table[texts] = table[texts].map(_text, na_action="ignore").fillna("-")
    differing = table.columns[table.nunique() > 1]
    return table[list(dict.fromkeys([*_ALWAYS, *differing]))]


def _check_parameters(settings: Params) -> None:
    """Check that the results were made from the parameters in params.yaml."""
    with opened() as pipeline:
        for stage in pipeline.stages:
            if stage.name.startswith("train@"):
                if PARAMS not in stage.parameters:
                    allowed = f"those of {PARAMS}; git checkout HEAD -- dvc.yaml brings them back"
                    raise UserError(f"dvc.yaml: {stage.name}: found no params; allowed: {allowed}")
                trained, wanted = stage.parameters[PARAMS]
                for key, before, now in differences(trained, wanted):
                    allowed = f"{shown(before)}, which the results are of; else dvc repro"
                    raise UserError(mistake(PARAMS, key, now, allowed))


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(parameters: pd.DataFrame, tags: Iterable[str]) -> Summary:
    """Return the columns of TensorBoard's table, which shows the first metric by default."""
    metrics = [Metric(tag) for tag in tags]
    columns = [_column(parameters[name]) for name in parameters]
    return _repeatable(hparams_config_pb(columns, metrics, time_created_secs=0))


def _column(values: pd.Series) -> HParam:
    """Return a column with its possible values, from which TensorBoard derives the kind."""
    if is_numeric_dtype(values):
        return HParam(values.name, RealInterval(float(values.min()), float(values.max())))
    return HParam(values.name, Discrete(values.unique()))


def _scalars(table: pd.DataFrame, tags: Mapping[str, str]) -> Iterator[tuple[int, Summary]]:
    """Yield the values of some columns by epoch, with the names that `tags` gives the columns."""
    for column, tag in tags.items():
        for epoch, value in zip(table["epoch"], table[column], strict=True):
            if pd.notna(value):
                yield int(epoch), scalar_pb(tag, float(value))


def _repeatable(summary: Summary) -> Summary:
    """Return a summary for the table with repeatable bytes; the plugin leaves the order open."""
    for value in summary.value:
        data = HParamsPluginData.FromString(value.metadata.plugin_data.content)
        value.metadata.plugin_data.content = data.SerializeToString(deterministic=True)
    return summary


def _write(path: Path, events: Iterable[tuple[int, Summary]]) -> None:
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(file_version="brain.Event:2").SerializeToString())
        for step, summary in events:
            writer.write(Event(step=step, summary=summary).SerializeToString())


def _foreign(directory: Path) -> Iterator[Path]:
    """Yield each file and link that this module did not write, below a folder or in its place."""
    if directory.exists() and not directory.is_dir():
        yield directory
    for entry in directory.rglob("*"):
        if entry.is_symlink() or not (entry.is_dir() or entry.name == FILE):
            yield entry
