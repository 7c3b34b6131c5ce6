"""The schema of params.yaml, and the only module that reads that file.

`load` gives every variant with the training defaults already merged in, so that nothing
downstream asks which of the two a value came from.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
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

from optledger.core.documents import Section, mistake, read_yaml, validate
from optledger.core.errors import UserError
from optledger.core.metric import METRICS
from optledger.core.paths import PARAMS

Scalar = bool | int | float | str

# Of a length that leaves room for what file names and stage names add to it.
_NAME = "[A-Za-z0-9_][A-Za-z0-9_-]{0,99}"


def _check_name(value: object) -> object:
    """Refuse what cannot be part of a stage name, a DVC key and a file name."""
    if isinstance(value, str) and re.fullmatch(_NAME, value):
        return value
    raise ValueError("a name of up to 100 letters, digits, _ and - that does not start with -")


Name = Annotated[
    str,
    BeforeValidator(_check_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"}),
]


def _check_batch_size(value: object) -> object:
    if value == "full" or (type(value) is int and value >= 1):
        return value
    raise ValueError("an integer of at least 1, or full")


def _check_class_weights(value: object) -> object:
    if value == "balanced" or isinstance(value, tuple):
        return value
    if isinstance(value, list) and value and all(_is_weight(item) for item in value) and any(value):
        return tuple(float(item) for item in value)
    raise ValueError("balanced, or a list of a number for each class, 0 or more, not all of them 0")


def _is_weight(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1e38


ClassWeights = Annotated[
    Literal["balanced"] | tuple[float, ...],
    BeforeValidator(_check_class_weights),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "balanced"},
                {"type": "array", "items": {"type": "number", "minimum": 0}},
            ]
        }
    ),
]


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


def _read_bare_name(value: Any) -> Any:
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


Monitor = Literal[
    "train_loss",
    "train_accuracy",
    "train_subset_accuracy",
    "train_rmse",
    "validation_loss",
    "validation_accuracy",
    "validation_subset_accuracy",
    "validation_rmse",
]


class Plateau(Section):
    """When a metric of the history has stopped improving.

    That is after `patience` epochs none of which was better than the best before them by more than
    `min_delta`.
    """

    monitor: Monitor = "validation_loss"
    patience: int = Field(ge=1)
    min_delta: float = Field(default=0.0, ge=0)

    @property
    def needs_validation(self) -> bool:
        """Whether it watches a metric of the validation split."""
        return self.monitor.startswith("validation_")


class EarlyStopping(Plateau):
    """Training ends on the plateau, and keeps the weights of its best epoch, or of the last."""

    restore_best: bool = True


Fraction = Annotated[float, Field(gt=0, le=1)]


class Training(Section):
    """The defaults that a variant may override.

    Attributes:
        epochs: the most that a trial may take.
        batch_size: examples in a step, or `full`: all of them.
        loss: of each example.
        schedule: of the learning rate, which is then its peak.
        l1: factor of the sum of the absolute kernel weights, which is added to the loss.
        l2: factor of the sum of the squared kernel weights, likewise.
        early_stopping: when to end before the last epoch.
        class_fractions: by label, how much of a class is kept.
        training_fraction: how much of what is kept, stratified by class, is trained on.
        resample: repeat examples of the smaller classes, or drop some of the larger, until all
            are of one size.
        class_weights: of each class's losses; balanced gives each class the same sum.
    """

    epochs: int = Field(ge=1)
    batch_size: BatchSize
    loss: NamedComponent
    schedule: NamedComponent | None = None
    l1: float = Field(default=0.0, ge=0, le=1e38)
    l2: float = Field(default=0.0, ge=0, le=1e38)
    early_stopping: EarlyStopping | None = None
    class_fractions: dict[Annotated[int, Field(ge=0)], Fraction] = Field(default={})
    training_fraction: Fraction = 1.0
    resample: Literal["oversample", "undersample"] | None = None
    class_weights: ClassWeights | None = None

    def __hash__(self) -> int:
        """Hash the content, as a mapping, which is part of it, has no hash."""
        return hash(json.dumps(self.model_dump(mode="json"), sort_keys=True))


def _only_own_keys_required(schema: dict[str, Any]) -> None:
    schema["required"] = ["optimizer", "learning_rate"]


class Variant(Training):
    """A named optimizer configuration, with the model and the training defaults that it keeps."""

    model_config = ConfigDict(json_schema_extra=_only_own_keys_required)

    model: NamedComponent
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
        seed: of what is drawn, and the first of the search trials; the final trials use none.
        seeds: how many trials of each learning rate there are, whose mean decides.
    """

    strategy: Literal["grid", "random"]
    trials: int = Field(ge=2, le=10_000)
    seed: int = Field(ge=0, lt=2**31)
    seeds: int = Field(default=1, ge=1, le=1000)

    @property
    def values(self) -> list[int]:
        """The seeds of each learning rate's trials."""
        return list(range(self.seed, self.seed + self.seeds))

    def again(self, times: int) -> "Search":
        """Return the search that comes so many times after this one, with seeds of its own."""
        return self.model_copy(update={"seed": self.seed + times * self.seeds})


