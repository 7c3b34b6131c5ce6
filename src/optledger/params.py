"""The schema of params.yaml, and the only module that reads that file.

`load` gives every variant with the training defaults already merged in, so that nothing
downstream asks which of the two a value came from.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from optledger.documents import Section, mistake, read_yaml, validate
from optledger.errors import UserError
from optledger.paths import PARAMS

Scalar = bool | int | float | str

_NAME = "[A-Za-z0-9_][A-Za-z0-9_-]*"


def _check_name(value: object) -> object:
    """Refuse what cannot be part of a stage name, a DVC key and a file name."""
    if isinstance(value, str) and re.fullmatch(_NAME, value):
        return value
    raise ValueError("a name of letters, digits, _ and - that does not start with -")


Name = Annotated[
    str,
    BeforeValidator(_check_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"}),
]


def _check_batch_size(value: object) -> object:
    if value == "full" or (type(value) is int and value >= 1):
        return value
    raise ValueError("an integer of at least 1, or full")


BatchSize = Annotated[
    int | Literal["full"],
    BeforeValidator(_check_batch_size),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "full"}]}),
]


class Component(Section):
    """Something of Keras's, by its class name, with arguments for its constructor."""

    model_config = ConfigDict(extra="allow")

    name: str

    @property
    def arguments(self) -> dict[str, Scalar | list[Scalar]]:
        """The constructor's arguments."""
        return dict(self.model_extra or {})


def _read_bare_name(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _check_arguments(component: Component) -> Component:
    for name, value in component.arguments.items():
        if not all(_is_scalar(item) for item in (value if isinstance(value, list) else [value])):
            raise ValueError(
                "finite numbers, strings, booleans and lists of them as arguments, "
                f"which {name} is not"
            )
    return component


def _is_scalar(value: object) -> bool:
    return isinstance(value, Scalar) and not (isinstance(value, float) and not math.isfinite(value))


NamedComponent = Annotated[
    Component,
    BeforeValidator(_read_bare_name),
    AfterValidator(_check_arguments),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"name": {"type": "string"}},
                    "required": ["name"],
                    "additionalProperties": {"type": ["boolean", "number", "string", "array"]},
                },
            ]
        }
    ),
]


class Range(Section):
    """Learning rates from `low` to `high`, the ends included, uniform in their logarithm."""

    low: float = Field(gt=0)
    high: float


def _check_learning_rate(value: object) -> object:
    match value:
        case Range() | tuple():
            return value
        case list() if len(value) >= 2 and all(map(_is_rate, value)):
            if len(set(value)) == len(value):
                return tuple(sorted(float(rate) for rate in value))
        case {"low": low, "high": high, **others} if not others:
            if _is_rate(low) and _is_rate(high) and low < high:
                return Range(low=float(low), high=float(high))
        case _ if _is_rate(value):
            return value
    raise ValueError(
        "a number from 1e-37 to 1e38 with at most six digits, a list of two or more different "
        "ones, or a range {low: …, high: …}"
    )


def _is_rate(value: object) -> bool:
    """Whether float32 holds it and the tables, which keep six digits, tell it from others."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return 1e-37 <= value <= 1e38 and float(f"{value:.6g}") == value


_RATE = {"type": "number", "minimum": 1e-37, "maximum": 1e38}

LearningRate = Annotated[
    float | tuple[float, ...] | Range,
    BeforeValidator(_check_learning_rate),
    WithJsonSchema(
        {
            "anyOf": [
                _RATE,
                {
                    "type": "array",
                    "items": _RATE,
                    "minItems": 2,
                    "uniqueItems": True,
                },
                {
                    "type": "object",
                    "properties": {
                        "low": _RATE,
                        "high": _RATE,
                    },
                    "required": ["low", "high"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class Split(Section):
    """How the training images are divided into a train and a validation split."""

    validation_fraction: float = Field(ge=0, lt=1)
    seed: int = Field(ge=0, lt=2**32)


class Model(Section):
    """A multilayer perceptron on raw pixels; no hidden units make it softmax regression."""

    hidden_units: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)]
    activation: str


class Training(Section):
    """The defaults that a variant may override."""

    epochs: int = Field(ge=1)
    batch_size: BatchSize
    loss: NamedComponent
    schedule: NamedComponent | None = None
    training_fraction: float = Field(default=1.0, gt=0, le=1)

    def examples(self, train_split: int) -> int:
        """Return how many examples of a train split of that size an epoch visits."""
        return round(self.training_fraction * train_split)

    def steps(self, train_split: int) -> int:
        """Return how many steps of the optimizer an epoch takes; the last may be of a rest."""
        examples = self.examples(train_split)
        return 1 if self.batch_size == "full" else -(-examples // self.batch_size)


def _only_own_keys_required(schema: dict[str, Any]) -> None:
    schema["required"] = ["optimizer", "learning_rate"]


class Variant(Training):
    """A named optimizer configuration, with the training defaults that it keeps."""

    model_config = ConfigDict(json_schema_extra=_only_own_keys_required)

    optimizer: NamedComponent
    learning_rate: LearningRate

    @property
    def is_searched(self) -> bool:
        """Whether the learning rate is chosen on the validation split."""
        return not isinstance(self.learning_rate, float)


class Search(Section):
    """How learning rates are chosen: what every variant has to find its own with.

    Attributes:
        strategy: grid tries every value of a list, or `trials` values of a range, evenly spaced in
            their logarithm; random draws `trials` values of either.
        trials: how many learning rates each variant may try.
        seed: of the search trials and of what is drawn; the final trials do not use it.
    """

    strategy: Literal["grid", "random"]
    trials: int = Field(ge=2, le=10_000)
    seed: int = Field(ge=0, lt=2**31)


class Seeds(Section):
    """The seeds that every variant is trained with: `count` of them, from `first`."""

    first: int = Field(ge=0, lt=2**31)
    count: int = Field(ge=1, le=10_000)

    @property
    def values(self) -> list[int]:
        """The seeds themselves."""
        return list(range(self.first, self.first + self.count))


class Comparison(Section):
    """What decides between two variants."""

    metric: Literal["accuracy", "precision", "recall", "f1"]


ALWAYS_RUN = ("conjugate_gradient", "newton")
"""The methods that every case has beside those that it names: they have no learning rate."""


def _check_method_name(name: str) -> str:
    if name in ALWAYS_RUN:
        raise ValueError(f"a name other than {' and '.join(ALWAYS_RUN)}, which are always run")
    return name


class Method(Section):
    """How a case's loss is minimized: an update rule, its learning rate, and its batches."""

    rule: Literal["gradient_descent", "momentum", "rmsprop", "adam"]
    learning_rate: float = Field(gt=0)
    batch_size: BatchSize = "full"


