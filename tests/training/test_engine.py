import inspect
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from digits import INTERFACE
from masks import mask
from optledger.cases.rules import Adam, GradientDescent, Momentum, RMSprop
from optledger.core.params import Component, EarlyStopping, Variant
from optledger.datasets.examples import Examples
from optledger.datasets.interface import no_class
from optledger.datasets.sampling import training_examples
from optledger.training import textbook_optimizers
from optledger.training.components import build_loss, build_model, build_schedule
from optledger.training.dropout import step_keys
from optledger.training.engine import Engine, batch_order
from optledger.training.kinds import KINDS
from optledger.training.prediction import predict
from optledger.training.weights import get_weights, initial_weights, set_weights
from optledger.trials.plateau import converged_epoch
from optledger.trials.specify import specify
from optledger.trials.trial import Trial, TrialResult, Weights

MODEL = Component(name="mlp", hidden_units=[16])
SOFTMAX = Component(name="mlp", hidden_units=[])


# Every Keras optimizer is trained with below; these are held against an eager loop.
OPTIMIZERS = {
    "sgd": (Component(name="SGD"), 0.1),
    "momentum": (Component(name="SGD", momentum=0.9), 0.05),
    "nesterov": (Component(name="SGD", momentum=0.9, nesterov=True), 0.05),
    "rmsprop": (Component(name="RMSprop"), 0.001),
    "adam": (Component(name="Adam"), 0.001),
    "adamw": (Component(name="AdamW", weight_decay=0.01), 0.001),
    "textbook momentum": (Component(name="TextbookMomentum", beta=0.9), 0.5),
    "textbook adam": (Component(name="TextbookAdam"), 0.001),
    # Its state starts with a copy of the weights.
    "schedule-free": (Component(name="ScheduleFreeAdamW"), 0.001),
    # Of 32 steps, 10 change the weights; the last two batches are left over.
    "accumulated": (Component(name="SGD", gradient_accumulation_steps=3), 0.1),
}


def variant(
    optimizer: str = "adam", *, epochs: int = 2, batch_size: int | str = 32, **update: object
) -> Variant:
    """Return a variant of one of `OPTIMIZERS`."""
    component, learning_rate = OPTIMIZERS[optimizer]
    return Variant(
        model=MODEL,
        optimizer=component,
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=batch_size,
        loss=Component(name="CategoricalCrossentropy"),
    ).model_copy(update=update)


def trial(settings: Variant, seed: int, learning_rate: float | None = None) -> Trial:
    """Return a trial of a variant, with the variant's learning rate unless told otherwise."""
    rate = learning_rate or settings.learning_rate
    assert isinstance(rate, float)
    return Trial("v", specify(settings, INTERFACE), rate, seed)


def engine(settings: Variant, train: Examples, validation: Examples) -> Engine:
    """Return a new engine for the digits."""
    return Engine(specify(settings, INTERFACE), train, validation)


@pytest.fixture(scope="module")
def few(digits: tuple[Examples, Examples]) -> tuple[Examples, Examples]:
    """512 train images, which are 16 batches of 32 and nothing left over, and all test images.

    A smaller batch at the end of an epoch is a second step to compile.
    """
    return digits[0].take(np.arange(512)), digits[1]


ONE_STEP = variant("sgd", batch_size="full", epochs=1)


@pytest.fixture(scope="module")
def one_step(few: tuple[Examples, Examples]) -> Engine:
    """An engine of `ONE_STEP`, which several tests train with, as it takes seconds to compile."""
    return engine(ONE_STEP, *few)


@pytest.fixture(scope="module")
def an_epoch(few: tuple[Examples, Examples]) -> TrialResult:
    """What an epoch of Adam leaves."""
    settings = variant(epochs=1)
    return engine(settings, *few).train(trial(settings, seed=0))


