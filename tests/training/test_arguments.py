import inspect
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import keras
import pytest
from ruamel.yaml import YAML

from digits import INTERFACE
from optledger.core.params import Component, Params
from optledger.training import textbook_optimizers
from optledger.training.arguments import _BY_NAME
from optledger.training.checks import mistakes
from optledger.training.components import (
    _NOT_ARGUMENTS,
    _NOT_LOSSES,
    _NOT_OPTIMIZERS,
    ComponentError,
    _checked,
    build_loss,
    build_optimizer,
)
from optledger.training.kinds import KINDS
from project import DIGITS_PARAMS

PARAMS = YAML(typ="safe").load(DIGITS_PARAMS)

ODD: list[Any] = [
    *(True, False, "no", "off", "", "abc", "nan", [], [0.5, 0.9], [True], ["a"], {}, None),
    *(-1, 0, 1, 1.5, 0.5, 1e-7, 1e30, -1e30, 1e308, 1e-320, 2**63, -(2**63), 10**400),
]

# Of what can be built, one in so many is tried: all of them would take minutes.
EVERY = 23


def classes_of(module: object, base: type, excluded: set[str]) -> dict[str, type]:
    """Return the classes that a component of this kind can name."""
    found = inspect.getmembers(module, inspect.isclass)
    return {name: each for name, each in found if issubclass(each, base) and name not in excluded}


BASE = keras.optimizers.Optimizer
SCHEDULES = keras.optimizers.schedules
COMPONENTS: dict[str, dict[str, type]] = {
    "optimizer": classes_of(keras.optimizers, BASE, _NOT_OPTIMIZERS)
    | classes_of(textbook_optimizers, BASE, {"Optimizer"}),
    "loss": classes_of(keras.losses, keras.losses.Loss, _NOT_LOSSES),
    "schedule": classes_of(SCHEDULES, SCHEDULES.LearningRateSchedule, {"LearningRateSchedule"}),
}

BUILD: dict[str, Callable[[Any], Any]] = {
    "optimizer": build_optimizer,
    "loss": partial(build_loss, kind=KINDS["classes"]),
    # Building one computes all its rates, which takes too long for every value.
    "schedule": lambda component: _checked(COMPONENTS["schedule"][component.name], component),
}

NEEDED = {"decay_rate": 0.5, "boundaries": [5], "values": [1, 0.5], "first_decay_steps": 10}


def parameters_of(kind: str, name: str) -> dict[str, inspect.Parameter]:
    """Return what a variant may give of a constructor's parameters."""
    found = inspect.signature(COMPONENTS[kind][name]).parameters
    return {key: each for key, each in found.items() if key not in _NOT_ARGUMENTS}


def odd(kind: str, name: str) -> Iterator[Component]:
    """Yield a component with each argument in turn at each odd value, and the others left out."""
    parameters = parameters_of(kind, name)
    needed = {key: value for key, value in NEEDED.items() if key in parameters}
    for argument in parameters:
        for value in ODD:
            yield Component(name=name, **(needed | {argument: value}))


def refusal(kind: str, component: Component) -> str | None:
    """Return why a component cannot be built, which is all that its constructor finds."""
    try:
        BUILD[kind](component)
    except ComponentError as error:
        return str(error)
    return None


def lines_of(**overridden: object) -> list[str]:
    """Return what `optledger check` says of a variant with this: it trains 30 steps."""
    variant = {"optimizer": "SGD", "learning_rate": 0.1} | overridden
    params = Params.model_validate(PARAMS | {"variants": {"a": variant}})
    return mistakes(params, {"a": 320}, INTERFACE)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in COMPONENTS.items() for name in names]
)
def test_an_odd_argument_works_or_is_refused_in_a_line(kind: str, name: str) -> None:
    """No exception but the error of components, and what passes is tried by steps or rates.

    Every value goes through the checks of type and range, and the constructor; of those that
    pass, a fixed sample goes through `optledger check`, which takes steps and computes all rates.
    """
    refusals = [(component, refusal(kind, component)) for component in odd(kind, name)]
    passed = [component for component, line in refusals if line is None]
    lines = [line for _, line in refusals if line is not None]
    for component in passed[::EVERY]:
        found = lines_of(**{kind: {"name": name, **component.arguments}})
        assert len(found) <= 1
        lines += found
    form = re.compile(r"found .*; allowed: | fails|does not work as a loss")
    assert all(form.search(line) and "\n" not in line for line in lines)


