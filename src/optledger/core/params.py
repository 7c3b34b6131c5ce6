"""The schema of params.yaml, and the functions that load and check it.

`load` merges the model and the training defaults into every variant. After that, only messages
about mistakes have to ask which of the two a value came from.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
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

# At most 100 characters, so that file names and stage names have room to add to it.
_NAME = "[A-Za-z0-9_][A-Za-z0-9_-]{0,99}"


def _check_name(value: object) -> object:
    """Refuse a name that cannot be part of a stage name, a DVC key and a file name."""
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
    """An optimizer, loss, schedule or model: its name, and arguments to construct it with."""

    model_config = ConfigDict(extra="allow")

    name: str

    @property
    def arguments(self) -> dict[str, Scalar | list[Scalar]]:
        """The arguments to construct it with."""
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
    """Whether float32 can hold the value, and the tables' six digits can express it."""
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
    """How the training examples are divided into a train and a validation split.

    Attributes:
        validation_fraction: share of the examples for validation, stratified by class if there
            are classes; 0 trains on all examples.
        seed: seed of the random division.
    """

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
    """When a metric counts as no longer improving.

    Attributes:
        monitor: metric to watch, after each epoch. Without a validation split, choose one that
            begins with `train_`.
        patience: epochs without an improvement that have to follow the last improvement.
        min_delta: an improvement has to beat the best value so far by more than this.
    """

    monitor: Monitor = "validation_loss"
    patience: int = Field(ge=1)
    min_delta: float = Field(default=0.0, ge=0)

    @property
    def needs_validation(self) -> bool:
        """Whether the metric is one of the validation split."""
        return self.monitor.startswith("validation_")


class EarlyStopping(Plateau):
    """Ends training when a metric no longer improves.

    Attributes:
        monitor: metric to watch, after each epoch. Without a validation split, choose one that
            begins with `train_`.
        patience: epochs without an improvement after which training ends.
        min_delta: an improvement has to beat the best value so far by more than this.
        restore_best: `true` keeps the weights of the best epoch, `false` those of the last.
    """

    restore_best: bool = True


Fraction = Annotated[float, Field(gt=0, le=1)]


class Training(Section):
    """How every variant is trained, unless it overrides a key.

    Attributes:
        epochs: the most epochs that a trial may take.
        batch_size: examples in a step; `full` takes all of them.
        loss: a Keras loss: its name, or `{name: …}` with arguments.
        schedule: a Keras learning-rate schedule: its name, or `{name: …}` with arguments. Its
            largest value is `learning_rate`.
        l1: penalty added to the loss: this factor times the sum of the absolute kernel weights.
        l2: penalty added to the loss: this factor times the sum of the squared kernel weights.
        early_stopping: when to stop before the last epoch.
        class_fractions: by class label, the share of that class's training examples to keep.
        training_fraction: share to train on of what `class_fractions` leaves, stratified by class.
        resample: make all classes the same size. `oversample` repeats examples of smaller classes,
            `undersample` drops examples of larger ones.
        class_weights: a list with a weight for the losses of each class, or `balanced`, by which
            all classes have the same total weight.
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
        """Hash the content as JSON, because a mapping in it has no hash."""
        return hash(json.dumps(self.model_dump(mode="json"), sort_keys=True))


def _only_own_keys_required(schema: dict[str, Any]) -> None:
    schema["required"] = ["optimizer", "learning_rate"]


class Variant(Training):
    """An optimizer, its learning rate, and any key of `training` that it overrides.

    Attributes:
        model: arguments that replace those of the default model; with a `name`, another model.
        optimizer: a Keras optimizer: its name, or `{name: …}` with arguments.
        learning_rate: a number, or what to search: a list, or a range `{low: …, high: …}`.
    """

    model_config = ConfigDict(json_schema_extra=_only_own_keys_required)

    model: NamedComponent
    optimizer: NamedComponent
    learning_rate: LearningRate

    @property
    def is_searched(self) -> bool:
        """Whether the learning rate is chosen on the validation split."""
        return not isinstance(self.learning_rate, float)


class Search(Section):
    """How each variant's learning rate is chosen, on the validation split.

    Attributes:
        strategy: `grid` tries every value of a list, or `trials` values of a range, evenly spaced
            in their logarithm. `random` draws `trials` values of either.
        trials: learning rates that each variant may try; a grid of a list tries the whole list.
        seed: seed of the random draws, and the first seed of the search trials. The final trials
            must not use a seed of the search.
        seeds: trials of each learning rate; their mean decides.
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
        """Return the search that comes `times` searches after this one, with its own seeds."""
        return self.model_copy(update={"seed": self.seed + times * self.seeds})


