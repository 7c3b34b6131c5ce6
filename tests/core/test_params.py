import json
import re
from pathlib import Path

import pytest
from dvc.utils.serialize import load_yaml

from optledger.core import params
from optledger.core.documents import read_yaml
from optledger.core.errors import UserError
from project import DIGITS_PARAMS, REPOSITORY

RATES = (
    "a number from 1e-37 to 1e38 with at most six digits, a list of two or more different ones, "
    "or a range {low: …, high: …}"
)


def load(tmp_path: Path, *edits: tuple[str, str]) -> params.Params:
    """Load the digits' parameters after replacing texts in them."""
    text = DIGITS_PARAMS
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return params.load(path)


def test_a_variant_inherits_what_it_does_not_override(tmp_path: Path) -> None:
    """Training defaults are merged into each variant."""
    variants = load(tmp_path).variants
    assert (variants["gd"].epochs, variants["gd"].batch_size) == (5, "full")
    assert (variants["adam"].epochs, variants["adam"].batch_size) == (3, 30)
    assert variants["adam"].loss.name == "CategoricalCrossentropy"


def test_a_component_is_a_name_or_a_mapping(tmp_path: Path) -> None:
    """`Adam` and `{name: Adam}` are the same; other keys are arguments."""
    plain = load(tmp_path)
    named = load(tmp_path, ("optimizer: Adam", "optimizer: {name: Adam}"))
    assert plain == named
    given = load(tmp_path, ("optimizer: Adam", "optimizer: {name: Adam, beta_1: 0.8}"))
    assert given.variants["adam"].optimizer.arguments == {"beta_1": 0.8}


def test_order_comments_and_integer_floats_change_nothing(tmp_path: Path) -> None:
    """`1` is `1.0` where a float is meant."""
    one = load(
        tmp_path, ("learning_rate: 0.5", "learning_rate: 1"), ("seeds:", "# a comment\nseeds:")
    )
    assert one == load(tmp_path, ("learning_rate: 0.5", "learning_rate: 1.0"))


def test_seeds(tmp_path: Path) -> None:
    """Seeds count up from the first."""
    seeds = load(tmp_path, ("{first: 0, count: 2}", "{first: 5, count: 3}")).seeds
    assert seeds.values == [5, 6, 7]


def test_each_block_of_seeds_has_a_search_of_its_own(tmp_path: Path) -> None:
    """Its seeds are nobody else's; without blocks there is one search for all seeds."""
    seeds = ("{first: 0, count: 2}", "{first: 0, count: 6, per_search: 2}")
    params = load(tmp_path, seeds, ("seed: 1000", "seed: 1000, seeds: 3"))
    searches = params.searches_of("adam")
    assert [own for _, own in searches] == [[0, 1], [2, 3], [4, 5]]
    assert [each.values for each, _ in searches] == [
        [1000, 1001, 1002],
        [1003, 1004, 1005],
        [1006, 1007, 1008],
    ]
    assert load(tmp_path).searches_of("adam") == [(load(tmp_path).search, [0, 1])]


