from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from digits import INTERFACE
from optledger.core import params
from optledger.datasets.examples import Examples
from optledger.datasets.prepared import write_split
from optledger.sweep.account import reasons
from optledger.sweep.keys import Keys
from optledger.sweep.plan import plans
from optledger.sweep.pool import Sweep
from optledger.trials.observations import FinishedTrial
from optledger.trials.places import Folder
from optledger.trials.store import Store
from optledger.trials.trial import Epoch, TrialResult
from project import DIGITS_PARAMS

GIVEN = "  adam: {optimizer: Adam, learning_rate: 0.01}"
SEARCHED = """\
  adam: {optimizer: Adam, learning_rate: [0.001, 0.01]}
  adamax: {optimizer: Adamax, learning_rate: [0.01, 0.03]}"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store, in a checkout with small splits as the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("train", "validation"):
        write(name, 2)
    return Store(Folder(tmp_path / "trials"))


def write(split: str, items: int) -> None:
    """Write a small split."""
    examples = Examples(np.zeros((items, 8, 8), np.uint8), np.zeros(items, np.uint8))
    write_split(split, examples, Path("data/prepared"))


def keep_all(names: list[str], store: Store) -> None:
    """Keep every trial that these variants may need, in this order."""
    for plan in plans(params.load(), names, INTERFACE, Keys()):
        for each in plan.possible():
            result = TrialResult(
                *(each.trial.learning_rate, each.trial.seed, {}),
                *([Epoch(0.1, 0.5, 0.25, 1.0)], 1, None),
            )
            store.put(each.document, FinishedTrial(result, None))


@pytest.mark.parametrize("names", [["adam", "adamax"], ["adamax", "adam"]])
def test_a_further_learning_rate_is_told_as_one(names: list[str], store: Store) -> None:
    """Another variant that has tried it is no nearer, whichever was kept first."""
    text = DIGITS_PARAMS.replace(GIVEN, SEARCHED)
    Path("params.yaml").write_text(text)
    keep_all(names, store)
    Path("params.yaml").write_text(text.replace("[0.001, 0.01]", "[0.001, 0.01, 0.03]"))
    assert told("adam", store) == (
        "2 kept; 1 to train: new learning rate 0.03; 2 once its search has chosen"
    )


def told(name: str, store: Store, recorded: Sequence[str] = ()) -> str:
    """Return what is said of a variant's trials."""
    keys = Keys()
    sweep = Sweep(plans(params.load(), [name], INTERFACE, keys), keys, store, with_weights=False)
    (line,) = reasons([name], sweep, store, recorded)
    assert line.startswith(f"{name}: ")
    return line.split(" trials: ")[1]


def test_a_new_variant_is_called_so(store: Store) -> None:
    """Which kept trial is nearest to it says nothing."""
    Path("params.yaml").write_text(DIGITS_PARAMS)
    keep_all(["gd"], store)
    assert told("adam", store, ["gd"]) == "2 to train: a new variant"
    assert told("gd", store, ["adam"]) == "2 kept"
    # Renamed, and with a further seed.
    Path("params.yaml").write_text(DIGITS_PARAMS.replace("count: 2", "count: 3"))
    assert told("gd", store, ["adam"]) == "2 kept; 1 to train: new seed 2"


def test_other_data_are_called_so(store: Store) -> None:
    """Even where another variant's trial of the same data differs in a single key."""
    Path("params.yaml").write_text(DIGITS_PARAMS)
    keep_all(["adam"], store)
    write("train", 3)
    Path("params.yaml").write_text(DIGITS_PARAMS.replace("epochs: 3", "epochs: 4"))
    keep_all(["adam"], store)
    Path("params.yaml").write_text(DIGITS_PARAMS)
    assert told("adam", store, ["adam"]) == "2 to train: the train or validation data changed"


def test_many_seeds_are_told_by_their_ends(store: Store) -> None:
    """Of a reason that two changes share, both are told."""
    Path("params.yaml").write_text(DIGITS_PARAMS)
    keep_all(["adam"], store)
    Path("params.yaml").write_text(DIGITS_PARAMS.replace("count: 2", "count: 12"))
    assert told("adam", store) == "2 kept; 10 to train: new seeds 2 to 11"
    Path("params.yaml").write_text(
        DIGITS_PARAMS.replace("first: 0", "first: 7").replace(GIVEN, GIVEN.replace("1}", "2}"))
    )
    assert told("adam", store) == "2 to train: new learning rate 0.02, new seeds 7, 8"