class Seeds(Section):
    """The seeds that every variant is trained with: `count` of them, from `first`.

    Attributes:
        first: the lowest seed.
        count: number of seeds.
        per_search: number of seeds that share a search. Each further group has a search of its
            own, so that intervals include the noise of the search. Unless given, all seeds share
            one.
        left_behind: by variant, the number of seeds after which no more of it are trained.
            `optledger settle --leave-behind` writes it.
    """

    first: int = Field(ge=0, lt=2**31)
    count: int = Field(ge=1, le=10_000)
    per_search: int | None = Field(default=None, ge=2)
    left_behind: dict[Name, Annotated[int, Field(ge=2)]] = Field(default={})

    @property
    def values(self) -> list[int]:
        """The seeds, in ascending order."""
        return list(range(self.first, self.first + self.count))

    @property
    def block(self) -> int:
        """The number of seeds that share a search; statistics count the mean of such a block."""
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
    """Whether the value is a score above 0 that the tables' six digits can express."""
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
"""Which differences have a verdict: those of all pairs, those from the baseline, or none.

The declared confidence covers all of them together. With `best`, only who leads is decided.
"""


class Comparison(Section):
    """How variants are compared: which metric decides, and by which rules.

    Attributes:
        metric: metric that ranks the variants and decides the verdicts.
        confidence: confidence of all verdicts on that metric together, at all looks.
        margins: by metric, the difference up to which two variants are as good as equal.
        family: which differences have a verdict: those of all `pairs`, those from the `baseline`,
            or none (`best`: only who leads is decided).
        baseline: variant that the leaderboard compares the others with.
        looks: numbers of seeds at which verdicts are made; `seeds.count` has to be one of them.
            With none, verdicts are made once, at all seeds.
        spending: relative share of the error probability that each look may use; unless given, 1,
            2, 3 and so on.
        targets: validation scores to count the epochs to. An accuracy is reached from below, an
            error from above.
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
        """The probability with which a table of verdicts may be wrong."""
        return 1 - self.confidence

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of `alpha` that each look may use; by default, k parts for the k-th look."""
        parts = self.spending or range(1, len(self.looks) + 1)
        return tuple(part / sum(parts) for part in parts)

    def margin(self, metric: str) -> float:
        """Return the difference of a metric up to which two variants are as good as equal.

        It is 0 where neither params.yaml nor the metric itself has a margin.
        """
        margin: float | None = getattr(self.margins, metric)
        return 0.0 if margin is None else margin


ALWAYS_RUN = ("conjugate_gradient", "newton", "scipy_cg")
"""The methods that every case runs beside those it names; they have no learning rate."""


def _check_method_name(name: str) -> str:
    if name in ALWAYS_RUN:
        *names, last = ALWAYS_RUN
        raise ValueError(f"a name other than {', '.join(names)} and {last}, which are always run")
    return name


class Method(Section):
    """How a case's loss is minimized: an update rule, its learning rate, and its batches.

    Attributes:
        rule: the update rule.
        learning_rate: a constant learning rate.
        batch_size: examples in a step; `full` takes all of them.
    """

    rule: Literal["gradient_descent", "momentum", "rmsprop", "adam"]
    learning_rate: float = Field(gt=0, le=1e38)
    batch_size: BatchSize = "full"


def _by_name(methods: dict[str, Method]) -> dict[str, Method]:
    return dict(sorted(methods.items()))


