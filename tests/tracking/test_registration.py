"""The champion's model in real stores, published in every way that can go wrong."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Metric

from digits import INTERFACE
from optledger.core.params import Comparison, Component
from optledger.tracking.champion import ChampionModel
from optledger.tracking.registration import publish_champion

NAME = "optledger-digits"

IMAGES = 400

Runs = tuple[str, str]


def champion(variant: str = "adam", mistakes: int = 40, **changes: Any) -> ChampionModel:
    """Return a model whose variant's two seeds make so many mistakes on the test split."""
    random = np.random.default_rng(0)
    labels = (np.arange(IMAGES) % 10).astype(np.uint8)
    classes = np.stack([labels, labels])
    for seed in (0, 1):
        wrong = random.permutation(IMAGES)[: mistakes + seed]
        classes[seed, wrong] = (classes[seed, wrong] + 1) % 10
    weights = {
        "00_kernel": random.normal(size=(64, 4)).astype(np.float32),
        "01_bias": np.zeros(4, np.float32),
        "02_kernel": random.normal(size=(4, 10)).astype(np.float32),
        "03_bias": np.zeros(10, np.float32),
    }
    made = ChampionModel(
        dataset="digits",
        variant=variant,
        seed=1,
        seeds=2,
        model=Component.model_validate({"name": "mlp", "hidden_units": [4]}),
        interface=INTERFACE,
        columns=(),
        names=None,
        weights=weights,
        input_example=random.integers(0, 255, (3, 8, 8), np.uint8),
        predictions={
            "classes": classes,
            "losses": np.ones(classes.shape, np.float32),
            "labels": labels,
        },
        test_digest="aa",
        comparison=Comparison(metric="accuracy"),
    )
    return replace(made, **changes)


def published_runs(client: MlflowClient, variant: str = "adam") -> Runs:
    """Create the runs of a variant and its seed, as far as a model needs them."""
    found = client.get_experiment_by_name("e")
    experiment = found.experiment_id if found else client.create_experiment("e")
    ids = []
    for key in (variant, f"{variant} seed"):
        run = client.create_run(experiment, start_time=1_700_000_000_000)
        client.set_tag(run.info.run_id, "optledger.key", key)
        metrics = [Metric("accuracy", 0.9, run.info.start_time, 0)]
        client.log_batch(run.info.run_id, metrics=metrics)
        client.log_param(run.info.run_id, "optimizer", variant)
        client.set_terminated(run.info.run_id, end_time=1_700_000_000_000)
        ids.append(run.info.run_id)
    return ids[0], ids[1]


Store = Callable[[str], MlflowClient]


