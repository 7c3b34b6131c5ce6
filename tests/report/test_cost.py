import pandas as pd
import pytest

from optledger.core.params import Params
from optledger.report.cost import Cost, costs
from reports import settings_of


@pytest.mark.parametrize(
    ("changes", "epoch"),
    [
        ({"batch_size": 32}, 4),
        ({"batch_size": "full"}, 1),
        ({"batch_size": 32, "training_fraction": 0.5}, 2),
        ({"batch_size": 32, "resample": "oversample"}, 5),
    ],
)
def test_a_variant_takes_the_steps_of_its_epochs(changes: dict[str, object], epoch: int) -> None:
    """Also of those that did not get to the end, and of the search."""
    document = settings_of(["adam", "sgd"], 2).model_dump(mode="json", exclude_unset=True)
    document["variants"]["adam"] |= changes
    params = Params.model_validate(document)
    names = ["adam", "adam", "sgd", "sgd"]
    seeds = pd.DataFrame({"variant": names, "epochs": [6, 1, 6, 6]})
    search = pd.DataFrame({"variant": ["adam", "adam", "sgd"], "epochs": [6, 3, 6]})
    (found,) = costs(params, [80, 40], seeds, search, {"adam": 1610})
    assert found == Cost("adam", 1610, epoch, 3.5 * epoch, 2, 2, 16 * epoch)
