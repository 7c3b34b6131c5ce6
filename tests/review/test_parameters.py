from typing import Any

import pytest

from optledger.review.parameters import parameter_changes, resolved

BASE: dict[str, Any] = {
    "dataset": "digits",
    "model": {"name": "mlp", "hidden_units": [16]},
    "training": {"epochs": 3, "batch_size": 32},
    "search": {"strategy": "grid", "trials": 3, "seed": 1000},
    "seeds": {"first": 0, "count": 2},
    "convergence": {"patience": 2},
    "comparison": {"metric": "accuracy"},
    "cases": {"linear_regression": {"epochs": 40}},
    "variants": {
        "gd": {"optimizer": "SGD", "learning_rate": 0.5, "batch_size": "full", "epochs": 5},
        "adam": {"optimizer": "Adam", "learning_rate": [0.01, 0.1], "model": {"dropout": 0.1}},
    },
}


def changed(key: str, value: object) -> dict[str, Any]:
    """Return BASE with another value at a dotted key; None removes it."""
    section, _, rest = key.partition(".")
    if rest:
        return {**BASE, section: changed_in(BASE[section], rest, value)}
    return {**BASE, section: value}


def changed_in(document: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    """Return a mapping with another value at a dotted key."""
    first, _, rest = key.partition(".")
    if rest:
        return {**document, first: changed_in(document[first], rest, value)}
    return {name: item for name, item in {**document, first: value}.items() if item is not None}


@pytest.mark.parametrize(
    ("key", "value", "variants", "elsewhere"),
    [
        ("variants.adam.learning_rate", 0.02, ("adam",), ""),
        ("variants.adam.epochs", 4, ("adam",), ""),
        ("variants.adam.epochs", 3, (), ""),
        ("variants.adam", None, ("adam",), ""),
        ("variants.lion", {"optimizer": "Lion", "learning_rate": 0.1}, ("lion",), ""),
        ("training.epochs", 4, ("adam",), ""),
        ("training.batch_size", 64, ("adam",), ""),
        ("training.l2", 0.1, ("adam", "gd"), ""),
        ("model.hidden_units", [32], ("adam", "gd"), ""),
        ("model", "cnn", ("adam", "gd"), ""),
        ("search.trials", 4, ("adam",), ""),
        ("seeds.count", 3, ("adam", "gd"), ""),
        ("dataset", "mnist", ("adam", "gd"), ""),
        ("convergence.patience", 3, (), "when a seed has converged"),
        ("comparison.metric", "f1", (), "how variants are compared"),
        ("cases.linear_regression.epochs", 50, (), "the case linear_regression"),
    ],
)
def test_a_parameter_touches_whom_it_reaches(
    key: str, value: object, variants: tuple[str, ...], elsewhere: str
) -> None:
    """A default touches the variants that keep it, a search those that search."""
    found = parameter_changes(BASE, changed(key, value))
    assert {change.variants for change in found} == {variants}
    assert {change.elsewhere for change in found} == {elsewhere}
    assert all(change.key.startswith(key) for change in found)


def test_order_and_the_way_of_writing_are_no_change() -> None:
    """Neither the order of keys nor 3.0 for 3 is a difference."""
    turned = {key: BASE[key] for key in reversed(BASE)}
    turned["training"] = {"batch_size": 32.0, "epochs": 3.0}
    assert parameter_changes(BASE, turned) == []


def test_a_variant_keeps_what_it_does_not_override() -> None:
    """A variant has its own parameters, the defaults, and the model's, argument by argument."""
    assert resolved(BASE, "adam") == {
        "optimizer": "Adam",
        "learning_rate": [0.01, 0.1],
        "epochs": 3,
        "batch_size": 32,
        "model": {"name": "mlp", "hidden_units": [16], "dropout": 0.1},
    }
    assert resolved(BASE, "lion") is None