@pytest.mark.parametrize("number", ["1e-3", "1E-3", "0.001", "1.e-3", ".001"])
def test_numbers_are_read_as_dvc_reads_them(tmp_path: Path, number: str) -> None:
    """YAML 1.2, as in DVC: an exponent without a point is a number."""
    path = tmp_path / "params.yaml"
    settings = load(tmp_path, ("learning_rate: 0.01", f"learning_rate: {number}"))
    assert settings.variants["adam"].learning_rate == 0.001
    assert read_yaml(path) == load_yaml(path)


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (
            "learning_rate: 0.01",
            "learning_rate: -1",
            [f"variants.adam.learning_rate: found -1; allowed: {RATES}"],
        ),
        (
            "learning_rate: 0.01",
            "learning_rate: .inf",
            [f"variants.adam.learning_rate: found inf; allowed: {RATES}"],
        ),
        (
            "learning_rate: 0.01",
            "learning_rate: fast",
            [f"variants.adam.learning_rate: found 'fast'; allowed: {RATES}"],
        ),
        (
            ", learning_rate: 0.01",
            "",
            ["variants.adam.learning_rate: missing required key"],
        ),
        (
            "epochs: 3",
            "epochs: 0",
            ["training.epochs: found 0; allowed: greater than or equal to 1"],
        ),
        ("epochs: 3", "epochs: 2.5", ["training.epochs: found 2.5; allowed: a valid integer"]),
        ("epochs: 3", "epochs: true", ["training.epochs: found True; allowed: a valid integer"]),
        (
            "batch_size: 30",
            "batch_size: 0",
            ["training.batch_size: found 0; allowed: an integer of at least 1, or full"],
        ),
        (
            "batch_size: full",
            "batch_size: half",
            ["variants.gd.batch_size: found 'half'; allowed: an integer of at least 1, or full"],
        ),
        (
            "validation_fraction: 0.1",
            "validation_fraction: 1",
            ["split.validation_fraction: found 1; allowed: less than 1"],
        ),
        ("seed: 0", "sead: 0", None),
        (
            "metric: accuracy",
            "metric: speed",
            [
                "comparison.metric: found 'speed'; "
                "allowed: 'accuracy', 'precision', 'recall', 'f1', 'subset_accuracy', 'micro_f1', "
                "'macro_f1', 'rmse', 'mae' or 'r2'"
            ],
        ),
        (
            "{metric: accuracy}",
            "{metric: accuracy, baseline: sgd}",
            ["comparison.baseline: found 'sgd'; allowed: a variant (adam, gd), or no such key"],
        ),
        (
            "{metric: accuracy}",
            "{metric: accuracy, targets: [0.97, -1]}",
            [
                "comparison.targets: found [0.97, -1]; "
                "allowed: a list of different numbers above 0, of at most six digits"
            ],
        ),
        (
            "{metric: accuracy}",
            "{metric: accuracy, margins: {f1: 0}, confidence: 95}",
            [
                "comparison.confidence: found 95; allowed: less than or equal to 0.9999",
                "comparison.margins.f1: found 0; allowed: greater than 0",
            ],
        ),
        ("model: {name: mlp, hidden_units: [16]}", "model: 3", None),
        (
            "optimizer: Adam",
            "optimizer: {name: Adam, beta_1: [[1]]}",
            None,
        ),
        (
            "{rule: momentum, learning_rate: 5}",
            "{rule: Momentum}",
            [
                "cases.linear_regression.methods.momentum.rule: found 'Momentum'; allowed: "
                "'gradient_descent', 'momentum', 'rmsprop' or 'adam'",
                "cases.linear_regression.methods.momentum.learning_rate: missing required key",
            ],
        ),
        (
            "momentum: {rule",
            "newton: {rule",
            [
                "cases.linear_regression.methods.newton: found 'newton'; allowed: "
                "a name other than conjugate_gradient, newton and scipy_cg, which are always run"
            ],
        ),
        (
            "model: linear_regression",
            "model: logistic_regression",
            [
                "cases.linear_regression.l2: found 0.0; allowed: at least 1e-6 for "
                "logistic_regression, which may have no optimum otherwise"
            ],
        ),
        (
            "test_fraction: 0.2",
            "test_fraction: 0",
            [
                "cases.linear_regression.test_fraction: found 0; "
                "allowed: greater than or equal to 0.1"
            ],
        ),
        ("count: 2", "count: 0", ["seeds.count: found 0; allowed: greater than or equal to 1"]),
        ("variants:\n", "variants: {}\nother:\n", None),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, old: str, new: str, lines: list[str] | None) -> None:
    """Each names the file and the key, and what is wrong with it."""
    with pytest.raises(UserError) as caught:
        load(tmp_path, (old, new))
    found = str(caught.value).splitlines()
    for line in found:
        assert line.startswith(f"{tmp_path / 'params.yaml'}: ")
        assert re.search(": found .*; allowed: |: missing required key$|: unknown key", line)
    if lines is not None:
        assert found == [f"{tmp_path / 'params.yaml'}: {line}" for line in lines]


@pytest.mark.parametrize(
    "value",
    [
        *("[]", "[0.1]", "[0.1, 0.1]", "[0.1, 0]", "[0.1, a]", "[true, 0.1]", "true", "null"),
        *("1e-50", "1e40", f"[1, 1{'0' * 400}]", "0.1234567", "[0.1, 0.10000001]"),
        *("{low: 0.1}", "{low: 0.1, high: 0.1}", "{low: 0, high: 1}", "{low: 1, high: 2, by: 1}"),
    ],
)
def test_what_is_no_choice_of_learning_rates_is_refused(tmp_path: Path, value: str) -> None:
    """A message has all that a learning rate can be."""
    with pytest.raises(UserError) as caught:
        load(tmp_path, ("learning_rate: 0.01", f"learning_rate: {value}"))
    (line,) = str(caught.value).splitlines()
    assert "variants.adam.learning_rate: found " in line
    assert line.endswith(f"; allowed: {RATES}")


def test_learning_rates_to_choose_from(tmp_path: Path) -> None:
    """A list in whatever order, or a range; a single number is not searched."""
    edit = ("learning_rate: 0.01", "learning_rate: [1, 0.01, 0.1]")
    variants = load(tmp_path, edit).variants
    assert variants["adam"].learning_rate == (0.01, 0.1, 1.0)
    assert (variants["adam"].is_searched, variants["gd"].is_searched) == (True, False)
    edit = ("learning_rate: 0.01", "learning_rate: {low: 1e-4, high: 1}")
    assert load(tmp_path, edit).variants["adam"].learning_rate == params.Range(low=1e-4, high=1.0)


