import inspect
import re
import textwrap
from pathlib import Path

import keras
import pytest
from ruamel.yaml import YAML

from digits import INTERFACE
from optledger.core.errors import UserError
from optledger.core.params import Params
from optledger.datasets.examples import Examples
from optledger.datasets.interface import Interface
from optledger.training.checks import check_trainable, mistakes
from optledger.training.components import _NOT_LOSSES, _NOT_OPTIMIZERS
from optledger.trials.specify import specify
from optledger.trials.trial import Trial
from project import DIGITS_PARAMS

PARAMS = YAML(typ="safe").load(DIGITS_PARAMS)

EXAMPLES = 320


def with_variants(variants: dict[str, object], **sections: object) -> Params:
    """Return parameters with these variants, and with other sections replaced."""
    return Params.model_validate(PARAMS | sections | {"variants": variants})


def found_in(params: Params) -> list[str]:
    """Return the mistakes, where every variant has so many examples."""
    return mistakes(params, dict.fromkeys(params.variants, EXAMPLES), Interface((28, 28), 10))


def test_all_mistakes_are_found_at_once_and_each_where_it_was_made() -> None:
    """A default's mistake is reported once, as a default's."""
    params = with_variants(
        {
            "a": {"optimizer": "Adamm", "learning_rate": 0.1},
            "b": {"optimizer": "SGD", "learning_rate": 0.1},
            "c": {"optimizer": "SGD", "learning_rate": 0.1, "loss": "none"},
        },
        model={"name": "mlp", "hidden_units": [16], "activation": "rellu"},
        training={"epochs": 1, "batch_size": 32, "loss": "Crossentropy"},
    )
    assert [line.split(": ")[1] for line in found_in(params)] == [
        "model",
        "variants.a.optimizer",
        "training.loss",
        "variants.c.loss",
    ]


def test_an_argument_s_name_stays_in_its_line() -> None:
    """Whatever characters it has."""
    params = with_variants({"a": {"optimizer": {"name": "SGD", "a\nb": 1}, "learning_rate": 0.1}})
    (line,) = found_in(params)
    assert line.startswith(r"params.yaml: variants.a.optimizer: found argument a\nb; allowed: ")
    assert line.isprintable()


def test_a_single_variant_is_checked_alike(digits: tuple[Examples, Examples]) -> None:
    """What `train` finds for its own variant is what `optledger check` finds."""
    params = with_variants({"a": {"optimizer": "Adamm", "learning_rate": 0.1}})
    examples, _ = digits
    with pytest.raises(UserError) as caught:
        check_trainable(Trial("a", specify(params.variants["a"], INTERFACE), 0.1, seed=0), examples)
    assert str(caught.value).splitlines() == found_in(params)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"name": "mpl"}, "found 'mpl'; allowed: cnn, mlp"),
        ({"name": "mlp"}, "allowed: what mlp accepts: .*'hidden_units'"),
        ({"name": "mlp", "hidden_units": 128}, "found hidden_units: 128; allowed: a list of whole"),
        ({"name": "mlp", "hidden_units": [0]}, "integers of at least 1, not \\[0\\]"),
        ({"name": "mlp", "hidden_units": ["a"]}, "allowed: a list of whole numbers$"),
        ({"name": "mlp", "hidden_units": [1.5]}, "allowed: a list of whole numbers$"),
        ({"name": "mlp", "hidden_units": [True]}, "allowed: a list of whole numbers$"),
        ({"name": "mlp", "hidden_units": [8], "units": 3}, "found argument units; allowed: activ"),
        ({"name": "mlp", "hidden_units": [8], "classes": 3}, "found argument classes; allowed: "),
        ({"name": "mlp", "hidden_units": [8], "activation": "rellu"}, "activation.*rellu"),
        ({"name": "mlp", "hidden_units": [8], "activation": "threshold"}, "threshold"),
        ({"name": "mlp", "hidden_units": [8], "activation": "glu"}, "fails with .*: "),
        ({"name": "mlp", "hidden_units": [8], "activation": "get"}, "allowed: what mlp accepts"),
        ({"name": "mlp", "hidden_units": [8], "dropout": 1.0}, "dropout must be .* below 1, not 1"),
        (
            {"name": "mlp", "hidden_units": [8], "dropout": "x"},
            "found dropout: 'x'; allowed: a number$",
        ),
        (
            {"name": "mlp", "hidden_units": [10**9]},
            r"would have 795,000,000,010 numbers, more than",
        ),
        ({"name": "cnn", "filters": [10**6]}, "its layers would have 8,633,007,056"),
        ({"name": "cnn", "filters": 8}, "found filters: 8; allowed: a list of whole numbers$"),
        ({"name": "cnn", "filters": [8], "kernel_size": 0}, "kernel_size must be"),
        ({"name": "cnn", "filters": [8], "kernel_size": 29}, "must be an integer from 1 to 28, n"),
        ({"name": "cnn", "filters": [8] * 9}, "allowed: what cnn accepts: at most 4 filters"),
    ],
    ids=str,
)
def test_a_mistake_in_the_model_is_one_line(model: dict[str, object], message: str) -> None:
    """With its key, and what the model accepts."""
    variants: dict[str, object] = {"a": {"optimizer": "SGD", "learning_rate": 0.1}}
    (line,) = found_in(with_variants(variants, model=model))
    assert re.match("params.yaml: model: (found .*allowed: |fails with )", line)
    assert re.search(message, line)