class Seeds(Section):
    """The seeds that every variant is trained with: `count` of them, from `first`.

    Attributes:
        first: the lowest.
        count: how many.
        per_search: how many of them share a learning rate: then the next search is made anew, with
            seeds of its own, and what intervals tell is of other searches, too. If not given, all.
        left_behind: by variant, with how many of them it was left behind, at an earlier look.
    """

    first: int = Field(ge=0, lt=2**31)
    count: int = Field(ge=1, le=10_000)
    per_search: int | None = Field(default=None, ge=2)
    left_behind: dict[Name, Annotated[int, Field(ge=2)]] = Field(default={})

    @property
    def values(self) -> list[int]:
        """The seeds themselves."""
        return list(range(self.first, self.first + self.count))

    @property
    def block(self) -> int:
        """How many seeds one value is the mean of, as they share a search."""
        return self.per_search or 1


class Margins(Section):
    """By metric, the difference up to which two variants are as good as equal."""

    accuracy: float = Field(default=METRICS["accuracy"].margin, gt=0)
    precision: float = Field(default=METRICS["precision"].margin, gt=0)
    recall: float = Field(default=METRICS["recall"].margin, gt=0)
    f1: float = Field(default=METRICS["f1"].margin, gt=0)
    subset_accuracy: float = Field(default=METRICS["subset_accuracy"].margin, gt=0)
    micro_f1: float = Field(default=METRICS["micro_f1"].margin, gt=0)
    macro_f1: float = Field(default=METRICS["macro_f1"].margin, gt=0)
    rmse: float | None = Field(default=None, gt=0)
    mae: float | None = Field(default=None, gt=0)
    r2: float = Field(default=METRICS["r2"].margin, gt=0)
    loss: float = Field(default=METRICS["loss"].margin, gt=0)


def _check_targets(value: object) -> object:
    if isinstance(value, tuple):
        return value
    if isinstance(value, list) and all(map(_is_target, value)) and len(set(value)) == len(value):
        return tuple(sorted(float(item) for item in value))
    raise ValueError("a list of different numbers above 0, of at most six digits")


def _is_target(value: object) -> bool:
    """Whether it is a score that the tables, which keep six digits, tell from others."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return 0 < value <= 1e15 and float(f"{value:.6g}") == value


Targets = Annotated[
    tuple[float, ...],
    BeforeValidator(_check_targets),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "number", "exclusiveMinimum": 0},
            "uniqueItems": True,
        }
    ),
]


def _check_looks(value: object) -> object:
    if isinstance(value, tuple):
        return value
    match value:
        case list() if all(map(_is_look, value)) and value == sorted(set(value)):
            if len(value) <= _MOST_LOOKS:
                return tuple(value)
    raise ValueError(
        f"a list of up to {_MOST_LOOKS} numbers of seeds, of two or more, in ascending order"
    )


def _is_look(value: object) -> bool:
    return type(value) is int and 2 <= value <= 10_000


_MOST_LOOKS = 20

Looks = Annotated[
    tuple[int, ...],
    BeforeValidator(_check_looks),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "integer", "minimum": 2, "maximum": 10_000},
            "maxItems": _MOST_LOOKS,
            "uniqueItems": True,
        }
    ),
]


def _check_spending(value: object) -> object:
    if isinstance(value, tuple):
        return value
    if isinstance(value, list) and value and all(map(_is_part, value)):
        return tuple(float(part) for part in value)
    raise ValueError("a list of numbers from 1e-6 to 1e6, one for each look")


def _is_part(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 1e-6 <= value <= 1e6


Spending = Annotated[
    tuple[float, ...],
    BeforeValidator(_check_spending),
    WithJsonSchema({"type": "array", "items": {"type": "number", "minimum": 1e-6, "maximum": 1e6}}),
]

Family = Literal["pairs", "baseline", "best"]
"""Which differences have a verdict, all of them together with the stated confidence: those of all
pairs, those from the baseline, or none, so that the table tells who leads and nothing else."""


class Comparison(Section):
    """What decides between variants.

    Attributes:
        metric: what ranks are by, and what the confidence is of.
        confidence: with which all intervals of that metric's differences hold together.
        margins: by metric, the difference up to which two variants are as good as equal.
        family: which differences have a verdict.
        baseline: the variant that the leaderboard shows the others against.
        looks: numbers of seeds at which verdicts are made; none, if only with all that there are.
        spending: how much each look may spend of what may go wrong, in parts.
        targets: validation accuracies, or scores of another kind of target, to count the epochs to.
    """

    metric: Literal[
        "accuracy",
        "precision",
        "recall",
        "f1",
        "subset_accuracy",
        "micro_f1",
        "macro_f1",
        "rmse",
        "mae",
        "r2",
    ]
    confidence: float = Field(default=0.95, ge=0.5, le=0.9999)
    margins: Margins = Margins()
    family: Family = "pairs"
    baseline: Name | None = None
    looks: Looks = ()
    spending: Spending | None = None
    targets: Targets = (0.97,)

    @model_validator(mode="after")
    def _check_spending(self) -> "Comparison":
        if self.spending is not None and len(self.spending) != len(self.looks):
            count = len(self.looks)
            raise ValueError(f"a spending of a number for each of the looks, of which are {count}")
        return self

    @property
    def alpha(self) -> float:
        """How often a table may be wrong."""
        return 1 - self.confidence

    @property
    def shares(self) -> tuple[float, ...]:
        """What each look may spend of what may go wrong: the k-th of n in proportion to k."""
        parts = self.spending or range(1, len(self.looks) + 1)
        return tuple(part / sum(parts) for part in parts)

    def margin(self, metric: str) -> float:
        """Return the difference of a metric up to which two variants are as good as equal.

        Where params.yaml says none, and there is no usual one, only equal ones are.
        """
        margin: float | None = getattr(self.margins, metric)
        return 0.0 if margin is None else margin


ALWAYS_RUN = ("conjugate_gradient", "newton", "scipy_cg")
"""The methods that every case has beside those that it names: they have no learning rate."""


def _check_method_name(name: str) -> str:
    if name in ALWAYS_RUN:
        *names, last = ALWAYS_RUN
        raise ValueError(f"a name other than {', '.join(names)} and {last}, which are always run")
    return name


class Method(Section):
    """How a case's loss is minimized: an update rule, its learning rate, and its batches."""

    rule: Literal["gradient_descent", "momentum", "rmsprop", "adam"]
    learning_rate: float = Field(gt=0, le=1e38)
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


