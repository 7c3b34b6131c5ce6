"""The values that an argument of a component may have, checked before the component is built.

The type comes from the parameter's annotation, or else from its default. Keras checks few types:
it takes the text `no` for true. A table by name has the other arguments: those to which Keras
gives no type, and those whose range a few steps of training need not reveal.
"""

import inspect
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeGuard


class _Allowed(NamedTuple):
    """The values that an argument may have.

    Attributes:
        what: the allowed values, in words for the user.
        allows: whether a value is allowed.
        is_whole: whether a value keeps its type; otherwise, integers become floats.
    """

    what: str
    allows: Callable[[Any], bool]
    is_whole: bool = False


def checked(
    component: str, parameter: inspect.Parameter, value: Any, *, of_keras: bool = True
) -> Any:
    """Return an argument's value in the type that its component expects.

    Integers become floats, unless the argument must be whole or has no known type.

    Args:
        component: the component's name.
        parameter: the argument's parameter in the component's signature.
        value: the value in params.yaml.
        of_keras: whether the component is Keras's or like one of Keras's, and not a model. Then the
            name may say more than the type, and an integer as a default says nothing of it: some
            arguments that Keras documents as floats have one (adam_lr_ratio=1).

    Raises:
        ValueError: the value is not allowed; the message says which values are.
    """
    items = value if isinstance(value, list) else [value]
    if any(item and not 1e-37 <= abs(item) <= 1e38 for item in items if _is_number(item)):
        raise ValueError("numbers that float32 holds: 0, or 1e-37 to 1e38 in size")
    # In a model of the user's, a name means what the user wants.
    names = (f"{component}.{parameter.name}", parameter.name) if of_keras else ()
    by_name = next((_BY_NAME[name] for name in names if name in _BY_NAME), None)
    allowed = by_name or _by_type(parameter, of_keras)
    if not allowed.allows(value):
        raise ValueError(allowed.what)
    return value if allowed.is_whole else _as_floats(value)


def _by_type(parameter: inspect.Parameter, of_keras: bool) -> _Allowed:
    kind = parameter.annotation
    if kind is parameter.empty:
        kind = type(parameter.default)
        if kind is int:
            return _NUMBER if of_keras else _NUMBER_AS_IT_IS
    return _BY_TYPE.get(kind, _Allowed("anything", lambda value: True, is_whole=True))


def _as_floats(value: Any) -> Any:
    """Convert integers to floats, in lists, too.

    Keras accepts only floats for some arguments, and computes in the given type for others.
    """
    if isinstance(value, list):
        return [_as_floats(item) for item in value]
    return float(value) if _is_whole(value) else value


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return type(value) is int


def _is_list(value: object, is_item: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(is_item, value))


def _number(which: str, allows: Callable[[Any], bool]) -> _Allowed:
    return _Allowed(f"a number {which}", lambda value: _is_number(value) and allows(value))


def _whole(which: str, allows: Callable[[Any], bool]) -> _Allowed:
    text = f"a whole number {which}"
    return _Allowed(text, lambda value: _is_whole(value) and allows(value), is_whole=True)


_NUMBER = _Allowed("a number", _is_number)
_NUMBER_AS_IT_IS = _Allowed("a number", _is_number, is_whole=True)
_WHOLE = _Allowed("a whole number", _is_whole, is_whole=True)
_POSITIVE = _number("above 0", lambda value: value > 0)
_NOT_NEGATIVE = _number("of at least 0", lambda value: value >= 0)
_FRACTION = _number("from 0 to 1", lambda value: 0 <= value <= 1)
_DECAY = _number("of at least 0 and below 1", lambda value: 0 <= value < 1)

_BY_TYPE: dict[Any, _Allowed] = {
    bool: _Allowed(
        "true or false; no, off, yes and on are text in YAML 1.2",
        lambda value: isinstance(value, bool),
    ),
    int: _WHOLE,
    float: _NUMBER,
    str: _Allowed("text", lambda value: isinstance(value, str)),
    Sequence[int]: _Allowed(
        "a list of whole numbers", lambda value: _is_list(value, _is_whole), is_whole=True
    ),
}

# Keys are `argument` or `Component.argument`. The source of a range is Keras's documentation,
# unless a comment names another one.
_BY_NAME: dict[str, _Allowed] = {
    # The share that an average keeps at each step. Source: Kingma and Ba 2015, algorithm 1.
    **dict.fromkeys(("beta", "beta_1", "beta_2", "adam_beta_1", "adam_beta_2", "rho"), _DECAY),
    "momentum": _FRACTION,
    # At step t, an average keeps 1 - t ** beta_2_decay. Source: Shazeer and Stern 2018, 7.2.
    "beta_2_decay": _number("of at most 0", lambda value: value <= 0),
    # A larger beta lowers the learning rate. Source: McMahan et al. 2013, algorithm 1.
    "Ftrl.beta": _NOT_NEGATIVE,
    **dict.fromkeys(("epsilon", "epsilon_1", "epsilon_2"), _NOT_NEGATIVE),
    # A negative decay makes weights grow. Source: Loshchilov and Hutter 2019.
    **dict.fromkeys(("weight_decay", "adam_weight_decay"), _NOT_NEGATIVE),
    # At 0 or below, Keras does not clip at all.
    **dict.fromkeys(("clipnorm", "clipvalue", "global_clipnorm", "clip_threshold"), _POSITIVE),
    **dict.fromkeys(("adam_lr_ratio", "rms_rate"), _NOT_NEGATIVE),
    # Each step makes the compiled program longer: 100 steps take minutes to compile.
    "ns_steps": _whole("from 1 to 20", lambda value: 1 <= value <= 20),
    # At 0, Keras does not accumulate.
    "gradient_accumulation_steps": _whole("of at least 2", lambda value: value >= 2),
    "warmup_steps": _NOT_NEGATIVE,
    **dict.fromkeys(
        ("initial_learning_rate", "decay_steps", "first_decay_steps", "decay_rate"), _NUMBER
    ),
    "warmup_target": _NUMBER,
    "boundaries": _Allowed(
        "a list of numbers of at least 0, each above the one before it",
        lambda value: (
            _is_list(value, _NOT_NEGATIVE.allows)
            and all(low < high for low, high in pairwise(value))
        ),
    ),
    "values": _Allowed("a list of numbers", lambda value: _is_list(value, _is_number)),
    "label_smoothing": _FRACTION,
    # At 0, every example has the same weight. Source: Lin et al. 2017.
    "gamma": _NOT_NEGATIVE,
    "BinaryFocalCrossentropy.alpha": _FRACTION,
    "CategoricalFocalCrossentropy.alpha": _Allowed(
        "a number of at least 0, or a list of one for each class",
        lambda value: _NOT_NEGATIVE.allows(value) or _is_list(value, _NOT_NEGATIVE.allows),
    ),
    "delta": _POSITIVE,
    "axis": _WHOLE,
}
