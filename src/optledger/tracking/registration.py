"""Publishes the champion's model to MLflow: logs, registers and judges it once.

Like a run, a model is found by its key, and the next publication completes one that broke off. Two
publications may create the same model at the same time. So each one looks again after it has
created a model: the elected model stays, and the others are deleted. A tag on the variant's run
says that its model was published. If the model is missing after that, a person deleted it.
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Metric, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException, RestException

from optledger.core.errors import UserError, without_credentials
from optledger.core.formats import digest
from optledger.core.metric import METRICS
from optledger.datasets.kinds import KINDS
from optledger.tracking.agreement import KEY, KIND
from optledger.tracking.champion import ChampionModel
from optledger.tracking.keys import model_content
from optledger.tracking.location import is_by_another_publication
from optledger.tracking.tags import (
    COMPARISON,
    DATASET,
    DECISION,
    DESCRIPTION,
    MODEL,
    SEED,
    SEEDS_PER_SEARCH,
    TEST_DIGEST,
    VARIANT,
)

# One pass creates the model, one completes and registers it, and one finds nothing left to do.
# Simultaneous publications need more.
_PASSES = 20

_PAUSE_SECONDS = 0.5

_VERSIONS = "mlflow.modelVersions"

# The error codes that MLflow's client makes of an answer with status 404.
_STATUS_404 = ("ENDPOINT_NOT_FOUND", "NOT_FOUND", "RESOURCE_DOES_NOT_EXIST")


def publish_champion(
    client: MlflowClient,
    champion: ChampionModel,
    variant_run_id: str,
    seed_run_id: str,
    restore: bool = False,
) -> bool:
    """Log and register the champion's model, and decide whether it gets the alias.

    Args:
        client: MLflow's client for the store.
        champion: the model.
        variant_run_id: the id of its variant's run, which is complete.
        seed_run_id: the id of its seed's run, which is complete. The model gets its metrics from
            there.
        restore: whether to create again what a person deleted.

    Returns:
        Whether there was anything to do. A server without logged models, such as MLflow 2, cannot
        hold a model. Then a note says so, and nothing is done.

    Raises:
        MlflowException: the store reports an error.
        UserError: something else keeps changing the same model.
    """
    publication = _Publication(client, champion, variant_run_id, seed_run_id, restore)
    for done in range(_PASSES):
        if not publication.advance():
            return done > 0
    raise UserError(
        f"publish: the model of {champion.variant} keeps changing; run optledger publish again"
    )


def registered_name(dataset: str) -> str:
    """Return the name of the registered model of a dataset's champions."""
    return f"optledger-{dataset}"


class _NoLoggedModelsError(Exception):
    """The server does not support logged models."""