def plain_keras(
    settings: Variant, train: Examples, seed: int, rates: list[float] | None = None
) -> tuple[Weights, list[float]]:
    """Train by an eager GradientTape loop: what the compiled epoch has to agree with.

    Args:
        settings: of the variant.
        train: all that is trained on.
        seed: of the start and the order.
        rates: of each step, if not the variant's own learning rate.

    Returns:
        The weights, and the mean train loss of each epoch.
    """
    model = build_model(MODEL, INTERFACE)
    set_weights(model, initial_weights(MODEL, INTERFACE, seed))
    optimizers = {**vars(keras.optimizers), **vars(textbook_optimizers)}
    optimizer = optimizers[settings.optimizer.name](
        learning_rate=settings.learning_rate, **settings.optimizer.arguments
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    count = len(train.targets)
    size = count if settings.batch_size == "full" else settings.batch_size
    epochs = []
    remaining = iter(rates or [])
    for epoch in range(1, settings.epochs + 1):
        order, total = batch_order(count, seed, epoch), 0.0
        for start in range(0, count, size):
            batch = order[start : start + size]
            if rates:
                optimizer.learning_rate = next(remaining)
            with tf.GradientTape() as tape:
                value = loss(train.targets[batch], model(train.inputs[batch], training=True))
            variables = model.trainable_variables
            optimizer.apply(tape.gradient(value, variables), variables)
            total += float(value) * len(batch)
        epochs.append(total / count)
    return get_weights(model), epochs


def by_rule(rule: Any, settings: Variant, train: Examples, seed: int) -> Weights:
    """Train by a rule of the textbook in float64, on Keras's gradients at its weights."""
    model = build_model(MODEL, INTERFACE)
    weights = initial_weights(MODEL, INTERFACE, seed)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    count = len(train.targets)
    size = count if settings.batch_size == "full" else settings.batch_size
    states = {name: rule.start(value.astype(np.float64)) for name, value in weights.items()}
    for epoch in range(1, settings.epochs + 1):
        order = batch_order(count, seed, epoch)
        for start in range(0, count, size):
            batch = order[start : start + size]
            set_weights(model, weights)
            with tf.GradientTape() as tape:
                value = loss(train.targets[batch], model(train.inputs[batch], training=True))
            gradients = tape.gradient(value, model.trainable_variables)
            for name, gradient in zip(weights, gradients, strict=True):
                step = rule.step(weights[name], gradient.numpy().astype(np.float64), states[name])
                weights[name], states[name] = step
    return weights


RULES = {
    ("sgd", "full"): GradientDescent(0.1),
    ("sgd", 32): GradientDescent(0.1),
    ("momentum", 32): Momentum(0.5, beta=0.9),
    ("rmsprop", 32): RMSprop(0.001, beta=0.9),
    ("textbook momentum", 32): Momentum(0.5, beta=0.9),
    ("textbook adam", 32): Adam(0.001),
}
"""The article's rules, by the optimizers and batch sizes that are the same."""


LEFT_OVER = {"adam", "accumulated"}
"""The optimizers that are tried with a smaller last batch, which is a step like the others."""


@pytest.mark.parametrize(
    ("optimizer", "batch_size"), [*((name, 32) for name in OPTIMIZERS), ("sgd", "full")]
)
def test_the_compiled_epoch_is_plain_keras(
    optimizer: str, batch_size: int | str, few: tuple[Examples, Examples]
) -> None:
    """The same start and batch order give the weights of an eager loop, and of the textbook.

    Over 32 steps of 32 examples, or 20 of all, which are gradient descent; of 508 examples, the
    last batch has 28. The tolerance is for float32 sums in another order. The article's rules are
    in NumPy, on the same batches; the largest difference measured was 4.5e-7, of weights of
    order 1 in float32.
    """
    train, test = few
    train = train.take(np.arange(508 if optimizer in LEFT_OVER else 512))
    settings = variant(optimizer, batch_size=batch_size, epochs=20 if batch_size == "full" else 2)
    result = engine(settings, train, test).train(trial(settings, seed=3))
    weights, losses = plain_keras(settings, train, seed=3)
    for name, expected in weights.items():
        np.testing.assert_allclose(result.weights[name], expected, rtol=2e-3, atol=2e-5)
    np.testing.assert_allclose([epoch.train_loss for epoch in result.history], losses, rtol=1e-4)
    if rule := RULES.get((optimizer, batch_size)):
        for name, expected in by_rule(rule, settings, train, seed=3).items():
            np.testing.assert_allclose(result.weights[name], expected, rtol=0, atol=1e-6)


def test_a_batch_may_be_of_one_example(digits: tuple[Examples, Examples]) -> None:
    """Stochastic gradient descent as the article has it: a step for each example."""
    train, test = digits[0].take(np.arange(40)), digits[1]
    settings = variant("sgd", batch_size=1)
    result = engine(settings, train, test).train(trial(settings, seed=3))
    weights, losses = plain_keras(settings, train, seed=3)
    for name, expected in weights.items():
        np.testing.assert_allclose(result.weights[name], expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose([epoch.train_loss for epoch in result.history], losses, rtol=1e-4)


def test_a_full_batch_is_the_number_of_examples(
    one_step: Engine, few: tuple[Examples, Examples]
) -> None:
    """Byte for byte."""
    by_name = one_step.train(trial(ONE_STEP, seed=0))
    settings = variant("sgd", batch_size=512, epochs=1)
    by_number = engine(settings, *few).train(trial(settings, seed=0))
    assert by_name.history == by_number.history
    for name, expected in by_number.weights.items():
        assert by_name.weights[name].tobytes() == expected.tobytes()


def test_validation_metrics_are_those_of_the_weights(
    an_epoch: TrialResult, few: tuple[Examples, Examples]
) -> None:
    """An epoch's validation loss and accuracy are what Keras computes of the weights after it."""
    _, test = few
    model = build_model(MODEL, INTERFACE)
    set_weights(model, an_epoch.weights)
    logits = model(test.inputs).numpy()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(test.targets, logits)
    assert an_epoch.history[0].validation_loss == pytest.approx(float(loss), rel=1e-5)
    accuracy = np.mean(logits.argmax(axis=1) == test.targets)
    assert an_epoch.history[0].validation_score == pytest.approx(accuracy, rel=1e-6)


@pytest.mark.parametrize("optimizer", ["Adafactor", "Ftrl", "TextbookAdam"])
def test_a_trial_leaves_nothing_for_the_next(
    optimizer: str, few: tuple[Examples, Examples]
) -> None:
    """An engine that has trained before gives the bytes of a new one."""
    settings = variant("adam").model_copy(update={"optimizer": Component(name=optimizer)})
    reused = engine(settings, *few)
    reused.train(trial(settings, seed=1, learning_rate=0.1))
    again = reused.train(trial(settings, seed=0))
    first = engine(settings, *few).train(trial(settings, seed=0))
    assert again.history == first.history
    for name, expected in first.weights.items():
        assert again.weights[name].tobytes() == expected.tobytes()


def test_the_learning_rate_is_the_trial_s(one_step: Engine) -> None:
    """One engine serves every learning rate, as plain SGD shows: the step is proportional to it."""
    start = initial_weights(MODEL, INTERFACE, seed=0)
    steps = []
    for learning_rate in (0.1, 0.2):
        result = one_step.train(trial(ONE_STEP, seed=0, learning_rate=learning_rate))
        steps.append(result.weights["00_kernel"] - start["00_kernel"])
    np.testing.assert_allclose(steps[1], 2 * steps[0], atol=1e-6)


def test_a_seed_decides_start_and_order_for_every_variant() -> None:
    """Initial weights and batch order depend on the seed, not on the variant."""
    first, again, other = (
        initial_weights(MODEL, INTERFACE, seed)["00_kernel"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (batch_order(100, 0, 1) != batch_order(100, 0, 2)).any()
    assert (batch_order(100, 0, 1) != batch_order(100, 1, 1)).any()
    assert sorted(batch_order(100, 0, 1)) == list(range(100))


def test_a_diverged_trial_says_where(few: tuple[Examples, Examples]) -> None:
    """The first loss that is not finite is reported by epoch and step, as by an eager loop."""
    train, test = few
    settings = variant("sgd", learning_rate=1e30, epochs=3)
    result = engine(settings, train, test).train(trial(settings, seed=0))
    model = build_model(MODEL, INTERFACE)
    set_weights(model, initial_weights(MODEL, INTERFACE, 0))
    optimizer = keras.optimizers.SGD(1e30)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    order = batch_order(len(train.targets), 0, 1)
    for step in range(1, 17):
        batch = order[(step - 1) * 32 : step * 32]
        with tf.GradientTape() as tape:
            value = loss(train.targets[batch], model(train.inputs[batch]))
        if not np.isfinite(value):
            break
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(value, variables), variables)
    assert result.divergence == (1, step)
    assert result.history == []


def test_damage_in_the_last_step_is_divergence(one_step: Engine) -> None:
    """With one step in all, the weights show that it was one too many, or what they predict."""
    for learning_rate in (1e30, 1e39):
        result = one_step.train(trial(ONE_STEP, seed=0, learning_rate=learning_rate))
        assert result.divergence == (1, 1)


def test_a_sum_of_losses_that_is_infinite_is_divergence(
    few: tuple[Examples, Examples],
) -> None:
    """Each loss is a number, and so are the weights; no table could hold their mean."""
    settings = variant("sgd", learning_rate=1e37, batch_size="full", epochs=1, model=SOFTMAX)
    result = engine(settings, *few).train(trial(settings, seed=0))
    assert all(np.isfinite(each).all() for each in result.weights.values())
    predictions = predict(specify(settings, INTERFACE).model, INTERFACE, result.weights, few[1])
    assert np.isfinite(predictions.losses).all()
    assert result.divergence == (1, 1)
    assert result.history == []


def test_a_loss_that_is_infinite_is_none(digits: tuple[Examples, Examples]) -> None:
    """Where the logits are numbers, and their difference is too large to be one."""
    weights = initial_weights(
        specify(variant("sgd", model=SOFTMAX), INTERFACE).model, INTERFACE, seed=0
    )
    bias = np.full(10, -3e38, np.float32)
    bias[3] = 3e38
    weights = {name: bias if each.shape == (10,) else each for name, each in weights.items()}
    predictions = predict(
        specify(variant("sgd", model=SOFTMAX), INTERFACE).model, INTERFACE, weights, digits[1]
    )
    assert set(predictions.values) == {3}
    np.testing.assert_array_equal(np.isnan(predictions.losses), digits[1].targets != 3)


def test_without_a_validation_split_there_are_no_validation_metrics(
    an_epoch: TrialResult, few: tuple[Examples, Examples]
) -> None:
    """An empty split gives NaN, and trains alike."""
    train, test = few
    settings = variant(epochs=1)
    without = engine(settings, train, test.take(np.arange(0))).train(trial(settings, seed=0))
    assert np.isnan(without.history[0].validation_loss)
    assert np.isnan(without.history[0].validation_score)
    assert without.history[0].train_loss == an_epoch.history[0].train_loss


WARMED = Component(name="CosineDecay", initial_learning_rate=0.0, warmup_target=1.0, warmup_steps=8)

SCHEDULES = [
    Component(name="CosineDecay", alpha=0.1),
    WARMED,
    Component(name="CosineDecayRestarts", first_decay_steps=10),
    Component(name="ExponentialDecay", decay_rate=0.5, decay_steps=10, staircase=True),
    Component(name="InverseTimeDecay", decay_rate=2.0),
    Component(name="PiecewiseConstantDecay", boundaries=[10, 20], values=[1.0, 0.5, 0.1]),
    Component(name="PolynomialDecay", power=2.0),
]


@pytest.mark.parametrize(
    "schedule", SCHEDULES, ids=[f"{number}-{each.name}" for number, each in enumerate(SCHEDULES)]
)
def test_a_schedule_is_keras_s_divided_by_its_peak(schedule: Component) -> None:
    """Keras's own, asked for the rate of each of 32 steps."""
    expected = keras_s_factors(schedule)
    np.testing.assert_allclose(build_schedule(schedule, 32), expected, rtol=1e-5, atol=1e-7)


def keras_s_factors(schedule: Component) -> NDArray[np.float64]:
    """Return the rates of Keras's own schedule over 32 steps, divided by their peak."""
    found = getattr(keras.optimizers.schedules, schedule.name)
    decay_steps = 32 - schedule.arguments.get("warmup_steps", 0)
    rates = {"initial_learning_rate": 1.0, "decay_steps": decay_steps} | schedule.arguments
    taken = inspect.signature(found).parameters
    keras_schedule = found(**{name: value for name, value in rates.items() if name in taken})
    factors = np.array([float(keras_schedule(float(step))) for step in range(32)])
    return factors / factors.max()


def test_each_step_has_the_rate_of_its_schedule(few: tuple[Examples, Examples]) -> None:
    """An eager loop, told the rates of Keras's own schedule, arrives at the same weights.

    It warms up and decays, over two epochs, so that no two steps could be taken for each other.
    """
    train, test = few
    settings = variant("sgd", schedule=WARMED)
    result = engine(settings, train, test).train(trial(settings, seed=0))
    weights, _ = plain_keras(settings, train, 0, list(0.1 * keras_s_factors(WARMED)))
    for name, expected in weights.items():
        np.testing.assert_allclose(result.weights[name], expected, rtol=2e-3, atol=2e-5)


def test_every_schedule_of_keras_is_tested() -> None:
    """A new release may bring another."""
    module = keras.optimizers.schedules
    names = {name for name, _ in inspect.getmembers(module, inspect.isclass)}
    assert {schedule.name for schedule in SCHEDULES} == names - {"LearningRateSchedule"}


@pytest.mark.parametrize("batch_size", [32, "full"])
def test_a_training_fraction_trains_on_that_part(
    batch_size: int | str, few: tuple[Examples, Examples]
) -> None:
    """As an eager loop that is given the stratified subset and nothing else."""
    train, test = few
    settings = variant("sgd", training_fraction=0.25, batch_size=batch_size)
    result = engine(settings, train, test).train(trial(settings, seed=2))
    part = train.take(training_examples(train.targets, settings, seed=2))
    assert len(part.targets) == 128
    weights, losses = plain_keras(settings, part, seed=2)
    for name, expected in weights.items():
        np.testing.assert_allclose(result.weights[name], expected, rtol=2e-3, atol=2e-5)
    np.testing.assert_allclose([epoch.train_loss for epoch in result.history], losses, rtol=1e-4)


@pytest.mark.parametrize("hidden_units", [[], [8, 4]])
def test_any_list_of_hidden_units(hidden_units: list[int], few: tuple[Examples, Examples]) -> None:
    """The empty list is softmax regression; each entry is a layer."""
    model = Component(name="mlp", hidden_units=hidden_units, activation="tanh")
    settings = variant(epochs=1, model=model)
    result = engine(settings, *few).train(trial(settings, seed=0))
    widths = [64, *hidden_units, 10]
    shapes = [weight.shape for name, weight in result.weights.items() if "kernel" in name]
    assert shapes == list(pairwise(widths))


def test_predictions_are_the_model_s(digits: tuple[Examples, Examples]) -> None:
    """Classes and cross-entropies are what the eager model and NumPy give."""
    _, test = digits
    weights = initial_weights(MODEL, INTERFACE, seed=0)
    predictions = predict(MODEL, INTERFACE, weights, test)
    model = build_model(MODEL, INTERFACE)
    set_weights(model, weights)
    logits = model(test.inputs).numpy().astype(np.float64)
    np.testing.assert_array_equal(predictions.values, logits.argmax(axis=1))
    log_sum = np.log(np.exp(logits).sum(axis=1))
    expected = log_sum - logits[np.arange(len(logits)), test.targets]
    np.testing.assert_allclose(predictions.losses, expected, rtol=1e-5)
    assert predictions.values.dtype == np.uint8


def test_predictions_do_not_depend_on_the_batch(digits: tuple[Examples, Examples]) -> None:
    """The compiled forward pass gives an image the same bytes in whatever company."""
    _, test = digits
    weights = initial_weights(MODEL, INTERFACE, seed=0)
    whole = predict(MODEL, INTERFACE, weights, test).losses
    part = predict(MODEL, INTERFACE, weights, test.take(np.arange(100))).losses
    assert whole[:100].tobytes() == part.tobytes()


def test_a_model_that_diverged_predicts_no_class(digits: tuple[Examples, Examples]) -> None:
    """Weights that are not finite give `no_class` and no loss."""
    _, test = digits
    weights = {
        name: np.full_like(weight, np.nan)
        for name, weight in initial_weights(MODEL, INTERFACE, seed=0).items()
    }
    predictions = predict(MODEL, INTERFACE, weights, test)
    assert set(predictions.values) == {no_class(10)}
    assert np.isnan(predictions.losses).all()


@pytest.mark.parametrize(
    "loss",
    [
        Component(name="CategoricalCrossentropy", label_smoothing=0.1),
        Component(name="CategoricalFocalCrossentropy", gamma=2.0),
        Component(name="BinaryCrossentropy"),
        Component(name="MeanSquaredError"),
        Component(name="KLDivergence"),
    ],
    ids=lambda loss: loss.name,
)
def test_a_loss_of_logits_is_that_of_probabilities(loss: Component) -> None:
    """Whichever a loss takes, it is Keras's own of the softmax (of the sigmoid, if binary)."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20, 10)).astype(np.float32)
    one_hot = np.eye(10, dtype=np.float32)[rng.integers(10, size=20)]
    activation = keras.ops.sigmoid if loss.name.startswith("Binary") else keras.ops.softmax
    keras_loss = getattr(keras.losses, loss.name)(reduction=None, **loss.arguments)
    expected = keras_loss(one_hot, activation(logits))
    found = build_loss(loss, KINDS["classes"])(one_hot, logits)
    assert found.shape == (20,)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_penalties_are_keras_s_regularizers_of_kernels(few: tuple[Examples, Examples]) -> None:
    """L1 and L2, against an eager loop with Keras's own; the losses reported are without them."""
    train, test = few
    settings = variant("sgd", l1=1e-3, l2=1e-2, batch_size="full", epochs=20)
    result = engine(settings, train, test).train(trial(settings, seed=0))
    regularizer = keras.regularizers.L1L2(l1=1e-3, l2=1e-2)
    model = build_model(MODEL, INTERFACE)
    set_weights(model, initial_weights(MODEL, INTERFACE, seed=0))
    optimizer = keras.optimizers.SGD(0.1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    reported = []
    for _ in range(20):
        with tf.GradientTape() as tape:
            value = loss(train.targets, model(train.inputs))
            penalty = sum(regularizer(each.kernel) for each in model.layers if each.weights)
            total = value + penalty
        reported.append(float(value))
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(total, variables), variables)
    assert float(penalty) > 0.1
    for name, expected in get_weights(model).items():
        np.testing.assert_allclose(result.weights[name], expected, rtol=2e-3, atol=2e-5)
    np.testing.assert_allclose([each.train_loss for each in result.history], reported, rtol=1e-4)


WEIGHTS = (0.0, 1.0, 2.0, 0.5, 1.0, 1.0, 3.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize("weights", [WEIGHTS, "balanced"], ids=["list", "balanced"])
def test_class_weights_are_keras_s(
    weights: str | tuple[float, ...], few: tuple[Examples, Examples]
) -> None:
    """As `model.fit` has them: the weighted sum, divided by the number of examples."""
    train, test = few
    settings = variant("sgd", class_weights=weights, class_fractions={3: 0.1}, epochs=1)
    result = engine(settings, train, test).train(trial(settings, seed=0))
    chosen = training_examples(train.targets, settings, seed=0)
    part = train.take(chosen[batch_order(len(chosen), 0, 1)])
    counts = np.bincount(part.targets, minlength=10)
    assert counts[3] < 20
    factors = len(part.targets) / (10 * counts) if weights == "balanced" else np.array(weights)
    model = build_model(MODEL, INTERFACE)
    set_weights(model, initial_weights(MODEL, INTERFACE, seed=0))
    model.compile(
        keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.fit(
        part.inputs,
        part.targets,
        batch_size=32,
        shuffle=False,
        verbose=0,
        class_weight=dict(enumerate(factors.tolist())),
    )
    for name, expected in get_weights(model).items():
        np.testing.assert_allclose(result.weights[name], expected, rtol=2e-3, atol=2e-5)


def test_dropout_drops_the_units_of_its_masks(few: tuple[Examples, Examples]) -> None:
    """An eager loop, with masks made in NumPy, arrives at the same weights."""
    train, test = few
    settings = variant("sgd", model=Component(name="mlp", hidden_units=[16], dropout=0.25))
    result = engine(settings, train, test).train(trial(settings, seed=5))
    model = build_model(MODEL, INTERFACE)
    set_weights(model, initial_weights(MODEL, INTERFACE, seed=5))
    optimizer = keras.optimizers.SGD(0.1)
    hidden, logits = (layer for layer in model.layers if layer.weights)
    for epoch in (1, 2):
        order = batch_order(512, 5, epoch)
        for step, key in enumerate(step_keys(5, epoch, 16)):
            batch = order[step * 32 : (step + 1) * 32]
            kept = mask(key, 1, (len(batch), 16), 0.25) / np.float32(0.75)
            pixels = train.inputs[batch].reshape(-1, 64) / np.float32(255)
            with tf.GradientTape() as tape:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    train.targets[batch].astype(int), logits(hidden(pixels) * kept)
                )
                value = tf.reduce_mean(losses)
            variables = model.trainable_variables
            optimizer.apply(tape.gradient(value, variables), variables)
    for name, expected in get_weights(model).items():
        np.testing.assert_allclose(result.weights[name], expected, rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("restore_best", [True, False])
def test_early_stopping_ends_a_training_and_keeps_an_epoch(
    restore_best: bool, few: tuple[Examples, Examples]
) -> None:
    """It is the beginning of the training without it, with the weights of the epoch it keeps."""
    stopping = EarlyStopping(patience=2, min_delta=0.001, restore_best=restore_best)
    settings = variant("sgd", learning_rate=1.0, epochs=40, early_stopping=stopping)
    stopped = engine(settings, *few).train(trial(settings, seed=0))
    epochs = len(stopped.history)
    assert 3 < epochs < 40
    losses = [each.validation_loss for each in stopped.history]
    best = int(np.argmin(losses)) + 1
    assert converged_epoch(losses, stopping) == epochs - 2
    assert converged_epoch(losses[:-1], stopping) is None
    assert stopped.kept_epoch == (best if restore_best else epochs)
    assert stopped.kept == stopped.history[stopped.kept_epoch - 1]
    shorter = variant("sgd", learning_rate=1.0, epochs=stopped.kept_epoch)
    same = engine(shorter, *few).train(trial(shorter, seed=0))
    assert same.history == stopped.history[: stopped.kept_epoch]
    for name, expected in same.weights.items():
        assert stopped.weights[name].tobytes() == expected.tobytes()


def test_resampled_examples_are_visited_as_often(few: tuple[Examples, Examples]) -> None:
    """An oversampled training is that of an eager loop on the repeated examples."""
    train, test = few
    settings = variant("sgd", class_fractions={8: 0.05}, resample="oversample", epochs=1)
    result = engine(settings, train, test).train(trial(settings, seed=4))
    part = train.take(training_examples(train.targets, settings, seed=4))
    assert len(set(np.bincount(part.targets))) == 1
    weights, _ = plain_keras(settings, part, seed=4)
    for name, expected in weights.items():
        np.testing.assert_allclose(result.weights[name], expected, rtol=2e-3, atol=2e-5)


def test_a_convolutional_network_trains(digits: tuple[Examples, Examples]) -> None:
    """Any model will do: this one learns the digits better than chance by far."""
    settings = variant(epochs=3, model=Component(name="cnn", filters=[8]))
    result = engine(settings, *digits).train(trial(settings, seed=0, learning_rate=0.01))
    assert result.history[-1].validation_score > 0.8
