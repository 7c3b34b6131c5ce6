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
        examples = Examples(np.zeros((2, 8, 8), np.uint8), np.zeros(2, np.uint8))
        write_split(name, examples, Path("data/prepared"))
    return Store(Folder(tmp_path / "trials"))


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
    keys = Keys()
    sweep = Sweep(plans(params.load(), ["adam"], INTERFACE, keys), keys, store, with_weights=False)
    assert list(reasons(["adam"], sweep, store)) == [
        "adam: 5 trials: 2 kept; 1 to train: learning rate 0.03 new; 2 once its search has chosen"
    ]
