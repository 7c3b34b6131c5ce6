"""Runs the commit again, and reports how each output agrees."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from optledger.core import params
from optledger.core.formats import markdown
from optledger.core.params import Params
from optledger.core.paths import OBSERVATIONS, PARAMS, TRIALS
from optledger.pipeline.description import opened
from optledger.pipeline.digests import Digests
from optledger.trials.observations import read_observation
from optledger.verification.reproduction import outputs, reproduced
from optledger.verification.tolerance import (
    CASE_TOLERANCE,
    TABLE_TOLERANCE,
    Agreement,
    OutputComparison,
)

_TOLERANCE = (
    "Within tolerance, as on a processor without AVX2: each variant has the learning rate that it "
    "had, and no metric's mean over its seeds is shown to be another one ({confidence:g} % "
    "confidence for all variants and metrics together), unless it is shown to be within the "
    f"margin; numbers of cases are equal to {CASE_TOLERANCE:g}, relative, and those of tables made "
    f"of equal trials to {TABLE_TOLERANCE:g}."
)


def reproduce() -> bool:
    """Run HEAD's pipeline again, print how each output agrees, and return whether all do.

    Raises:
        UserError: HEAD has no results, or its pipeline failed.
    """
    with reproduced() as (committed, clone):
        settings = params.load(clone / PARAMS)
        then, now = _instructions(settings, Path()), _instructions(settings, clone)
        judge = _judge(settings, committed, clone, then, now)
        verdicts = pd.DataFrame(judge.verdicts(), columns=["output", "verdict", "why"])
    print(markdown(verdicts.astype(str)))
    found = verdicts["verdict"].value_counts()
    if len(verdicts) > found.get(Agreement.EQUAL, 0):
        print(_TOLERANCE.format(confidence=100 * settings.comparison.confidence))
        print(f"Instruction set: {_named(now)}; of the committed trials: {_named(then)}")
    counts = ", ".join(f"{found.get(each, 0)} {each}" for each in Agreement)
    print(f"verify --reproduce: {len(verdicts)} outputs: {counts}")
    return Agreement.DIFFERENT not in found


def _judge(
    settings: Params,
    committed: Path,
    clone: Path,
    then: Mapping[str, str],
    now: Mapping[str, str],
) -> OutputComparison:
    expected = outputs(committed)
    with opened() as pipeline:
        digests = Digests(pipeline.files_below, lambda _: None)
        here = {path for path, md5 in expected.items() if digests.of(path) == md5}

    def original(path: Path) -> Path | None:
        """Return where a committed output is; if Git lacks it, the checkout may have it."""
        places = [committed / path, *([path] if path in here else [])]
        return next((each for each in places if each.exists()), None)

    return OutputComparison(
        expected=expected,
        found=outputs(clone),
        original=original,
        clone=clone,
        comparison=settings.comparison,
        same_instructions=frozenset(
            name
            for name, instructions in then.items()
            if TRIALS / name in here and now.get(name) == instructions
        ),
    )


def _instructions(settings: Params, checkout: Path) -> dict[str, str]:
    """Return the instruction set that computed each variant's trials, where it is known."""
    observed = {
        name: read_observation(checkout / OBSERVATIONS / f"{name}.json", checkout / TRIALS / name)
        for name in settings.variants
    }
    return {name: each.instruction_set for name, each in observed.items() if each}


def _named(instructions: Mapping[str, str]) -> str:
    return ", ".join(sorted({*instructions.values()})) or "not known here"
