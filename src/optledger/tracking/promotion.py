"""Decides which version of a registered model is the champion: only a better one takes over.

A decision depends only on what MLflow holds: each model has its variant's predictions on the test
split, and says how it is to be compared. First the reason is written on the version. Then the alias
is moved. Last comes a tag with the decision. Without that tag, the next publication decides again.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import LoggedModel
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from optledger.analysis.comparisons import compared, samples_of
from optledger.analysis.statistics import Sample
from optledger.analysis.words import interval, signed
from optledger.core.formats import read_npz
from optledger.core.metric import METRICS
from optledger.core.params import Comparison
from optledger.datasets.kinds import KINDS
from optledger.tracking.model import PREDICTIONS
from optledger.tracking.tags import (
    COMPARISON,
    DECISION,
    MODEL,
    SEEDS_PER_SEARCH,
    TEST_DIGEST,
    VARIANT,
)

ALIAS = "champion"


class Judgement(NamedTuple):
    """Whether a version becomes the champion, and why, in words."""

    moves: bool
    reason: str


def decide(client: MlflowClient, name: str, undecided: Sequence[ModelVersion]) -> None:
    """Decide on versions of the registered model `name`, the oldest first."""
    for version in sorted(undecided, key=lambda each: int(each.version)):
        # Another publication may have decided meanwhile.
        fresh = client.get_model_version(name, version.version)
        if DECISION not in fresh.tags:
            _decide(client, name, fresh)


def _decide(client: MlflowClient, name: str, version: ModelVersion) -> None:
    number = int(version.version)
    champion_number = client.get_registered_model(name).aliases.get(ALIAS)
    if champion_number is not None and int(champion_number) == number:
        # A person moved the alias, or a publication broke off here, which has written its reason.
        if _REASON not in (version.description or ""):
            _write(client, version, Judgement(True, "the alias was given by hand"))
        moves = True
    else:
        judged = _judge(client, name, version, champion_number)
        _write(client, version, judged)
        moves = judged.moves
        if moves:
            client.set_registered_model_alias(name, ALIAS, version.version)
    decision = "champion" if moves else "not champion"
    client.set_model_version_tag(name, version.version, DECISION, decision)
    if moves:
        _yield_alias(client, name)


def _yield_alias(client: MlflowClient, name: str) -> None:
    """Give the alias to the newest version that any publication found better.

    Every publication does so after its own decision, so that the last one sees all decisions.
    """
    found = client.search_model_versions(f"name='{name}'")
    better = [int(each.version) for each in found if each.tags.get(DECISION) == "champion"]
    client.set_registered_model_alias(name, ALIAS, str(max(better)))


_REASON = "\n\nChampion: "


def _write(client: MlflowClient, version: ModelVersion, judged: Judgement) -> None:
    about = (version.description or "").partition(_REASON)[0]
    text = f"{about}{_REASON}{'yes' if judged.moves else 'no'}, {judged.reason}."
    client.update_model_version(version.name, version.version, text)


def _judge(
    client: MlflowClient, name: str, version: ModelVersion, champion_number: str | None
) -> Judgement:
    if champion_number is None:
        return Judgement(True, "the first: there was no champion")
    holder = client.get_model_version(name, str(champion_number))
    model, other = _model(client, version), _model(client, holder)
    who = _named(holder)
    if model is None or other is None or TEST_DIGEST not in other.tags:
        return Judgement(False, f"not comparable with {who}, which has no predictions with it")
    if model.tags[TEST_DIGEST] != other.tags[TEST_DIGEST]:
        return Judgement(False, f"not comparable with {who}, which has another test split")
    comparison = Comparison.model_validate_json(model.tags[COMPARISON])
    new = _samples(client, model, comparison.looks)
    try:
        held = _samples(client, other, comparison.looks)
    except (MlflowException, OSError) as error:
        if not _is_missing(error):
            raise
        return Judgement(False, f"not comparable with {who}, whose predictions are gone")
    # One pair is compared here, however many differences a table has.
    metric = comparison.metric
    row = compared(new[metric], held[metric], metric, comparison, family=1)
    return judge(row, comparison, who)


def _is_missing(error: MlflowException | OSError) -> bool:
    """Whether an error means that an artifact is missing, in a folder or on a server."""
    code = getattr(error, "error_code", "")
    absent = isinstance(error, FileNotFoundError) or code == "RESOURCE_DOES_NOT_EXIST"
    return absent or "404" in str(error)


def judge(row: Mapping[str, Any], comparison: Comparison, who: str) -> Judgement:
    """Judge the new version by its comparison with the version that holds the alias.

    Args:
        row: the comparison on the deciding metric, as returned by `compared`.
        comparison: the settings of the comparison.
        who: the holder, in words.
    """
    metric, verdict = comparison.metric, row["verdict"]
    margin = METRICS[metric].amount(comparison.margin(metric))
    words = {
        "better": f"better than {who}",
        "worse": f"worse than {who}",
        "equivalent": f"equivalent to {who}, within {margin}",
    }.get(verdict, f"not shown to be better than {who}")
    if "difference" not in row:
        return Judgement(False, f"{words}: too few seeds for a look")
    size = f"{signed(row['difference'], metric)}{METRICS[metric].of_unit}"
    # One seed against several shows no spread, so the interval may be open.
    ends = interval(row, metric)
    return Judgement(
        verdict == "better",
        f"{words}: {metric} differs by {size} "
        f"({100 * comparison.confidence:g} % interval {ends}; noise of {row['noise']})",
    )


def _named(version: ModelVersion) -> str:
    variant = version.tags.get(VARIANT)
    return f"version {version.version}" + (f" ({variant})" if variant else "")


def _model(client: MlflowClient, version: ModelVersion) -> LoggedModel | None:
    """Return a version's model; None if a person registered the version or deleted the model."""
    if MODEL not in version.tags:
        return None
    try:
        return client.get_logged_model(version.tags[MODEL])
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def _samples(client: MlflowClient, model: LoggedModel, looks: Sequence[int]) -> dict[str, Sample]:
    with tempfile.TemporaryDirectory() as temporary:
        path = download_artifacts(
            artifact_uri=f"{model.artifact_location}/{PREDICTIONS}",
            dst_path=temporary,
            tracking_uri=client.tracking_uri,
        )
        arrays = read_npz(Path(path))
    # The names of the arrays tell the kind. Earlier versions of this program published classes.
    kind = next(each for each in KINDS.values() if each.VALUES in arrays and each.TARGETS in arrays)
    targets, values = arrays[kind.TARGETS], arrays[kind.VALUES]
    outputs = int(targets.max()) + 1 if targets.ndim == 1 else targets.shape[1]
    block = int(model.tags.get(SEEDS_PER_SEARCH, 1))
    return samples_of(kind, targets, values, arrays["losses"], outputs, looks, block)