@pytest.fixture
def store(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Make new stores, each in a folder of its own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def new(name: str) -> MlflowClient:
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(empty_store, folder / "mlflow.db")
        client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
        client.create_experiment("e", artifact_location=(folder / "artifacts").as_uri())
        return client

    return new


@pytest.fixture
def client(store: Store) -> MlflowClient:
    """A client of a new local store."""
    return store("a b")


def state(client: MlflowClient) -> object:
    """Everything that a person finds of models, without what differs between any two stores."""
    experiment = client.get_experiment_by_name("e").experiment_id
    models = client.search_logged_models([experiment])
    names = {model.model_id: model.name for model in models}
    runs = client.search_runs([experiment])
    names |= {run.info.run_id: run.data.tags["optledger.key"] for run in runs}

    def plain(values: dict[str, str]) -> dict[str, str]:
        return {key: names.get(value, value) for key, value in values.items()}

    return {
        "models": [
            (
                plain(model.tags),
                model.params,
                str(model.status),
                names[model.source_run_id],
                [(metric.key, metric.value, metric.step) for metric in model.metrics],
                files(client, model.artifact_location),
            )
            for model in models
        ],
        "versions": [
            (
                int(version.version),
                plain(version.tags),
                version.description,
                names[version.run_id],
            )
            for version in client.search_model_versions("")
        ],
        "registered": [
            (each.name, each.description, each.tags, {a: int(v) for a, v in each.aliases.items()})
            for each in client.search_registered_models()
        ],
        "runs": sorted(
            (
                names[run.info.run_id],
                [names.get(output.model_id, "?") for output in run.outputs.model_outputs],
                plain({k: v for k, v in run.data.tags.items() if k.startswith("optledger")}),
                [
                    (point.step, point.value)
                    for point in client.get_metric_history(run.info.run_id, "accuracy")
                ],
            )
            for run in runs
        ),
    }


def files(client: MlflowClient, location: str) -> dict[str, bytes]:
    """The files of a model by their path; of MLmodel, the lines that name no id."""
    root = Path(download_artifacts(artifact_uri=location, tracking_uri=client.tracking_uri))
    found = {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }
    lines = found["MLmodel"].splitlines()
    ids = (b"artifact_path", b"model_id", b"model_uuid", b"run_id")
    kept = [each for each in lines if not each.startswith(ids)]
    return found | {"MLmodel": b"\n".join(kept)}


def test_a_model_is_logged_registered_and_champion(client: MlflowClient) -> None:
    """It is of the seed's run, with its metric, and both runs name it; the first is champion."""
    variant_run, seed_run = published_runs(client)
    assert publish_champion(client, champion(), variant_run, seed_run)
    version = client.get_model_version_by_alias(NAME, "champion")
    assert version.description.endswith("Champion: yes, the first: there was no champion.")
    model = client.get_logged_model(version.tags["optledger.model"])
    assert str(model.status) == "READY"
    assert model.source_run_id == version.run_id == seed_run
    assert model.params == {"optimizer": "adam"}
    assert [(metric.key, metric.value) for metric in model.metrics] == [("accuracy", 0.9)]
    for run_id in (variant_run, seed_run):
        outputs = client.get_run(run_id).outputs.model_outputs
        assert [output.model_id for output in outputs] == [model.model_id]


def test_publishing_again_changes_nothing(client: MlflowClient) -> None:
    """And takes requests to read only."""
    runs = published_runs(client)
    publish_champion(client, champion(), *runs)
    before = state(client)
    breaking = Breaking(client, at=-1)
    assert not publish_champion(breaking, champion(), *runs)
    assert {*breaking.calls} == {"get_run", "search_logged_models", "search_model_versions"}
    assert state(client) == before


def test_the_same_model_is_the_same_bytes(store: Store) -> None:
    """In another store it has other ids, and everything else is the same."""
    states = []
    for name in ("a", "b"):
        client = store(name)
        publish_champion(client, champion(), *published_runs(client))
        states.append(state(client))
    assert states[0] == states[1]


class Breaking:
    """A client whose call of number `at` fails when the store has done it."""

    def __init__(self, client: MlflowClient, at: int) -> None:
        """Count calls from 1."""
        self._client, self._at = client, at
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        """Return the client's attribute, a method so that it counts and breaks."""
        attribute = getattr(self._client, name)
        if not callable(attribute):
            return attribute

        def call(*arguments: Any, **named: Any) -> Any:
            self.calls.append(name)
            answer = attribute(*arguments, **named)
            if len(self.calls) == self._at:
                raise ConnectionResetError(name)
            return answer

        return call


def publish_first(client: Any, runs: dict[str, Runs]) -> None:
    """Publish a champion where there is none."""
    publish_champion(client, champion(), *runs["adam"])


def publish_better(client: Any, runs: dict[str, Runs]) -> None:
    """Publish one that takes the alias from it."""
    publish_champion(client, champion("sgd", mistakes=4), *runs["sgd"])


def test_a_publication_that_broke_off_is_completed(store: Store) -> None:
    """Wherever that was: then everything is as if it had not been.

    Of the second one, from where it meets the first: before, each makes a model of its own.
    """

    def runs(client: MlflowClient) -> dict[str, Runs]:
        return {variant: published_runs(client, variant) for variant in ("adam", "sgd")}

    def writing(calls: list[str]) -> dict[int, str]:
        # A break at one that reads leaves the store as one at the next that writes.
        reading = ("get_", "search_")
        return {at: name for at, name in enumerate(calls, 1) if not name.startswith(reading)}

    undisturbed = store("undisturbed")
    made = runs(undisturbed)
    first, better = (Breaking(undisturbed, at=-1) for _ in range(2))
    publish_first(first, made)
    expected = state(undisturbed)
    calls = writing(first.calls)
    assert len(calls) > 10
    for at, name in calls.items():
        client = store(f"first {at}")
        own = runs(client)
        with pytest.raises(ConnectionResetError):
            publish_first(Breaking(client, at), own)
        publish_first(client, own)
        assert state(client) == expected, name

    publish_better(better, made)
    expected = state(undisturbed)
    calls = writing(better.calls)
    meeting = better.calls.index("create_model_version")
    for at, name in calls.items():
        if at > meeting:
            client = store(f"better {at}")
            own = runs(client)
            publish_first(client, own)
            with pytest.raises(ConnectionResetError):
                publish_better(Breaking(client, at), own)
            publish_better(client, own)
            assert state(client) == expected, name


@pytest.mark.parametrize(
    ("changes", "moves", "reason"),
    [
        ({"mistakes": 4}, True, "better than version 1 (adam): accuracy differs by +9.00 points"),
        ({"mistakes": 80}, False, "worse than version 1 (adam): accuracy differs by -10.00"),
        ({"mistakes": 38}, False, "not shown to be better than version 1 (adam)"),
        ({"mistakes": 40}, False, "not shown to be better than version 1 (adam)"),
        (
            {"mistakes": 4, "comparison": Comparison(metric="accuracy", margins={"accuracy": 0.2})},
            False,
            "equivalent to version 1 (adam), within 20 points",
        ),
        (
            {"mistakes": 4, "test_digest": "bb"},
            False,
            "not comparable with version 1 (adam), which has another test split",
        ),
    ],
    ids=["better", "worse", "inconclusive", "the same", "equivalent", "another split"],
)
def test_the_alias_moves_to_what_is_better(
    client: MlflowClient, changes: dict[str, Any], moves: bool, reason: str
) -> None:
    """And to nothing else; the version says why."""
    publish_champion(client, champion(), *published_runs(client))
    publish_champion(client, champion("sgd", **changes), *published_runs(client, "sgd"))
    assert int(client.get_model_version_by_alias(NAME, "champion").version) == (2 if moves else 1)
    version = client.get_model_version(NAME, "2")
    assert f"Champion: {'yes' if moves else 'no'}, {reason}" in version.description
    assert version.tags["optledger.decision"] == ("champion" if moves else "not champion")


def test_one_seed_moves_nothing(client: MlflowClient) -> None:
    """Against several, it has no spread to tell; the version says that the interval is unknown."""
    publish_champion(client, champion(), *published_runs(client))
    better = champion("sgd", mistakes=4)
    one = {name: values[:1] for name, values in better.predictions.items()}
    one["labels"] = better.predictions["labels"]
    alone = replace(better, predictions=one, seeds=1)
    publish_champion(client, alone, *published_runs(client, "sgd"))
    assert int(client.get_model_version_by_alias(NAME, "champion").version) == 1
    assert "95 % interval unknown" in client.get_model_version(NAME, "2").description


class Overtaken:
    """A client before whose first call of `name` something else happens."""

    def __init__(self, client: MlflowClient, name: str, happens: Callable[[], object]) -> None:
        """Let it happen once."""
        self._client, self._name, self._happens = client, name, [happens]

    def __getattr__(self, name: str) -> Any:
        """Return the client's attribute, once it has happened."""
        if name == self._name and self._happens:
            self._happens.pop()()
        return getattr(self._client, name)


@pytest.mark.parametrize(
    "moment",
    [
        "create_registered_model",
        "create_model_version",
        "get_registered_model",
        "update_model_version",
        "set_registered_model_alias",
        "set_model_version_tag",
        "set_tag",
    ],
)
def test_a_better_champion_overtakes(client: MlflowClient, moment: str) -> None:
    """Published while another is, from whatever moment on, it ends with the alias."""
    runs = {variant: published_runs(client, variant) for variant in ("adam", "sgd")}
    better = champion("sgd", mistakes=4)
    overtaken = Overtaken(client, moment, lambda: publish_champion(client, better, *runs["sgd"]))
    publish_champion(overtaken, champion(), *runs["adam"])
    version = client.get_model_version_by_alias(NAME, "champion")
    assert version.tags["optledger.variant"] == "sgd"
    decisions = [each.tags["optledger.decision"] for each in client.search_model_versions("")]
    assert len(decisions) == 2
    assert "champion" in decisions


def test_a_persons_choice_stays_champion(client: MlflowClient) -> None:
    """What it cannot be compared with does not take its place, nor does publishing again."""
    runs = published_runs(client)
    publish_champion(client, champion(), *runs)
    client.create_model_version(NAME, "file:///somewhere/else", run_id=runs[0])
    client.set_registered_model_alias(NAME, "champion", "2")
    publish_champion(client, champion(), *runs)
    publish_champion(client, champion("sgd", mistakes=4), *published_runs(client, "sgd"))
    assert int(client.get_model_version_by_alias(NAME, "champion").version) == 2
    assert "no, not comparable with version 2" in client.get_model_version(NAME, "3").description


def test_without_a_champion_the_next_is_it(client: MlflowClient) -> None:
    """Where a person took the alias away, the next gets it, or the same if asked for."""
    runs = published_runs(client)
    publish_champion(client, champion(), *runs)
    client.delete_registered_model_alias(NAME, "champion")
    assert not publish_champion(client, champion(), *runs)
    publish_champion(client, champion(), *runs, restore=True)
    assert int(client.get_model_version_by_alias(NAME, "champion").version) == 1
    client.delete_registered_model_alias(NAME, "champion")
    publish_champion(client, champion("sgd", mistakes=80), *published_runs(client, "sgd"))
    assert int(client.get_model_version_by_alias(NAME, "champion").version) == 2


def test_a_holder_whose_predictions_are_gone_keeps_the_alias(client: MlflowClient) -> None:
    """The next model is registered and says why; it does not wait for ever."""
    publish_champion(client, champion(), *published_runs(client))
    model = client.get_logged_model(client.get_model_version(NAME, "1").tags["optledger.model"])
    shutil.rmtree(unquote(model.artifact_location.removeprefix("file://")))
    publish_champion(client, champion("sgd", mistakes=10), *published_runs(client, "sgd"))
    assert int(client.get_model_version_by_alias(NAME, "champion").version) == 1
    assert "whose predictions are gone" in client.get_model_version(NAME, "2").description


def test_a_run_that_was_made_anew_has_the_model(client: MlflowClient) -> None:
    """As after `optledger publish --replace`."""
    publish_champion(client, champion(), *published_runs(client))
    runs = published_runs(client)
    publish_champion(client, champion(), *runs)
    for run_id in runs:
        (output,) = client.get_run(run_id).outputs.model_outputs
        assert output.model_id == client.get_model_version(NAME, "1").tags["optledger.model"]


@pytest.mark.parametrize("what", ["version", "model", "registered model"])
def test_what_a_person_deleted_stays_deleted(client: MlflowClient, what: str) -> None:
    """Unless it is asked for."""
    runs = published_runs(client)
    publish_champion(client, champion(), *runs)
    model_id = client.get_model_version(NAME, "1").tags["optledger.model"]
    match what:
        case "version":
            client.delete_model_version(NAME, "1")
        case "model":
            client.delete_logged_model(model_id)
        case "registered model":
            client.delete_registered_model(NAME)
    assert not publish_champion(client, champion(), *runs)
    assert publish_champion(client, champion(), *runs, restore=True)
    version = client.get_model_version_by_alias(NAME, "champion")
    restored = client.get_logged_model(version.tags["optledger.model"])
    assert (restored.model_id == model_id) == (what != "model")
    assert len(client.search_model_versions("")) == 1
    assert not publish_champion(client, champion(), *runs)