class Publish(Section):
    """What MLflow is told of where results come from.

    Attributes:
        branch: whose commits have official results; all other results are tries.
        who: whether runs name the person who publishes them, as Git does.
    """

    branch: str = Field(default="main", min_length=1)
    who: bool = True


class Params(Section):
    """Every knob of the experiment; the variants stand by name, as their order means nothing."""

    dataset: Name
    split: Split
    model: NamedComponent
    training: Training
    search: Search
    seeds: Seeds
    convergence: Plateau
    comparison: Comparison
    publish: Publish = Publish()
    cases: dict[Name, Case] = Field(min_length=1)
    variants: dict[Name, Variant] = Field(min_length=1)

    def seeds_of(self, variant: str) -> list[int]:
        """Return the seeds that a variant is trained with."""
        return self.seeds.values[: self.seeds.left_behind.get(variant)]

    def searches_of(self, variant: str) -> list[tuple[Search, list[int]]]:
        """Return a variant's searches, each with the seeds that are trained at what it chooses."""
        seeds = self.seeds_of(variant)
        block = self.seeds.per_search or len(seeds)
        return [
            (self.search.again(place), seeds[start : start + block])
            for place, start in enumerate(range(0, len(seeds), block))
        ]

    @property
    def search_seeds(self) -> range:
        """Those of all searches of a variant."""
        searches = self.seeds.count // self.seeds.per_search if self.seeds.per_search else 1
        return range(self.search.seed, self.search.seed + searches * self.search.seeds)

    @model_validator(mode="before")
    @classmethod
    def _inherit(cls, document: Any) -> Any:
        """Give each variant the model and the training defaults that it does not override."""
        match document:
            case {"model": model, "training": dict() as training, "variants": dict() as variants}:
                inherited = {
                    name: inheriting(model, training, variant)
                    for name, variant in sorted(variants.items(), key=lambda item: str(item[0]))
                }
                return {**document, "variants": inherited}
        return document


def inheriting(model: Any, training: Mapping[str, Any], variant: Any) -> Any:
    """Return a variant of params.yaml with what it inherits; of the model, argument by argument.

    Args:
        model: the section.
        training: the section.
        variant: the variant's own mapping; anything else is a mistake, and stays as it is.
    """
    match variant:
        case {"model": dict() as own} if "name" not in own:
            inherited = model if isinstance(model, dict) else {"name": model}
            return {**training, **variant, "model": {**inherited, **own}}
        case dict():
            return {"model": model, **training, **variant}
    return variant


class _Defaults(Section):
    model_config = ConfigDict(extra="ignore")

    model: NamedComponent
    training: Training


