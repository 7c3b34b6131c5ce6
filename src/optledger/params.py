"""The schema of params.yaml, and the only module that reads that file.

`load` gives every variant with the training defaults already merged in, so that nothing
downstream asks which of the two a value came from.
"""

import math
import re
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
    def arguments(self) -> dict[str, Scalar]:
        """The constructor's arguments."""
        return dict(self.model_extra or {})


def _read_bare_name(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _check_arguments(component: Component) -> Component:
    for name, value in component.arguments.items():
        finite = not isinstance(value, float) or math.isfinite(value)
        if not (isinstance(value, Scalar) and finite):
            raise ValueError(f"finite numbers, strings and booleans as arguments, not {name}")
    return component


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
                    "additionalProperties": {"type": ["boolean", "number", "string"]},
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


def _only_own_keys_required(schema: dict[str, Any]) -> None:
    schema["required"] = ["optimizer", "learning_rate"]


class Variant(Training):
    """A named optimizer configuration, with the training defaults that it keeps."""

    model_config = ConfigDict(json_schema_extra=_only_own_keys_required)

    optimizer: NamedComponent
    learning_rate: float = Field(gt=0)


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


class Params(Section):
    """Every knob of the experiment; the variants stand by name, as their order means nothing."""

    dataset: Name
    split: Split
    model: Model
    training: Training
    seeds: Seeds
    comparison: Comparison
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
    return validate(Params, document, path)


def check_batch_size(name: str, variant: Variant, train_examples: int) -> None:
    """Check that a batch is no larger than the train split.

    Raises:
        UserError: it is.
    """
    if variant.batch_size != "full" and variant.batch_size > train_examples:
        allowed = f"1 to {train_examples}, the size of the train split, or full"
        raise UserError(mistake(PARAMS, f"variants.{name}.batch_size", variant.batch_size, allowed))


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of params.yaml, for editors."""
    return Params.model_json_schema()