def test_a_weight_for_each_class_is_an_argument_of_the_loss() -> None:
    """As many as the dataset has classes, and no other number."""

    def found(weights: int) -> list[str]:
        loss = {"name": "CategoricalFocalCrossentropy", "alpha": [0.25] * weights}
        variant = {"optimizer": "SGD", "learning_rate": 0.1, "loss": loss}
        return found_in(with_variants({"a": variant}))

    assert found(10) == []
    (line,) = found(3)
    assert line.startswith("params.yaml: variants.a.loss: found alpha: [0.25, 0.25, 0.25]; ")


def own(name: str, text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a model of the user's own, in the folder that becomes the working directory."""
    (folder / "models").mkdir(exist_ok=True)
    (folder / f"models/{name}.py").write_text(textwrap.dedent(text))
    monkeypatch.chdir(folder)


def test_a_model_with_a_random_state_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial would go on where the one before it ended: results would depend on their order."""
    own(
        "forgetful",
        """
        import keras

        def forgetful(inputs, outputs):
            units = keras.layers.Dropout(0.5)(keras.layers.Flatten()(inputs))
            return keras.layers.Dense(outputs)(units)
        """,
        tmp_path,
        monkeypatch,
    )
    variants: dict[str, object] = {"a": {"optimizer": "SGD", "learning_rate": 0.1}}
    (line,) = found_in(with_variants(variants, model="forgetful"))
    assert "params.yaml: model: found 'forgetful'; allowed: a model without Keras's random" in line


def test_a_file_of_the_user_s_is_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found by its name, takes arguments of its own, and is checked as any other."""
    own(
        "low_rank",
        """
        import keras

        def low_rank(inputs, outputs, rank):
            units = keras.layers.Dense(rank, use_bias=False)(keras.layers.Flatten()(inputs))
            return keras.layers.Dense(outputs)(keras.layers.Dense(8, "relu")(units))
        """,
        tmp_path,
        monkeypatch,
    )
    variants: dict[str, object] = {"a": {"optimizer": "SGD", "learning_rate": 0.1}}
    assert found_in(with_variants(variants, model={"name": "low_rank", "rank": 4})) == []
    (line,) = found_in(with_variants(variants, model={"name": "low_rank", "ranks": 4}))
    assert line == "params.yaml: model: found argument ranks; allowed: rank"
    (line,) = found_in(with_variants(variants, model="high_rank"))
    assert line == "params.yaml: model: found 'high_rank'; allowed: low_rank, cnn, mlp"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("bad", "def bad(images:\n", "model: models/bad.py, cannot be imported: SyntaxError: "),
        (
            "bad",
            "import no_such_package\n",
            "models/bad.py, line 1, cannot be imported: ModuleNotFoundError: ",
        ),
        ("bad", "def worse(inputs, outputs): ...\n", "model: models/bad.py has no function bad, "),
        ("bad", "bad = 3\n", "models/bad.py has no function bad, "),
        (
            "bad",
            "def bad(inputs, outputs): ...\n",
            "found 'bad'; allowed: a model that returns logits, not NoneType",
        ),
        ("mlp", "def mlp(inputs, outputs): ...\n", "mlp.py has the name of one of optledger"),
    ],
)
def test_a_file_that_is_no_model_is_one_line(
    name: str, text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its name and the cause."""
    own(name, text, tmp_path, monkeypatch)
    variants: dict[str, object] = {"a": {"optimizer": "SGD", "learning_rate": 0.1}}
    model = {"name": name, "hidden_units": [4]} if name == "mlp" else name
    (line,) = found_in(with_variants(variants, model=model))
    assert told in line


@pytest.mark.parametrize(
    ("ending", "name"),
    [
        ('keras.layers.Dense(outputs, activation="softmax")(flat)', "softmax"),
        ("keras.layers.Softmax()(keras.layers.Dense(outputs)(flat))", "softmax"),
        ('keras.layers.Activation("sigmoid")(keras.layers.Dense(outputs)(flat))', "sigmoid"),
        ("keras.ops.softmax(keras.layers.Dense(outputs)(flat))", "softmax"),
        ('keras.Sequential([keras.layers.Dense(outputs, "softmax")])(flat)', "softmax"),
    ],
)
def test_a_model_that_ends_in_an_activation_is_refused(
    ending: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losses apply it to the logits, so twice would only slow the training."""
    text = f"""
        import keras

        def ended(inputs, outputs):
            flat = keras.layers.Flatten()(inputs)
            return {ending}
        """
    own("ended", text, tmp_path, monkeypatch)
    variants = {"a": {"optimizer": "SGD", "learning_rate": 0.1}}
    (line,) = found_in(with_variants(variants, model="ended"))
    assert line == f"params.yaml: model: ended ends in a {name}; remove it to return logits"


def test_whole_numbers_stay_whole_in_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not they have a default; Keras's own integer defaults are often floats."""
    text = """
        import keras

        def wide(inputs, outputs, layers, width=8, blocks=1, rho=2):
            found = keras.layers.Dense(rho)(keras.layers.Flatten()(inputs))
            for _ in range(layers * blocks):
                found = keras.layers.Dense(width)(found)
            return keras.layers.Dense(outputs)(found)
        """
    own("wide", text, tmp_path, monkeypatch)
    variants = {"a": {"optimizer": "SGD", "learning_rate": 0.1}}
    model = {"name": "wide", "layers": 1, "width": 16, "blocks": 2, "rho": 3}
    assert found_in(with_variants(variants, model=model)) == []


def test_a_wrong_name_is_told_with_the_nearest_right_one() -> None:
    """Also where only capitals differ."""
    variants = {
        name: {"optimizer": name, "learning_rate": 0.1} for name in ("adam", "Adamm", "zzz")
    }
    lines = found_in(with_variants(variants))
    assert [line.rpartition("; ")[2] for line in lines[:2]] == ["did you mean Adam?"] * 2
    assert "did you mean" not in lines[2]
    (line,) = found_in(
        with_variants({"a": {"optimizer": "SGD", "learning_rate": 0.1, "loss": "cce"}})
    )
    assert line.endswith("; did you mean CategoricalCrossentropy?")


def test_an_error_in_a_model_s_file_has_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not the arguments as its cause."""
    text = """
        import keras

        def broken(inputs, outputs, units):
            flat = keras.layers.Flatten()(inputs)
            return keras.layers.Dense(classes)(flat)
        """
    own("broken", text, tmp_path, monkeypatch)
    variants = {"a": {"optimizer": "SGD", "learning_rate": 0.1}}
    (line,) = found_in(with_variants(variants, model={"name": "broken", "units": 3}))
    assert line == (
        "params.yaml: model: models/broken.py, line 6, fails with {'units': 3}: "
        "NameError: name 'classes' is not defined"
    )


def test_a_variant_s_own_model_is_checked_and_named() -> None:
    """Of several, the one with the mistake."""
    own = {"optimizer": "SGD", "learning_rate": 0.1, "model": {"dropout": 2}}
    (line,) = found_in(with_variants({"a": own, "b": {"optimizer": "SGD", "learning_rate": 0.1}}))
    assert line.startswith("params.yaml: variants.a.model: found {'hidden_units': [16], 'dropout'")


def _names(module: object, base: type, excluded: set[str]) -> list[str]:
    classes = inspect.getmembers(module, inspect.isclass)
    return [name for name, found in classes if issubclass(found, base) and name not in excluded]


def test_every_optimizer_and_loss_of_the_list_passes() -> None:
    """What the messages allow is allowed: a new optimizer is an entry in params.yaml, not code."""
    optimizers = _names(keras.optimizers, keras.optimizers.Optimizer, _NOT_OPTIMIZERS)
    losses = _names(keras.losses, keras.losses.Loss, _NOT_LOSSES)
    assert {"SGD", "RMSprop", "Adam", "AdamW", "Nadam", "Lion", "Muon"} <= set(optimizers)
    assert {"CategoricalCrossentropy", "CategoricalFocalCrossentropy"} <= set(losses)
    variants = {name: {"optimizer": name, "learning_rate": 0.001} for name in optimizers}
    variants |= {
        name: {"optimizer": "SGD", "learning_rate": 0.001, "loss": name} for name in losses
    }
    assert found_in(with_variants(variants)) == []
