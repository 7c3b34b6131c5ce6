"""A publication that is disturbed, and one after it; all faults are in `make torture`."""

from contextlib import chdir
from itertools import islice

import pytest

from optledger.tracking.audit import audit
from proxy import SERVERS
from publication import differences, runs
from torture import Bench, trial

CREATE, LOG, UPLOAD, END = "runs/create", "runs/log-batch", "history.csv", "runs/update"


def number(server: Bench, path: str, nth: int) -> int:
    """Return which request is the `nth` to a path that ends like this."""
    numbers = (at for at, sent in enumerate(server.requests, 1) if sent.endswith(path))
    return next(islice(numbers, nth - 1, None))


@pytest.mark.parametrize(
    ("fault", "path", "nth"),
    [
        ("error after", "model-versions/create", 1),
        ("late", CREATE, 5),
        ("delayed", "mlflow/logged-models", 1),
        ("dropped after", "experiments/create", 1),
        ("cut", UPLOAD, 1),
        ("killed", "weights.npz", 1),
        ("killed after", "registered-models/alias", 1),
    ],
)
def test_the_next_publication_mends_it(server: Bench, fault: str, path: str, nth: int) -> None:
    """Each run and the model once, complete, and nothing else.

    Each kind of fault is here or among those of the next test.
    """
    outcome = trial(server, fault, number(server, path, nth))
    assert outcome.injected
    assert outcome.wrong == []


@pytest.mark.parametrize(
    ("fault", "path", "nth"),
    [
        ("error", "experiments/set-experiment-tag", 1),
        ("dropped", "experiments/set-experiment-tag", 2),
        ("cut answer", LOG, 1),
        ("twice", CREATE, 1),
    ],
)
def test_an_official_publication_takes_over_what_a_try_left(
    server: Bench, fault: str, path: str, nth: int
) -> None:
    """Of the same results: the store is as if it had been official at once."""
    outcome = trial(server, fault, number(server, path, nth), mixed=True)
    assert outcome.wrong == []


def test_a_server_that_dies_in_the_middle_is_filled_when_it_is_back(server: Bench) -> None:
    """Nothing is left of what broke off, and the message names the store."""
    outcome = trial(server, "dropped", number(server, END, 1), lasting=True)
    assert not outcome.at_once
    assert outcome.wrong == []


def test_a_repair_that_breaks_off_is_repaired(server: Bench) -> None:
    """Of runs that are there twice, and empty, one is left, and complete."""
    outcome = trial(server, "killed after", number(server, END, 2), disorder=True)
    assert outcome.injected
    assert outcome.wrong == []


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_without_logged_models_gets_all_else(
    server: Bench, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A note says so, and verify has nothing to add; a server that learns it gets the model."""
    name = server.name()
    server.proxy.disturb(kind, 1, lasting=True)
    for _ in range(2):
        server.publish(name)
        (note,) = capsys.readouterr().err.splitlines()
        assert note.startswith(
            f"publish: note: {server.proxy.url}: the server has no logged models"
        )
    with chdir(server.checkout):
        assert list(audit(runs(name, 0.5), server.proxy.url, name, lambda: None)) == []
    server.proxy.disturb(None)
    found, complete = server.contents(name), server.reference
    assert found.keys() == {each for each in complete if "model" not in each} - {
        "registered",
        "version",
    }
    assert found["experiment"] == complete["experiment"]
    server.publish(name)
    assert differences(server.contents(name), complete) == []
