from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optledger.analysis.schemas import SCHEMAS
from optledger.core.formats import write_csv, write_json
from optledger.core.params import Comparison
from optledger.datasets.kinds import classes
from optledger.verification.tolerance import Agreement, OutputComparison
from stored import filled

TRIALS = Path("results/trials/adam")
SEEDS, METRICS_FILE = Path("results/seeds.csv"), Path("results/metrics.json")
CASE = Path("results/cases/linear_regression/methods.csv")
RAW = Path("data/raw")


def seeds(generator: int, shift: float = 0.0, rate: float = 0.001, count: int = 10) -> pd.DataFrame:
    """Ten seeds of a variant, whose metrics spread as on MNIST."""
    spread = 0.002 * np.random.default_rng(generator).standard_normal((count, len(classes.METRICS)))
    table = pd.DataFrame(0.97 + shift + spread, columns=list(classes.METRICS))
    table = table.assign(variant="adam", seed=range(count), learning_rate=rate)
    return filled(table, SCHEMAS["seeds"])


def judged(
    folder: Path,
    expected: pd.DataFrame,
    found: pd.DataFrame,
    changed: set[Path],
    same_instructions: bool = False,
) -> dict[Path, tuple[Agreement, str]]:
    """Judge a commit and its reproduction, in which `changed` have other digests."""
    committed, clone = folder / "committed", folder / "clone"
    for root, table, value in ((committed, expected, 1.0), (clone, found, 1.004)):
        write_csv(root / SEEDS, table)
        write_json(root / METRICS_FILE, {"adam": {"accuracy": value}})
        write_csv(root / CASE, pd.DataFrame({"method": ["sgd"], "suboptimality": [value]}))
    outputs = (RAW, TRIALS, METRICS_FILE, SEEDS, CASE)
    judge = OutputComparison(
        expected=dict.fromkeys(outputs, "a"),
        found={path: "b" if path in changed else "a" for path in outputs},
        original=lambda path: committed / path if (committed / path).exists() else None,
        clone=clone,
        comparison=Comparison(metric="accuracy"),
        same_instructions=frozenset({"adam"} if same_instructions else ()),
    )
    return {path: (agreement, why) for path, agreement, why in judge.verdicts()}


TRAINED = {TRIALS, SEEDS, METRICS_FILE}


def test_equal_digests_are_byte_equal(tmp_path: Path) -> None:
    """Whatever else there is."""
    found = judged(tmp_path, seeds(0), seeds(0), set())
    assert {agreement for agreement, _ in found.values()} == {Agreement.EQUAL}


def test_trainings_that_came_out_as_other_seeds_would_are_close(tmp_path: Path) -> None:
    """And so is what is made of them."""
    found = judged(tmp_path, seeds(0), seeds(1), TRAINED)
    assert all(found[path] == (Agreement.CLOSE, "") for path in TRAINED)


def test_a_shift_that_seeds_do_not_account_for_is_a_difference(tmp_path: Path) -> None:
    """The metric and the first cell are named."""
    agreement, why = judged(tmp_path, seeds(0), seeds(1, shift=0.02), TRAINED)[SEEDS]
    assert agreement == Agreement.DIFFERENT
    assert why.startswith("adam: mean accuracy off by 2.0")
    assert "; line 2, column accuracy: found 0.99" in why


def test_a_shift_within_the_margin_is_none(tmp_path: Path) -> None:
    """Many seeds show 0.1 points not to be 0, and to be less than the margin of 0.3."""
    several = seeds(0, count=400), seeds(1, shift=0.001, count=400)
    assert judged(tmp_path, *several, TRAINED)[TRIALS] == (Agreement.CLOSE, "")


def test_another_learning_rate_is_a_difference(tmp_path: Path) -> None:
    """It was chosen, and verdicts are conditional on it."""
    agreement, why = judged(tmp_path, seeds(0), seeds(1, rate=0.003), TRAINED)[TRIALS]
    assert agreement == Agreement.DIFFERENT
    assert why == "adam: learning_rate: found [0.003]; expected [0.001]"


def test_one_seed_has_to_be_within_the_margin(tmp_path: Path) -> None:
    """As it does not tell how far seeds spread."""
    one = seeds(0, count=1)
    near, far = one.assign(accuracy=one["accuracy"] + 0.002), one.assign(accuracy=0.9)
    assert judged(tmp_path / "a", one, near, TRAINED)[TRIALS][0] == Agreement.CLOSE
    assert judged(tmp_path / "b", one, far, TRAINED)[TRIALS][0] == Agreement.DIFFERENT


def test_on_the_same_instructions_only_equal_bytes_agree(tmp_path: Path) -> None:
    """There, nothing accounts for others."""
    found = judged(tmp_path, seeds(0), seeds(1), TRAINED, same_instructions=True)
    assert all(found[path][0] == Agreement.DIFFERENT for path in TRAINED)


@pytest.mark.parametrize(
    ("path", "agreement"),
    [
        # What is copied and divided depends on no processor.
        (RAW, Agreement.DIFFERENT),
        # 0.4 % apart: within the three digits of a case, not within the six of a table.
        (CASE, Agreement.CLOSE),
        (METRICS_FILE, Agreement.DIFFERENT),
    ],
)
def test_what_equal_trials_came_to_is_equal_but_for_rounding(
    tmp_path: Path, path: Path, agreement: Agreement
) -> None:
    """A table may have other last digits, data none."""
    assert judged(tmp_path, seeds(0), seeds(0), {path})[path][0] == agreement