def test_a_search_needs_a_validation_split_and_a_seed_of_its_own(tmp_path: Path) -> None:
    """Both mistakes are found at once, and neither is one where nothing is searched."""
    edits = [("validation_fraction: 0.1", "validation_fraction: 0"), ("seed: 1000", "seed: 1")]
    load(tmp_path, *edits)
    with pytest.raises(UserError) as caught:
        load(tmp_path, *edits, ("learning_rate: 0.01", "learning_rate: [0.01, 0.1]"))
    path = tmp_path / "params.yaml"
    assert str(caught.value).splitlines() == [
        f"{path}: split.validation_fraction: found 0; allowed: above 0, where learning rates are "
        "chosen on the validation split (adam), or a single learning rate for each variant",
        f"{path}: search.seed: found 1; allowed: a seed that the final trials do not use; "
        "theirs are 0 to 1",
    ]


def test_a_variant_s_model_is_the_default_but_for_what_it_says(tmp_path: Path) -> None:
    """Argument by argument; a model of another name, or named anew, stands alone."""
    edits = [("hidden_units: [16]", "hidden_units: [16], activation: tanh")]
    for own, arguments in [
        ("{dropout: 0.5}", {"hidden_units": [16], "activation": "tanh", "dropout": 0.5}),
        ("{hidden_units: []}", {"hidden_units": [], "activation": "tanh"}),
        ("{name: mlp, hidden_units: [8]}", {"hidden_units": [8]}),
        ("{name: cnn, filters: [8]}", {"filters": [8]}),
    ]:
        edit = ("optimizer: Adam", f"optimizer: Adam, model: {own}")
        variants = load(tmp_path, *edits, edit).variants
        assert variants["adam"].model.arguments == arguments
        assert variants["gd"].model.arguments == {"hidden_units": [16], "activation": "tanh"}


def test_techniques_of_all_variants_or_of_one(tmp_path: Path) -> None:
    """Each is a key of the training defaults, which a variant overrides."""
    edits = [
        ("loss: CategoricalCrossentropy", "loss: CategoricalCrossentropy, l2: 1e-4, l1: 0"),
        (
            "optimizer: Adam",
            "optimizer: Adam, l2: 0, early_stopping: {patience: 3}, class_fractions: {8: 0.05}, "
            "resample: oversample, class_weights: balanced",
        ),
    ]
    variants = load(tmp_path, *edits).variants
    adam, gd = variants["adam"], variants["gd"]
    assert (adam.l1, adam.l2, gd.l2) == (0, 0, 1e-4)
    assert adam.early_stopping == params.EarlyStopping(patience=3, restore_best=True)
    assert (adam.class_fractions, adam.resample) == ({8: 0.05}, "oversample")
    assert (adam.class_weights, gd.class_weights) == ("balanced", None)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("l2", "-1", "l2: found -1; allowed: greater than or equal to 0"),
        ("l1", "big", "l1: found 'big'; allowed: a valid number"),
        ("early_stopping", "{}", "early_stopping.patience: missing required key"),
        ("early_stopping", "{patience: 0}", "early_stopping.patience: found 0; allowed: greater"),
        ("early_stopping", "3", "early_stopping: found 3; allowed: a mapping of keys to values"),
        (
            "early_stopping",
            "{patience: 1, monitor: val_loss}",
            "early_stopping.monitor: found 'val_loss'; allowed: 'train_loss', 'train_accuracy', ",
        ),
        ("class_fractions", "{8: 0}", "class_fractions.8: found 0; allowed: greater than 0"),
        ("class_fractions", "{eight: 0.5}", "class_fractions.eight: found 'eight'; allowed: "),
        ("class_fractions", "{-1: 0.5}", "class_fractions.-1: found -1; allowed: greater than or"),
        ("resample", "smote", "resample: found 'smote'; allowed: 'oversample' or 'undersample'"),
        ("class_weights", "equal", "class_weights: found 'equal'; allowed: balanced, or a list "),
        ("class_weights", "[0, 0]", "class_weights: found [0, 0]; allowed: balanced, or a list "),
        ("class_weights", "[1, -1]", "class_weights: found [1, -1]; allowed: balanced, or a li"),
    ],
)
def test_a_mistake_in_a_technique_is_one_line(
    tmp_path: Path, key: str, value: str, line: str
) -> None:
    """As any other, by its own key."""
    with pytest.raises(UserError) as caught:
        load(tmp_path, ("optimizer: Adam", f"optimizer: Adam, {key}: {value}"))
    (found,) = str(caught.value).splitlines()
    assert found.startswith(f"{tmp_path / 'params.yaml'}: variants.adam.{line}")


