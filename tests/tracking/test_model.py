"""The champion of a real pipeline, loaded and served by MLflow."""

import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mlflow
import numpy as np
import pytest
import requests
from mlflow import MlflowClient
from mlflow.entities import LoggedModel
from numpy.typing import NDArray

from optledger.core import params
from optledger.core.formats import read_npz
from optledger.core.packages import distribution, version
from optledger.datasets.prepared import read_split
from optledger.tracking.champion import ChampionModel, read_champion
from optledger.tracking.model import write_model
from optledger.tracking.registration import publish_champion
from project import Project

LOGGED = LoggedModel("0", "m-1", "adam seed 0", "file:///a", 0, 0, source_run_id="r")

CHAMPION = "models:/optledger-digits@champion"


@pytest.fixture(scope="module")
def champion(judged: Project) -> ChampionModel:
    """The champion of the digits."""
    with inside(judged.path):
        found = read_champion(params.load())
    assert found is not None
    return found


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Change the working directory."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def images(finished: Project) -> NDArray[np.uint8]:
    """Raw pixels of the test split."""
    with inside(finished.path):
        return read_split("test").inputs


@pytest.fixture(scope="module")
def predicted(judged: Project, champion: ChampionModel) -> list[int]:
    """What the stage `evaluate` has of them, of the champion's seed."""
    rows = read_npz(judged.path / f"results/predictions/{champion.variant}.npz")["classes"]
    # The seeds of the digits begin with 0.
    classes: list[int] = rows[champion.seed].tolist()
    return classes


