from pathlib import Path

import pytest
from ruamel.yaml import YAML

from optledger.core.params import parse
from optledger.trials.sufficiency import example_mistakes
from project import DIGITS_PARAMS


@pytest.mark.parametrize(
    ("defaults", "variant", "line"),
    [
        ({}, {"batch_size": 31}, "variants.a.batch_size: found 31; allowed: 1 to 30, the examples"),
        ({"batch_size": 31}, {}, "training.batch_size: found 31; allowed: 1 to 30, the examples"),
        (
            {"batch_size": "full"},
            {"training_fraction": 0.05},
            "variants.a.training_fraction: 0.05 is too small: class 2 would have no example",
        ),
        (
            {"batch_size": "full", "training_fraction": 0.15},
            {"class_fractions": {1: 0.1}, "resample": "oversample"},
            "training.training_fraction: 0.15 is too small: class 1 would have no example",
        ),
        (
            {"batch_size": 4},
            {"training_fraction": 0.1},
            "training.batch_size: found 4; allowed: 1 to 3, the examples that a trains on, or full",
        ),
        (
            {},
            {"resample": "undersample", "class_fractions": {0: 0.3}},
            "training.batch_size: found 10; allowed: 1 to 9, the examples that a trains on, or",
        ),
        (
            {"class_fractions": {3: 0.5}},
            {},
            "training.class_fractions: found {3: 0.5}; allowed: fractions of the classes 0 to 2",
        ),
        ({"epochs": 3_333_334}, {}, "training.epochs: found 3333334; allowed: at most 3333333, of"),
        ({}, {"epochs": 10**23}, "variants.a.epochs: found 1000"),
        (
            {},
            {"class_weights": [1, 2]},
            "variants.a.class_weights: found [1.0, 2.0]; allowed: balanced, or 3 weights, one for",
        ),
    ],
)
def test_a_mistake_is_one_line(
    defaults: dict[str, object], variant: dict[str, object], line: str
) -> None:
    """It names the key that has the value, be it the variant's own or the default."""
    document = YAML(typ="safe").load(DIGITS_PARAMS)
    document["training"] = {"epochs": 1, "batch_size": 10, "loss": "MeanSquaredError", **defaults}
    document["variants"] = {"a": {"optimizer": "SGD", "learning_rate": 0.1, **variant}}
    params = parse(document, Path("params.yaml"))
    (found,) = example_mistakes(params, "a", [10, 10, 10])
    assert found.startswith(f"params.yaml: {line}")