def test_mistakes_of_the_defaults_and_of_variants_are_told_at_once(tmp_path: Path) -> None:
    """A mistake in a default has one line, not one more for each variant that inherits it."""
    edits = [
        ("epochs: 3, batch_size: 30", "epochs: 0, batchsize: 30"),
        ("batch_size: full", "batch_size: half"),
        (", learning_rate: 0.01}", ", model: {dropout: 0.5}, sed: 1}"),
    ]
    with pytest.raises(UserError) as caught:
        load(tmp_path, *edits)
    path = tmp_path / "params.yaml"
    assert str(caught.value).splitlines() == [
        f"{path}: training.epochs: found 0; allowed: greater than or equal to 1",
        f"{path}: training.batch_size: missing required key",
        f"{path}: training.batchsize: unknown key; did you mean batch_size?",
        f"{path}: variants.adam.learning_rate: missing required key",
        f"{path}: variants.adam.sed: unknown key; did you mean seed?",
        f"{path}: variants.gd.batch_size: found 'half'; allowed: an integer of at least 1, or full",
    ]


def test_a_default_model_that_is_none_has_one_line(tmp_path: Path) -> None:
    """Also where a variant changes an argument of it."""
    edits = [
        ("model: {name: mlp, hidden_units: [16]}", "model: {name: 3}"),
        ("learning_rate: 0.01}", "learning_rate: 0.01, model: {dropout: 0.5}}"),
    ]
    with pytest.raises(UserError) as caught:
        load(tmp_path, *edits)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{tmp_path / 'params.yaml'}: model.name: found 3")


def test_early_stopping_on_validation_needs_a_validation_split(tmp_path: Path) -> None:
    """One line for each variant that asks for it; on the train loss it does not."""
    edits = [("validation_fraction: 0.1", "validation_fraction: 0")]
    own = "optimizer: Adam, early_stopping: {patience: 1, monitor: %s}"
    load(tmp_path, *edits, ("optimizer: Adam", own % "train_loss"))
    with pytest.raises(UserError) as caught:
        load(tmp_path, *edits, ("optimizer: Adam", own % "validation_accuracy"))
    assert str(caught.value) == (
        f"{tmp_path / 'params.yaml'}: variants.adam.early_stopping.monitor: found "
        "'validation_accuracy'; allowed: a metric of the train split, as there is no validation "
        "split"
    )


@pytest.mark.parametrize("name", ["a.b", "a:b", "a*", "a?", "-a", "a b", "", "é"])
def test_a_name_that_dvc_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    """Names of variants become stage names, keys and files."""
    with pytest.raises(UserError, match="a name of up to 100 letters, digits, _ and -"):
        load(tmp_path, ("  adam:", f"  {json.dumps(name)}:"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  adam:", "  gd:", r"params.yaml:21: not valid YAML: found duplicate key"),
        ("variants:", "variants: [", r"params.yaml:\d+: not valid YAML: "),
        ("dataset: digits", "\tdataset: digits", r"params.yaml:1: not valid YAML: "),
    ],
)
def test_what_is_not_yaml_is_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A file that the parser refuses is reported with its line."""
    with pytest.raises(UserError, match=message) as caught:
        load(tmp_path, (old, new))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    """There is no traceback for a file that is not there."""
    with pytest.raises(UserError, match=r"nowhere.yaml: No such file or directory$"):
        params.load(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("text", ["", "3", "[1]", "text"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    """The whole file must be a mapping."""
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match="a mapping of keys to values"):
        params.load(path)


def test_the_committed_parameters_are_fine() -> None:
    """The repository's own params.yaml has the five variants and ten seeds."""
    settings = params.load(REPOSITORY / "params.yaml")
    assert list(settings.variants) == ["adam", "gd", "momentum", "rmsprop", "sgd"]
    assert settings.seeds.count == 10


def test_the_committed_schema_is_the_code_s() -> None:
    """`make schema` was run after the last change."""
    committed = json.loads((REPOSITORY / "params.schema.json").read_text())
    assert committed == params.json_schema()


def test_no_two_names_are_one_folder(tmp_path: Path) -> None:
    """Each is a folder of results/, and there are file systems that do not know capitals."""
    with pytest.raises(UserError, match=r"variants\.gd: .* differs from GD in more than capitals$"):
        load(tmp_path, ("  adam:", "  GD:"))


def test_a_name_leaves_room_for_what_is_added_to_it(tmp_path: Path) -> None:
    """A file name has 255 bytes at the most."""
    load(tmp_path, ("  adam:", f"  {'a' * 100}:"))
    with pytest.raises(UserError, match="up to 100 letters"):
        load(tmp_path, ("  adam:", f"  {'a' * 101}:"))