def _by_name(methods: dict[str, Method]) -> dict[str, Method]:
    return dict(sorted(methods.items()))


class Case(Section):
    """A model of the article's whose optimum is known, and the methods that look for it.

    Attributes:
        model: with scikit-learn's diabetes, or its breast cancer, as examples.
        test_fraction: of the examples, by class where there are classes.
        seed: of that division, and of the order of the examples in batches.
        l2: the penalty on the weights, the bias left out.
        epochs: the most that a method takes.
    """

    model: Literal["linear_regression", "logistic_regression"]
    test_fraction: float = Field(ge=0.1, le=0.5)
    seed: int = Field(ge=0, lt=2**32)
    l2: float = Field(ge=0, le=1)
    epochs: int = Field(ge=1, le=100_000)
    methods: Annotated[
        dict[Annotated[Name, AfterValidator(_check_method_name)], Method],
        Field(min_length=1),
        AfterValidator(_by_name),
    ]


class Params(Section):
    """Every knob of the experiment; the variants stand by name, as their order means nothing."""

    dataset: Name
    split: Split
    model: Model
    training: Training
    search: Search
    seeds: Seeds
    comparison: Comparison
    cases: dict[Name, Case] = Field(min_length=1)
    variants: dict[Name, Variant] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _inherit_training(cls, document: Any) -> Any:
        """Give each variant the training defaults that it does not override."""
        match document:
            case {"training": dict() as training, "variants": dict() as variants}:
                inherited = {
                    name: {**training, **variant} if isinstance(variant, dict) else variant
                    for name, variant in sorted(variants.items(), key=lambda item: str(item[0]))
                }
                return {**document, "variants": inherited}
        return document


class _Defaults(Section):
    model_config = ConfigDict(extra="ignore")

    training: Training


def load(path: Path = PARAMS) -> Params:
    """Read and check params.yaml.

    Raises:
        UserError: a line for each mistake.
    """
    document = read_yaml(path)
    # The defaults first: every variant would repeat a mistake in them.
    validate(_Defaults, document, path)
    params = validate(Params, document, path)
    if mistakes := [*_search_mistakes(params, path), *_case_mistakes(params, path)]:
        raise UserError("\n".join(mistakes))
    return params


def _search_mistakes(params: Params, path: Path) -> Iterator[str]:
    searched = [name for name, variant in params.variants.items() if variant.is_searched]
    if searched and params.split.validation_fraction == 0:
        allowed = (
            f"above 0, where learning rates are chosen on the validation split ({_listed(searched)}"
            "), or a single learning rate for each variant"
        )
        yield mistake(path, "split.validation_fraction", 0, allowed)
    seeds = params.seeds.values
    if searched and params.search.seed in seeds:
        allowed = f"a seed that the final trials do not use; theirs are {seeds[0]} to {seeds[-1]}"
        yield mistake(path, "search.seed", params.search.seed, allowed)


def _case_mistakes(params: Params, path: Path) -> Iterator[str]:
    for name, case in params.cases.items():
        if case.model == "logistic_regression" and case.l2 < 1e-6:
            allowed = "at least 1e-6 for logistic_regression, which may have no optimum otherwise"
            yield mistake(path, f"cases.{name}.l2", case.l2, allowed)


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 5 else f"{', '.join(names[:4])}, …"


def check_examples(name: str, variant: Variant, train_split: int, classes: int) -> None:
    """Check that a variant has as many training examples as there are classes, and as a batch.

    Raises:
        UserError: it has not.
    """
    examples = variant.examples(train_split)
    if examples < classes:
        allowed = f"a fraction that leaves at least {classes} examples to train on"
        found = variant.training_fraction
        raise UserError(mistake(PARAMS, f"variants.{name}.training_fraction", found, allowed))
    if variant.batch_size != "full" and variant.batch_size > examples:
        allowed = f"1 to {examples}, the training examples that there are, or full"
        raise UserError(mistake(PARAMS, f"variants.{name}.batch_size", variant.batch_size, allowed))


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of params.yaml, for editors."""
    return Params.model_json_schema()
