"""Whether outputs that are not byte-equal agree within a tolerance that can be accounted for.

On a processor without AVX2, sums are rounded otherwise, and a training ends elsewhere, about as
far away as with another seed. So a variant's trainings agree if the learning rate that was chosen
is the same, and no metric's mean over the seeds is shown to be another one, unless it is shown to
be within the margin. With the instruction set that the results are from, only equal bytes agree.
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
"""Relative: cases write three digits of what is left above the optimum."""

TABLE_TOLERANCE = 1e-5
"""Relative: tables write six digits."""


class Agreement(StrEnum):
    """How an output came out again."""

    EQUAL = "byte-equal"
    CLOSE = "equal within tolerance"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Judge:
    """Compares the outputs of a commit with those that it came to again.

    Attributes:
        expected: the MD5 of each output of the commit, by its path.
        found: likewise, of the second run.
        original: where a committed output is, or None where it is not here.
        clone: the folder of the second run.
        comparison: the section of params.yaml, for confidence and margins.
        same_instructions: variants whose committed trials are known to be computed with the
            instruction set that this machine computes with.
    """

    expected: Mapping[Path, str]
    found: Mapping[Path, str]
    original: Callable[[Path], Path | None]
    clone: Path
    comparison: Comparison
    same_instructions: frozenset[str] = frozenset()

    def verdicts(self) -> Iterator[tuple[Path, Agreement, str]]:
        """Yield each output, how it agrees, and where it does not, why."""
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
        """Return why an output of other bytes does not agree, or None where it does."""
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
        """Return why an output that is computed from the same input is another one, or None.

        Words and figures are made of the tables beside them.
        """
        tables = [path] if _is_table(path) else self._tables_beside(path)
        for table in tables:
            original = self.original(table)
            if original is None or not are_close(original, self.clone / table, tolerance):
                return f"not equal to {tolerance:g}, relative"
        return None if tables else "other bytes of the same input"

    def _tables_beside(self, path: Path) -> list[Path]:
        """Return the tables in the same folder that are not byte-equal either."""
        beside = [each for each in self.expected if each.parent == path.parent and _is_table(each)]
        return [each for each in beside if not self._is_equal(each)]

    @cached_property
    def _shifts(self) -> dict[str, str | None]:
        """In what each variant's trainings are shown to be others, or None."""
        path = RESULTS / "seeds.csv"
        original = self.original(path)
        if original is None or path not in self.found:
            return {}
        expected, found = (read(each, SCHEMAS["seeds"]) for each in (original, self.clone / path))
        names = sorted({*expected["variant"], *found["variant"]})
        # All variants and metrics together.
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
    """Yield in what two sets of trainings of a variant are shown to be others."""
    for column in ("seed", "learning_rate"):
        values = [sorted({*each[column]}) for each in (found, expected)]
        if values[0] != values[1]:
            yield f"{column}: found {values[0]}; expected {values[1]}"
            return
    for metric in metrics_in(expected):
        samples = [Sample(each[metric].to_numpy(float)) for each in (found, expected)]
        estimate, margin = difference(*samples), comparison.margin(metric)
        if all(math.isnan(each.mean) for each in samples):
            # Of a variant with a diverged seed, in both.
            continue
        if len(found) == 1:
            # One seed does not tell how far seeds spread.
            shifted = not abs(estimate.value) <= margin
        else:
            shifted = math.isnan(estimate.value) or verdict(estimate, alpha, margin) in _SHIFTS
        if shifted:
            yield f"mean {metric} off by {METRICS[metric].amount(estimate.value)}"


_SHIFTS = ("better", "worse")


def _is_table(path: Path) -> bool:
    return path.suffix in (".csv", ".json")