def load(path: Path = PARAMS) -> Params:
    """Read and check params.yaml.

    Raises:
        UserError: a line for each mistake.
    """
    return parse(read_yaml(path, shared=False), path)


def parse(document: Any, path: Path) -> Params:
    """Check the content of params.yaml, which `path` is for its mistakes.

    Raises:
        UserError: a line for each mistake.
    """
    # The defaults first: every variant would repeat a mistake in them.
    validate(_Defaults, document, path)
    params = validate(Params, document, path)
    mistakes = [
        *_name_mistakes("variants", params.variants, path),
        *_name_mistakes("cases", params.cases, path),
        *_contradictions(params, path),
        *_case_mistakes(params, path),
    ]
    if mistakes:
        raise UserError("\n".join(mistakes))
    return params


def _name_mistakes(section: str, names: Iterable[str], path: Path) -> Iterator[str]:
    """Tell of names that are one folder where the file system does not know capitals."""
    known: dict[str, str] = {}
    for name in names:
        if (other := known.setdefault(name.lower(), name)) != name:
            allowed = f"a name that differs from {other} in more than capitals"
            yield mistake(path, f"{section}.{name}", name, allowed)


def _contradictions(params: Params, path: Path) -> Iterator[str]:
    searched = [name for name, variant in params.variants.items() if variant.is_searched]
    if searched and params.split.validation_fraction == 0:
        allowed = (
            f"above 0, where learning rates are chosen on the validation split ({_listed(searched)}"
            "), or a single learning rate for each variant"
        )
        yield mistake(path, "split.validation_fraction", 0, allowed)
    seeds = params.seeds.values
    used = params.search_seeds
    if searched and {*used} & {*seeds}:
        own = f", nor the {len(used) - 1} after it" if len(used) > 1 else ""
        allowed = (
            f"a seed that the final trials do not use{own}; theirs are {seeds[0]} to {seeds[-1]}"
        )
        yield mistake(path, "search.seed", params.search.seed, allowed)
    if params.split.validation_fraction == 0:
        for name, variant in params.variants.items():
            if variant.early_stopping is not None and variant.early_stopping.needs_validation:
                key = f"{place(params, name, 'early_stopping')}.monitor"
                allowed = "a metric of the train split, as there is no validation split"
                yield mistake(path, key, variant.early_stopping.monitor, allowed)
    yield from _comparison_mistakes(params, path)


def _comparison_mistakes(params: Params, path: Path) -> Iterator[str]:
    comparison = params.comparison
    baseline, looks = comparison.baseline, comparison.looks
    if baseline is not None and baseline not in params.variants:
        allowed = f"a variant ({_listed(list(params.variants))}), or no such key"
        yield mistake(path, "comparison.baseline", baseline, allowed)
    if baseline is None and comparison.family == "baseline":
        allowed = f"a variant ({_listed(list(params.variants))}), as comparison.family is baseline"
        yield mistake(path, "comparison.baseline", baseline, allowed)
    if looks and params.seeds.count not in looks:
        allowed = f"one of comparison.looks ({', '.join(map(str, looks))}), or no looks: []"
        yield mistake(path, "seeds.count", params.seeds.count, allowed)
    block = params.seeds.block
    for key, count in [
        ("seeds.count", params.seeds.count),
        *((f"comparison.looks[{place}]", look) for place, look in enumerate(looks)),
    ]:
        if block > 1 and (count % block or count == block):
            allowed = f"a multiple of seeds.per_search, {block}: two or more times as many"
            yield mistake(path, key, count, allowed)
    for name, count in params.seeds.left_behind.items():
        key = f"seeds.left_behind.{name}"
        if name not in params.variants:
            yield mistake(path, key, count, f"for a variant ({_listed(list(params.variants))})")
        elif count not in looks or count >= params.seeds.count:
            allowed = "one of comparison.looks that is lower than seeds.count"
            yield mistake(path, key, count, allowed)


def _case_mistakes(params: Params, path: Path) -> Iterator[str]:
    for name, case in params.cases.items():
        if case.model == "logistic_regression" and case.l2 < 1e-6:
            allowed = "at least 1e-6 for logistic_regression, which may have no optimum otherwise"
            yield mistake(path, f"cases.{name}.l2", case.l2, allowed)


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 5 else f"{', '.join(names[:4])}, …"


def place(params: Params, variant: str, key: str) -> str:
    """Return where a variant's value of `key` stands in params.yaml: its own, or the default."""
    own = getattr(params.variants[variant], key)
    if key == "model":
        return key if own == params.model else f"variants.{variant}.{key}"
    inherited = getattr(params.training, key, None)
    return f"training.{key}" if own == inherited else f"variants.{variant}.{key}"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of params.yaml, for editors."""
    return Params.model_json_schema()
