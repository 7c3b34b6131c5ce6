"""Decides whether outputs that are not byte-equal agree within a justified tolerance.

A processor without AVX2 rounds sums differently. Its trainings end with other weights, about as far
away as those of another seed. So a variant's trainings agree under two conditions:

- The chosen learning rate is the same.
- No metric's mean over the seeds is shown to differ, unless the difference is shown to be within
  the margin.

With the instruction set that the results are from, only equal bytes agree.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import pandas as pd

from optledger.analysis.schemas import SCHEMAS
from optledger.analysis.statistics import Sample, difference, verdict
from optledger.core.metric import METRICS, metrics_in
from optledger.core.params import Comparison
from optledger.core.paths import CASES, RESULTS, TRIALS
from optledger.core.tables import read
from optledger.verification.differences import are_close, first_difference

CASE_TOLERANCE = 0.01
"""A relative tolerance: cases write three digits of the loss above the optimum."""

TABLE_TOLERANCE = 1e-5
"""A relative tolerance: tables write six digits."""


class Agreement(StrEnum):
    """How an output of the second run agrees with the committed one."""

    EQUAL = "byte-equal"
    CLOSE = "equal within tolerance"
    DIFFERENT = "different"


@dataclass(frozen=True)
class OutputComparison:
    """Compares the outputs of a commit with those of a second run.

    Attributes:
        expected: the MD5 of each output of the commit, by the output's path.
        found: the MD5 of each output of the second run, by the output's path.
        original: a function that returns where a committed output is; None if it is not here.
        clone: the folder of the second run.
        comparison: the section `comparison` of params.yaml, for its confidence and margins.
        same_instructions: the variants whose committed trials are known to have used the same
            instruction set as the second run.
    """

    expected: Mapping[Path, str]
    found: Mapping[Path, str]
    original: Callable[[Path], Path | None]
    clone: Path
    comparison: Comparison
    same_instructions: frozenset[str] = frozenset()

    def verdicts(self) -> Iterator[tuple[Path, Agreement, str]]:
        """Yield each output, how it agrees, and the reason if it is different."""
        for path in {**self.expected, **self.found}:
            if self._is_equal(path):
                yield path, Agreement.EQUAL, ""
            elif path not in self.found or path not in self.expected:
                missing = "found nothing" if path not in self.found else "expected nothing"
                yield path, Agreement.DIFFERENT, missing
            elif reason := self._reason(path):
                original = self.original(path)
                where = first_difference(original, self.clone / path) if original else None
                yield path, Agreement.DIFFERENT, "; ".join(filter(None, (reason, where)))
            else:
                yield path, Agreement.CLOSE, ""

    def _is_equal(self, path: Path) -> bool:
        return path in self.expected and self.expected[path] == self.found.get(path)

    def _reason(self, path: Path) -> str | None:
        """Return why an output with other bytes does not agree; None if it does."""
        if not path.is_relative_to(RESULTS):
            return "what is not computed depends on no processor"
        if path.is_relative_to(TRIALS):
            return self._shifts.get(path.name, "not in seeds.csv")
        if path.is_relative_to(CASES):
            return self._beyond_rounding(path, CASE_TOLERANCE)
        if all(map(self._is_equal, self._trials)):
            return self._beyond_rounding(path, TABLE_TOLERANCE)
        return next(filter(None, self._shifts.values()), None)

    @property
    def _trials(self) -> list[Path]:
        return [path for path in self.expected if path.is_relative_to(TRIALS)]

    def _beyond_rounding(self, path: Path, tolerance: float) -> str | None:
        """Return why an output differs by more than rounding, given equal inputs; None if not.

        Texts and figures are judged by the tables beside them, from which they are made.
        """
        tables = [path] if _is_table(path) else self._tables_beside(path)
        for table in tables:
            original = self.original(table)
            if original is None or not are_close(original, self.clone / table, tolerance):
                return f"not equal to {tolerance:g}, relative"
        return None if tables else "other bytes of the same input"

    def _tables_beside(self, path: Path) -> list[Path]:
        """Return the tables in the folder of `path` that are not byte-equal either."""
        beside = [each for each in self.expected if each.parent == path.parent and _is_table(each)]
        return [each for each in beside if not self._is_equal(each)]

    @cached_property
    def _shifts(self) -> dict[str, str | None]:
        """By variant, how its trainings are shown to differ; None if they are not."""
        path = RESULTS / "seeds.csv"
        original = self.original(path)
        if original is None or path not in self.found:
            return {}
        expected, found = (read(each, SCHEMAS["seeds"]) for each in (original, self.clone / path))
        names = sorted({*expected["variant"], *found["variant"]})
        # The confidence is that of all variants and metrics together (Bonferroni).
        alpha = (1 - self.comparison.confidence) / (len(names) * len(metrics_in(expected)))
        shifts: dict[str, str | None] = {}
        for name in names:
            if name in self.same_instructions and not self._is_equal(TRIALS / name):
                shifts[name] = f"{name}: other bytes, with the instruction set that they are from"
            else:
                old, new = (table[table["variant"] == name] for table in (expected, found))
                shift = next(_shifted(new, old, self.comparison, alpha), None)
                shifts[name] = shift and f"{name}: {shift}"
        return shifts


def _shifted(
    found: pd.DataFrame, expected: pd.DataFrame, comparison: Comparison, alpha: float
) -> Iterator[str]:
    """Yield each way in which two sets of a variant's trainings are shown to differ."""
    for column in ("seed", "learning_rate"):
        values = [sorted({*each[column]}) for each in (found, expected)]
        if values[0] != values[1]:
            yield f"{column}: found {values[0]}; expected {values[1]}"
            return
    for metric in metrics_in(expected):
        samples = [Sample(each[metric].to_numpy(float)) for each in (found, expected)]
        estimate, margin = difference(*samples), comparison.margin(metric)
        if all(math.isnan(each.mean) for each in samples):
            # A seed of the variant diverged in both sets.
            continue
        if len(found) == 1:
            # One seed shows no spread, so the difference alone decides.
            shifted = not abs(estimate.value) <= margin
        else:
            shifted = math.isnan(estimate.value) or verdict(estimate, alpha, margin) in _SHIFTS
        if shifted:
            yield f"mean {metric} off by {METRICS[metric].amount(estimate.value)}"


_SHIFTS = ("better", "worse")


def _is_table(path: Path) -> bool:
    return path.suffix in (".csv", ".json")