class _Publication:
    def __init__(
        self,
        client: MlflowClient,
        champion: ChampionModel,
        variant_run_id: str,
        seed_run_id: str,
        restore: bool,
    ) -> None:
        self._client = client
        self._champion = champion
        self._variant_run_id = variant_run_id
        self._seed_run_id = seed_run_id
        self._restore = restore
        self._name = registered_name(champion.dataset)
        self._created: set[str] = set()

    def advance(self) -> bool:
        """Take the next step towards a published model; return whether there was one to take."""
        try:
            return self._advance()
        except _NoLoggedModelsError:
            store = without_credentials(self._client.tracking_uri)
            print(
                f"publish: note: {store}: the server has no logged models, as MLflow 3 has: its "
                "runs are complete, the champion's model is left out",
                file=sys.stderr,
            )
            return False
        except MlflowException as error:
            if not is_by_another_publication(error):
                raise
            time.sleep(random.uniform(0, _PAUSE_SECONDS))
            return True

    def _advance(self) -> bool:
        run = self._client.get_run(self._variant_run_id)
        key = digest(model_content(run.data.tags[KEY], self._champion.seed))
        published = None if self._restore else run.data.tags.get(MODEL)
        models = self._models(run.info.experiment_id, key)
        registered = self._client.search_model_versions(
            f"name='{self._name}'", order_by=["version_number ASC"]
        )
        ours = [version for version in registered if KEY in version.tags]
        versions = [version for version in ours if version.tags[KEY] == key]
        model = _elected(models, versions)
        if model is None:
            if published is None:
                self._create_model(run, key)
            return published is None
        if self._delete_other_models(models, model.model_id):
            return True
        changed = model.status != LoggedModelStatus.READY
        if changed:
            self._complete(model)
        else:
            # Runs that were created again are not linked to the model yet.
            self._link(model.model_id)
        version = _first(versions, model.model_id)
        if version is None:
            if published == model.model_id:
                return changed
            self._create_version(model, key)
            return True
        if self._delete_other_versions(versions, version):
            return True
        changed |= self._name_version(model, version)
        if self._restore and DECISION in version.tags and not self._has_champion():
            self._client.delete_model_version_tag(self._name, version.version, DECISION)
            return True
        changed |= self._decide(ours)
        if run.data.tags.get(MODEL) != model.model_id:
            self._client.set_tag(self._variant_run_id, MODEL, model.model_id)
            changed = True
        return changed

    def _models(self, experiment_id: str, key: str) -> list[LoggedModel]:
        try:
            return self._client.search_logged_models([experiment_id], f"tags.`{KEY}` = '{key}'")
        except MlflowException as error:
            if _is_unknown(error):
                raise _NoLoggedModelsError from None
            raise

    def _create_model(self, run: Run, key: str) -> None:
        champion = self._champion
        model = self._client.create_logged_model(
            run.info.experiment_id,
            f"{champion.variant} seed {champion.seed}",
            self._seed_run_id,
            tags={
                **self._tags(key),
                KIND: "model",
                TEST_DIGEST: champion.test_digest,
                COMPARISON: champion.comparison.model_dump_json(),
                **({SEEDS_PER_SEARCH: str(champion.block)} if champion.block > 1 else {}),
                DESCRIPTION: _in_words(champion),
            },
            params=self._client.get_run(self._seed_run_id).data.params,
            model_type="classifier",
        )
        self._created.add(model.model_id)

    def _complete(self, model: LoggedModel) -> None:
        """Log everything of a model and mark it as ready. Repeating this changes nothing."""
        # MLflow stores a link as often as it is logged. So whoever created the model links it at
        # once. Any other publication looks when the rest is done, and links it if it still must.
        if model.model_id in self._created:
            self._link(model.model_id)
        run = self._client.get_run(self._seed_run_id)
        with tempfile.TemporaryDirectory() as temporary:
            # This loads parts of MLflow that the rest of a publication does not need.
            from optledger.tracking.model import write_model

            folder = Path(temporary) / "model"
            write_model(folder, self._champion, model, run.info.start_time)
            self._client.log_model_artifacts(model.model_id, str(folder))
        self._client.log_batch(self._seed_run_id, metrics=self._metrics(run, model.model_id))
        self._link(model.model_id)
        self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)

    def _metrics(self, run: Run, model_id: str) -> list[Metric]:
        """Return the test metrics of the seed's run, the same points, as metrics of the model."""
        points = [
            self._client.get_metric_history(run.info.run_id, metric)[-1]
            for metric in METRICS
            if metric in run.data.metrics
        ]
        return [
            Metric(point.key, point.value, point.timestamp, point.step, model_id)
            for point in points
        ]

    def _link(self, model_id: str) -> None:
        for run_id in (self._variant_run_id, self._seed_run_id):
            outputs = self._client.get_run(run_id).outputs
            linked = outputs.model_outputs if outputs else []
            if model_id not in {output.model_id for output in linked}:
                self._client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])

    def _create_version(self, model: LoggedModel, key: str) -> None:
        if not self._client.search_registered_models(f"name='{self._name}'"):
            self._client.create_registered_model(
                self._name,
                tags={DATASET: self._champion.dataset},
                description=_registered_in_words(self._champion),
            )
        self._client.create_model_version(
            self._name,
            # Not models:/…, which a local store would resolve in the default store.
            source=model.artifact_location,
            run_id=self._seed_run_id,
            model_id=model.model_id,
            tags={**self._tags(key), MODEL: model.model_id},
            description=_in_words(self._champion),
            # The next pass looks again. If MLflow waited, it would print messages about that.
            await_creation_for=0,
        )

    def _name_version(self, model: LoggedModel, version: ModelVersion) -> bool:
        """Tag the model with its version for its page in MLflow; return whether that was needed."""
        named = json.loads(model.tags.get(_VERSIONS, "[]"))
        # MLflow's own registration writes this entry, with the number as text in some stores only.
        others = [each for each in named if each["name"] != self._name]
        wanted = [*others, {"name": self._name, "version": str(version.version)}]
        if named == wanted:
            return False
        self._client.set_logged_model_tags(model.model_id, {_VERSIONS: json.dumps(wanted)})
        return True

    def _tags(self, key: str) -> dict[str, str]:
        return {
            KEY: key,
            VARIANT: self._champion.variant,
            SEED: str(self._champion.seed),
        }

    def _delete_other_models(self, models: Sequence[LoggedModel], elected: str) -> bool:
        others = [model for model in models if model.model_id != elected]
        for model in others:
            self._client.delete_logged_model(model.model_id)
        return bool(others)

    def _delete_other_versions(self, versions: Sequence[ModelVersion], kept: ModelVersion) -> bool:
        others = [version for version in versions if version.version != kept.version]
        for version in others:
            self._client.delete_model_version(self._name, version.version)
        return bool(others)

    def _has_champion(self) -> bool:
        return bool(self._client.get_registered_model(self._name).aliases)

    def _decide(self, versions: Sequence[ModelVersion]) -> bool:
        undecided = [version for version in versions if DECISION not in version.tags]
        if undecided:
            # This imports the statistics, which takes a second.
            from optledger.tracking.promotion import decide

            decide(self._client, self._name, undecided)
        return bool(undecided)