@pytest.mark.parametrize("kind", COMPONENTS)
def test_what_keras_gives_no_type_has_one_here(kind: str) -> None:
    """A parameter without a default, or with None: a new one of Keras's has to be declared."""
    for name in COMPONENTS[kind]:
        for key, parameter in parameters_of(kind, name).items():
            if parameter.default in (None, parameter.empty):
                assert key in _BY_NAME


@pytest.mark.parametrize(
    ("kind", "component", "found"),
    [
        ("optimizer", {"name": "SGD", "momentum": 0.9, "nesterov": "no"}, "nesterov: 'no'; .*YAML"),
        ("optimizer", {"name": "Adam", "amsgrad": "off"}, "amsgrad: 'off'; allowed: true or false"),
        ("optimizer", {"name": "Adam", "amsgrad": 1}, "amsgrad: 1; allowed: true or false"),
        ("optimizer", {"name": "Adam", "beta_1": 1.5}, "beta_1: 1.5; allowed: .* below 1"),
        ("optimizer", {"name": "Adam", "beta_1": True}, "beta_1: True; allowed: a number"),
        ("optimizer", {"name": "RMSprop", "rho": 1}, "rho: 1; allowed: .* below 1"),
        ("optimizer", {"name": "TextbookMomentum", "beta": -0.1}, "beta: -0.1; allowed: a number"),
        ("optimizer", {"name": "TextbookAdam", "beta_2": 1}, "beta_2: 1; allowed: .* below 1"),
        ("optimizer", {"name": "Adam", "weight_decay": -1}, "weight_decay: -1; .*of at least 0"),
        ("optimizer", {"name": "SGD", "clipnorm": 0}, "clipnorm: 0; allowed: a number above 0"),
        ("optimizer", {"name": "SGD", "clipvalue": 1e308}, r"clipvalue: 1e\+308; .* float32"),
        ("optimizer", {"name": "Adam", "epsilon": 0}, "fails with .* not finite"),
        ("optimizer", {"name": "TextbookAdam", "epsilon": 0}, "fails with .* not finite"),
        ("optimizer", {"name": "Adam", "epsilon": 1e-40}, "epsilon: 1e-40; .* float32"),
        ("optimizer", {"name": "Muon", "ns_steps": 2**62}, "ns_steps: .*; .* from 1 to 20"),
        ("optimizer", {"name": "Muon", "muon_a": -3.4}, "Muon fails with {'muon_a': -3.4}"),
        ("optimizer", {"name": "SGD", "loss_scale_factor": 1024}, "argument loss_scale_factor;"),
        ("optimizer", {"name": "Muon", "exclude_layers": ["dense"]}, "argument exclude_layers;"),
        (
            "optimizer",
            {"name": "SGD", "gradient_accumulation_steps": 34},
            "gradient_accumulation_steps: 34; allowed: at most 33",
        ),
        ("schedule", {"name": "ExponentialDecay", "decay_rate": []}, r"decay_rate: \[\]; .*number"),
        (
            "schedule",
            {"name": "ExponentialDecay", "decay_rate": [0.5, 0.9]},
            "decay_rate: .*number",
        ),
        (
            "schedule",
            {"name": "ExponentialDecay", "decay_rate": 0.1, "staircase": "off"},
            "staircase: 'off'; allowed: true or false",
        ),
        (
            "schedule",
            {"name": "PiecewiseConstantDecay", "boundaries": [5, 3], "values": [1, 0.5, 0.1]},
            r"boundaries: \[5, 3\]; allowed: .*above the one before",
        ),
        ("schedule", {"name": "CosineDecay", "decay_steps": 0}, "{'decay_steps': 0}; allowed: "),
        (
            "schedule",
            {"name": "CosineDecay", "warmup_steps": 5},
            "warmup_steps: 5; .*warmup_target",
        ),
        (
            "schedule",
            {"name": "CosineDecay", "warmup_target": 1, "warmup_steps": 34},
            "warmup_steps: 34; allowed: at most 33",
        ),
        ("loss", {"name": "CategoricalCrossentropy", "label_smoothing": 2}, "label_smoothing: 2; "),
        ("loss", {"name": "CategoricalFocalCrossentropy", "gamma": -1}, "gamma: -1; allowed: "),
        ("loss", {"name": "CategoricalFocalCrossentropy", "gamma": 1e6}, "} does not work"),
        ("loss", {"name": "CategoricalFocalCrossentropy", "alpha": [0.5]}, r"alpha: \[0.5\]; .*10"),
        ("loss", {"name": "CategoricalFocalCrossentropy", "alpha": -1}, "alpha: -1; allowed: "),
        ("loss", {"name": "CategoricalCrossentropy", "axis": 0}, "{'axis': 0} does not work"),
        ("loss", {"name": "CategoricalCrossentropy", "axis": True}, "axis: True; .*whole number"),
        ("loss", {"name": "Huber", "delta": 0}, "delta: 0; allowed: a number above 0"),
        (
            "loss",
            {"name": "BinaryFocalCrossentropy", "apply_class_balancing": "no"},
            "apply_class_balancing: 'no'; allowed: true or false",
        ),
        ("model", {"activation": 5}, "activation: 5; allowed: text"),
        ("model", {"hidden_units": [True]}, r"hidden_units: \[True\]; .*whole numbers"),
        ("model", {"dropout": True}, "dropout: True; allowed: a number"),
        ("model", {"name": "cnn", "filters": [2], "kernel_size": 3.0}, "kernel_size: 3.0; .*whole"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_one_line(kind: str, component: dict[str, object], found: str) -> None:
    """With what was found and what is allowed; each was accepted once, or a traceback."""
    (line,) = lines_of(**{kind: component})
    assert line.startswith(f"params.yaml: variants.a.{kind}: ")
    assert re.search("found .*; allowed: | fails with |does not work as a loss", line)
    assert re.search(found, line)


@pytest.mark.parametrize(
    ("kind", "component"),
    [
        ("optimizer", {"name": "SGD", "momentum": 0, "clipnorm": 1}),
        ("optimizer", {"name": "SGD", "momentum": 1}),
        ("optimizer", {"name": "SGD", "momentum": 0.9, "nesterov": True, "weight_decay": 500}),
        ("optimizer", {"name": "Adam", "beta_1": 0, "beta_2": 0, "epsilon": 1}),
        ("optimizer", {"name": "Adam", "epsilon": 1e-30, "global_clipnorm": 0.001}),
        ("optimizer", {"name": "AdamW", "weight_decay": 0}),
        ("optimizer", {"name": "Muon", "muon_a": 2, "muon_b": -1.5, "muon_c": 0.5, "ns_steps": 10}),
        ("optimizer", {"name": "Ftrl", "beta": 1, "learning_rate_power": 0}),
        ("optimizer", {"name": "SGD", "gradient_accumulation_steps": 33}),
        ("optimizer", {"name": "ScheduleFreeAdamW", "warmup_steps": 5}),
        ("schedule", {"name": "ExponentialDecay", "decay_rate": 2}),
        (
            "schedule",
            {"name": "PiecewiseConstantDecay", "boundaries": [9, 99], "values": [1, 2, 3]},
        ),
        ("schedule", {"name": "CosineDecayRestarts", "first_decay_steps": 10, "t_mul": 1}),
        ("loss", {"name": "CategoricalCrossentropy", "label_smoothing": 1}),
        ("loss", {"name": "CategoricalFocalCrossentropy", "gamma": 0, "alpha": [0, *[1] * 9]}),
        ("loss", {"name": "BinaryFocalCrossentropy", "apply_class_balancing": True, "alpha": 1}),
        ("loss", {"name": "Huber", "delta": 2}),
        ("model", {"dropout": 0, "hidden_units": []}),
    ],
    ids=str,
)
def test_an_unusual_argument_is_no_mistake(kind: str, component: dict[str, object]) -> None:
    """A whole number is a number, and the ends of a range are in it."""
    assert lines_of(**{kind: component}) == []
