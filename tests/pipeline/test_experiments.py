import re
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from optledger.cli import check_all
from optledger.core import params
from optledger.core.documents import read_yaml
from optledger.core.errors import UserError
from optledger.core.paths import EXPERIMENTS
from optledger.pipeline import experiments
from optledger.trials.places import FOLDER
from project import REPOSITORY, Project

SETS = sorted(path.stem for path in (REPOSITORY / EXPERIMENTS).glob("*.yaml"))

SMALL = """\
seeds: {count: 1}
variants:
  gd: null
  adam: {learning_rate: {low: 0.001, high: 0.1}}
  lion: {optimizer: Lion, learning_rate: 0.001}
"""


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_is_that_of_rfc_7396(target: object, patch: object, result: object) -> None:
    """Examples of its appendix A."""
    assert experiments.merge_patch(target, patch) == result


@pytest.mark.parametrize("name", SETS)
def test_the_committed_sets_are_fine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their keys and values, and the models, losses and optimizers that they refer to."""
    monkeypatch.chdir(REPOSITORY)
    settings, overrides = experiments.load(name)
    check_all(settings)
    assert settings != params.load()
    assert overrides


def test_techniques_are_those_that_the_article_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variant differs from the plain one by one key, or by one and the imbalance."""
    monkeypatch.chdir(REPOSITORY)
    settings, _ = experiments.load("techniques")
    variants = {name: each.model_dump() for name, each in settings.variants.items()}
    differences = {
        name: {key for key in own if own[key] != variants["none"][key]}
        for name, own in variants.items()
    }
    assert differences == {
        "none": set(),
        "l1": {"l1"},
        "l2": {"l2"},
        "dropout": {"model"},
        "early_stopping": {"early_stopping"},
        "rare": {"class_fractions"},
        "rare_oversample": {"class_fractions", "resample"},
        # It takes few steps, for which other rates are worth a trial.
        "rare_undersample": {"class_fractions", "resample", "learning_rate"},
        "rare_class_weights": {"class_fractions", "class_weights"},
        "rare_focal": {"class_fractions", "loss"},
    }


def test_a_set_that_does_not_exist_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """With those that do."""
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(
        UserError, match=r"^experiments/: has no experiment 'modrn'; there are calib"
    ):
        experiments.load("modrn")


@pytest.mark.parametrize("text", ["", "3", "[1]"])
def test_a_set_of_another_shape_is_refused(
    text: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a mapping."""
    monkeypatch.chdir(project.path)
    (project.path / "experiments/new.yaml").write_text(text)
    with pytest.raises(UserError, match=r"^experiments/new.yaml: the whole file: found .* a mapp"):
        experiments.load("new")


@pytest.mark.parametrize(
    ("old", "patch"),
    [
        ("loss: CategoricalCrossentropy", "training: {class_fractions: {3: 0.5}}"),
        ("loss: CategoricalCrossentropy", "training: {class_fractions: {8: 0.1}}"),
        ("loss: CategoricalCrossentropy", "training: {class_fractions: {8: null, 3: 0.5}}"),
        ("loss: CategoricalCrossentropy", "variants: {gd: null, a-1: {optimizer: SGD, %s}}"),
        ("loss: CategoricalCrossentropy", "training: {l2: 1e-05, schedule: {name: CosineDecay}}"),
    ],
)
def test_dvc_makes_of_a_set_what_the_patch_means(
    old: str, patch: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a class's fraction is there before, whose key is a number."""
    monkeypatch.chdir(project.path)
    project.edit("params.yaml", old, f"{old}, class_fractions: {{8: 0.5}}")
    (project.path / "experiments/new.yaml").write_text(patch.replace("%s", "learning_rate: 0.1"))
    settings, overrides = experiments.load("new")
    copy = project.path / "copy.yaml"
    copy.write_bytes(project.read("params.yaml"))
    apply_overrides(copy, overrides)
    assert params.load(copy) == settings


def test_what_dvc_cannot_set_is_one_line(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a variant whose name is a number."""
    monkeypatch.chdir(project.path)
    text = 'variants: {"1e5": {optimizer: SGD, learning_rate: 0.1}}'
    (project.path / "experiments/new.yaml").write_text(text)
    with pytest.raises(UserError, match="has names or texts that dvc exp run cannot set") as error:
        experiments.load("new")
    assert "\n" not in str(error.value)


def test_outside_of_git_the_message_is_git_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it is one line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError, match=r"^git rev-parse: fatal: "):
        experiments.run("reference", [])


def test_a_mistake_in_a_set_is_one_line(project: Project) -> None:
    """Exit status 2, before anything runs; those that only Keras finds, too."""
    for text, line in [
        ("seeds: {count: 0}", "experiments/new.yaml: seeds.count: found 0; allowed: greater than"),
        (
            "variants: {gd: null, adan: null}",
            "experiments/new.yaml: variants.adan: null removes a key, but params",
        ),
        (
            "variants: {adam: {optimizer: Adamm}}",
            "experiments/new.yaml: params.yaml: variants.adam.optimizer: found 'Adamm'; allowed: ",
        ),
    ]:
        (project.path / "experiments/new.yaml").write_text(text)
        process = project.start("optledger", "experiment", "new", PYTHONPATH="src")
        printed, _ = process.communicate()
        assert process.returncode == 2
        assert printed.startswith(line)
        assert len(printed.splitlines()) == 1


def test_a_set_runs_as_an_experiment_and_leaves_the_checkout_alone(project: Project) -> None:
    """DVC makes the parameters that the patch means, whatever the user's shell.

    A sweep trains all variants at once; DVC then only puts the results together.
    """
    (project.path / "experiments/small.yaml").write_text(SMALL)
    project.commit()
    before = project.read("mlflow.db")
    printed = project.run(
        *("optledger", "experiment", "small"),
        PYTHONPATH="src",
        SHELL="/usr/sbin/nologin",
        # None that another test has trained.
        OPTLEDGER_TRIALS=str(project.path / FOLDER),
    )
    before_dvc, _, by_dvc = printed.partition("Running stage 'train@")
    trained = re.compile(r"^\w+: learning rate \S+, seed \d+: train accuracy", re.MULTILINE)
    # Three of Adam's search, and Lion. What the search chooses has DVC's cache from the checkout.
    assert len(trained.findall(before_dvc)) == 4
    assert trained.findall(by_dvc) == []
    assert project.run("git", "status", "--porcelain") == ""
    rows = [line.split("|")[2].strip() for line in printed.splitlines() if line[:3] == "| 1"]
    rows += [line.split("|")[2].strip() for line in printed.splitlines() if line[:3] == "| 2"]
    assert sorted(rows) == ["adam", "lion"]
    assert "dvc exp apply small" in printed
    assert project.read("mlflow.db") != before
    # A second one would take its name.
    process = project.start("optledger", "experiment", "small", PYTHONPATH="src")
    assert "to run it again, first: dvc exp remove small" in process.communicate()[0]
    assert process.returncode == 2
    project.run("dvc", "exp", "apply", "small")
    patch = read_yaml(project.path / "experiments/small.yaml")
    committed = YAML(typ="safe").load(project.run("git", "show", "HEAD:params.yaml"))
    wanted = experiments.merge_patch(committed, patch)
    assert read_yaml(project.path / "params.yaml") == wanted