@pytest.fixture(scope="module")
def store(
    finished: Project, champion: ChampionModel, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The URI of a store that has the champion's model."""
    folder = tmp_path_factory.mktemp("store")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(uri)
    experiment = client.create_experiment("e", artifact_location=(folder / "a").as_uri())
    runs = [client.create_run(experiment).info.run_id for _ in ("variant", "seed")]
    client.set_tag(runs[0], "optledger.key", "aa")
    publish_champion(client, champion, *runs)
    return uri


PROGRAM = """
import sys
import numpy as np
import mlflow

mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
with np.load(sys.argv[3], allow_pickle=False) as test:
    images = test["images"]
print(*model.predict(images)["class"])
print(sys.modules["optledger"].__file__)
print(*sys.modules)
for kind in ("int64", "float32"):
    print(*model.predict(images.astype(kind))["class"])
print(len(model.predict(np.zeros_like(images[:3]))))
try:
    model.predict(images / 255)
except mlflow.MlflowException as error:
    print(error)
"""


@pytest.fixture(scope="module")
def loaded(finished: Project, store: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a process prints that loads the champion, away from any checkout, and without pickle."""
    test = finished.path / "data/prepared/test.npz"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, store, CHAMPION, str(test)],
        cwd=tmp_path_factory.mktemp("elsewhere"),
        env={**kept, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_it_predicts_what_the_pipeline_did(loaded: list[str], predicted: list[int]) -> None:
    """For every image of the test split."""
    assert [int(each) for each in loaded[0].split()] == predicted


def test_it_takes_arrays_of_any_type(loaded: list[str], predicted: list[int]) -> None:
    """Black images, too; scaled ones are refused."""
    *arrays, black, scaled = loaded[3:]
    assert [[int(each) for each in line.split()] for line in arrays] == [predicted, predicted]
    assert black == "3"
    assert scaled.startswith("found the pixel 0.")


def test_it_brings_its_code(loaded: list[str]) -> None:
    """What is loaded is the package in the model's folder."""
    assert "/artifacts/code/optledger/" in loaded[1]


def test_it_needs_what_its_requirements_name(loaded: list[str]) -> None:
    """Of what this project needs beside them, nothing is imported."""
    needed = {"dvc", "pypi_simple", "tabulate", "typer"}
    assert not needed & {name.partition(".")[0] for name in loaded[2].split()}


def test_the_folder_holds_no_pickle(champion: ChampionModel, tmp_path: Path) -> None:
    """Text, code, and arrays that are read without pickle."""
    write_model(tmp_path / "model", champion, LOGGED, 0)
    found = [path for path in (tmp_path / "model").rglob("*") if path.is_file()]
    kinds = {path.suffix for path in found}
    assert kinds == {"", ".json", ".npz", ".py", ".txt", ".yaml"}
    assert [path.name for path in found if path.suffix == ""] == ["MLmodel"]
    assert "pickle" not in (tmp_path / "model/MLmodel").read_text()
    for path in found:
        if path.suffix == ".npz":
            assert all(name.endswith(".npy") for name in zipfile.ZipFile(path).namelist())
            assert read_npz(path)


def test_the_folder_repeats_byte_for_byte(champion: ChampionModel, tmp_path: Path) -> None:
    """Written twice, its files are the same."""
    for name in ("a", "b"):
        write_model(tmp_path / name, champion, LOGGED, 0)
    first, second = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("a", "b")
    )
    assert first == second


def test_requirements_are_pinned(champion: ChampionModel, tmp_path: Path) -> None:
    """To what is installed here."""
    write_model(tmp_path / "model", champion, LOGGED, 0)
    lines = (tmp_path / "model/requirements.txt").read_text().splitlines()
    assert f"{distribution('tensorflow')}=={version('tensorflow')}" in lines
    assert all("==" in line for line in lines)


@pytest.fixture(scope="module")
def address(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `mlflow models serve` with the champion, which must not unpickle."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHONPATH")}
    program = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", CHAMPION]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*program, "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env={
                **kept,
                "MLFLOW_TRACKING_URI": store,
                "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 240
        while True:
            with suppress(requests.RequestException):
                if requests.get(f"http://127.0.0.1:{port}/ping", timeout=5).ok:
                    break
            assert time.monotonic() < end
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_it_serves_raw_pixels(
    address: str, images: NDArray[np.uint8], predicted: list[int]
) -> None:
    """Requests with any number of images get their classes, and the probability of each class."""
    for count in (1, len(images)):
        request = {"inputs": images[:count].tolist()}
        answer = requests.post(address, json=request, timeout=60).json()["predictions"]
        assert [each["class"] for each in answer] == predicted[:count]
        for each in answer:
            assert len(each["probabilities"]) == 10
            assert sum(each["probabilities"]) == pytest.approx(1, abs=1e-5)
            assert np.argmax(each["probabilities"]) == each["class"]


def in_columns(images: list[object]) -> object:
    """A table with one column, as JSON of pandas."""
    return {"columns": ["image"], "data": [[image] for image in images]}


REQUESTS = {"inputs": list, "instances": list, "dataframe_split": in_columns}


@pytest.mark.parametrize("key", REQUESTS)
@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.zeros((2, 8, 8), int), None),
        (np.eye(8, dtype=int)[None], None),
        (np.eye(8)[None], None),
        (np.full((1, 8, 8), 255.0), None),
        (np.full((1, 8, 8), 0.5), "found the pixel 0.5; allowed: whole numbers from 0 to 255"),
        (np.full((1, 8, 8), -1), "found the pixel -1; allowed: "),
        (np.full((1, 8, 8), 256), "found the pixel 256; allowed: "),
        (np.full((1, 8, 7), 200), "found shape (1, 8, 7); allowed: (images, 8, 8)"),
    ],
    ids=["black", "binary", "floats", "white", "scaled", "negative", "beyond a byte", "size"],
)
def test_every_way_in_takes_raw_pixels_alone(
    address: str, key: str, pixels: NDArray[np.generic], said: str | None
) -> None:
    """What else comes is refused with what is wrong, rather than cut to bytes."""
    request = {key: REQUESTS[key](pixels.tolist())}
    answer = requests.post(address, json=request, timeout=60)
    if said is None:
        assert len(answer.json()["predictions"]) == len(pixels)
    else:
        assert answer.status_code == 400
        assert said in answer.json()["message"]


def test_its_page_has_an_example(
    store: str, champion: ChampionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it gives, and an example of the validation split of what it takes."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    info = mlflow.models.get_model_info(CHAMPION)
    example = mlflow.models.Model.load(CHAMPION).load_input_example()
    assert info.signature.outputs.input_names() == ["class", "probabilities"]
    assert np.array_equal(np.asarray(example, np.uint8), champion.input_example)