class Case(Section):
    """A model from the article whose optimum is known, and the methods that look for it.

    Attributes:
        model: `linear_regression` on scikit-learn's diabetes data, or `logistic_regression` on its
            breast cancer data.
        test_fraction: share of the examples for testing, stratified by class if there are classes.
        seed: seed of that division, and of the order of the examples in batches.
        l2: λ in the penalty λ/2 Σ w² on the weights, without the bias; 1e-6 or more for
            `logistic_regression`.
        epochs: the most epochs that a method may take.
        methods: methods to run, by names of your choice. Newton's method and conjugate gradients
            are always run as well.
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
    """What MLflow is told about the origin of results.

    Attributes:
        branch: branch whose commits have official results; all other results are tries.
        who: whether runs name the person who publishes them, by Git's `user.name`.
    """

    branch: str = Field(default="main", min_length=1)
    who: bool = True


class Params(Section):
    """All parameters of the experiment.

    Attributes:
        dataset: name of a file in `datasets/`; `optledger dataset` lists them.
        split: how the training examples are divided into a train and a validation split.
        model: the default model: its name, or `{name: …}` with arguments.
        training: how every variant is trained, unless it overrides a key.
        search: how learning rates are chosen.
        seeds: seeds that every variant is trained with.
        convergence: when a trial counts as converged.
        comparison: which metric decides, and by which rules.
        publish: what MLflow is told about the origin of results.
        cases: linear and logistic regressions with known optima, by name.
        variants: optimizers to compare, by name; their order means nothing.
    """

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
        """Return the seeds that a variant is trained with: not all, if it was left behind."""
        return self.seeds.values[: self.seeds.left_behind.get(variant)]

    def searches_of(self, variant: str) -> list[tuple[Search, list[int]]]:
        """Return a variant's searches, each with the seeds trained at the rate it chooses."""
        seeds = self.seeds_of(variant)
        block = self.seeds.per_search or len(seeds)
        return [
            (self.search.again(place), seeds[start : start + block])
            for place, start in enumerate(range(0, len(seeds), block))
        ]

    @property
    def search_seeds(self) -> range:
        """The seeds of all searches of a variant."""
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
    """Return a variant of params.yaml with the model and training keys that it inherits.

    A variant's `model` without a name inherits the default model's name and each argument that it
    does not give.

    Args:
        model: the section `model` of params.yaml.
        training: the section `training` of params.yaml.
        variant: the variant's own mapping; anything else is a mistake, and is returned unchanged.
    """
    match variant:
        case {"model": dict() as own} if "name" not in own:
            inherited = model if isinstance(model, dict) else {"name": model}
            return {**training, **variant, "model": {**inherited, **own}}
        case dict():
            return {"model": model, **training, **variant}
    return variant


def _is_inherited(document: Any, location: Sequence[int | str]) -> bool:
    """Return whether a mistake of a variant is one of `training` or `model`, which it inherits."""
    match document, location:
        case {"variants": dict() as variants}, ("variants", name, key, *rest):
            own, training = variants.get(name), document.get("training")
            given = training if isinstance(training, dict) else {}
            if not isinstance(own, dict) or key not in {"model", *Training.model_fields, *given}:
                return False
            if key == "model" and isinstance(own.get(key), dict) and "name" not in own[key]:
                return bool(rest) and rest[-1] not in own[key]
            return key not in own
    return False


def load(path: Path = PARAMS) -> Params:
    """Read and check params.yaml.

    Raises:
        UserError: the file has mistakes; the text has a line for each.
    """
    return parse(read_yaml(path, shared=False), path)


def parse(document: Any, path: Path) -> Params:
    """Check the content of params.yaml.

    Args:
        document: the content, as parsed from YAML.
        path: the file to name in messages.

    Raises:
        UserError: the content has mistakes; the text has a line for each.
    """
    params = validate(Params, document, path, partial(_is_inherited, document))
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
    """Yield a line for each name that differs from an earlier one in capitals alone.

    Both would be one folder on a file system that ignores case.
    """
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
                key = f"{key_in_params(params, name, 'early_stopping')}.monitor"
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


def key_in_params(params: Params, variant: str, key: str) -> str:
    """Return the key in params.yaml that a variant's value of `key` comes from."""
    own = getattr(params.variants[variant], key)
    if key == "model":
        return key if own == params.model else f"variants.{variant}.{key}"
    inherited = getattr(params.training, key, None)
    return f"training.{key}" if own == inherited else f"variants.{variant}.{key}"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of params.yaml, for editors."""
    return Params.model_json_schema()