def _elected(models: Sequence[LoggedModel], versions: Sequence[ModelVersion]) -> LoggedModel | None:
    """Return the model that was registered first, else the oldest; None where there is none."""
    candidates = {model.model_id: model for model in models}
    for version in versions:
        if version.tags[MODEL] in candidates:
            return candidates[version.tags[MODEL]]
    return min(
        candidates.values(), key=lambda each: (each.creation_timestamp, each.model_id), default=None
    )


def _first(versions: Sequence[ModelVersion], model_id: str) -> ModelVersion | None:
    """Return the first version of the model, or None where there is none."""
    return next((each for each in versions if each.tags[MODEL] == model_id), None)


def _is_unknown(error: MlflowException) -> bool:
    """Whether an error means that the server does not know the request.

    The error code says so, or the text where a server answers with JSON that has no code.
    """
    if isinstance(error, RestException) and "error_code" not in error.json:
        return "not found" in str(error).lower()
    return error.error_code in _STATUS_404


def _in_words(champion: ChampionModel) -> str:
    return (
        f"{champion.model.name}, trained by {champion.variant} with seed {champion.seed}: the best "
        f"of {champion.seeds} seeds on the validation split, of the best variant there."
    )


def _registered_in_words(champion: ChampionModel) -> str:
    shape = " by ".join(map(str, champion.interface.shape))
    given = "images" if champion.interface.takes_images else "rows"
    raw = f"raw pixels from 0 to 255, {shape}" if given == "images" else f"{shape} raw columns"
    told = KINDS[champion.interface.kind].output_in_words(champion.interface.outputs)
    return (
        f"Takes {given} of {champion.dataset}, {raw}, and tells {told}. The alias "
        "`champion` moves only to a version that is shown to be better; each version says why it "
        "has it or not."
    )
