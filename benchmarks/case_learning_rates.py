"""Try learning rates for the cases in params.yaml: 1, 2 and 5 times powers of ten.

The best rate takes the fewest epochs to a relative suboptimality of FLOOR, and is still there after
the last epoch. If no rate does that, the best is the one with the lowest suboptimality at the end.
All is on the train examples: the cases ask how fast a method minimizes a loss at its best rate.
"""

from itertools import takewhile

import numpy as np

from optledger.cases.problem import Problem
from optledger.cases.problems import problem_of, ways
from optledger.cases.rules import Array
from optledger.cases.trajectories import FLOOR, follow
from optledger.core import errors, params
from optledger.core.params import Case

RATES = [digit * 10.0**power for power in range(-4, 2) for digit in (1, 2, 5)]


def main() -> None:
    """Print the four best rates for each case and method, beside the one in params.yaml."""
    for name, case in params.load().cases.items():
        _, problem = problem_of(case)
        optimum = problem.optimum()
        for method, settings in case.methods.items():
            outcomes = []
            for rate in RATES:
                one = settings.model_copy(update={"learning_rate": rate})
                alone = case.model_copy(update={"methods": {method: one}})
                outcomes.append(_try(rate, alone, method, problem, optimum))
            shown = "; ".join(text for *_, text in sorted(outcomes)[:4])
            print(f"{name}: {method}: {shown}; …; in params.yaml: {settings.learning_rate:g}")


def _try(
    rate: float, case: Case, method: str, problem: Problem, optimum: Array
) -> tuple[float, int, float, str]:
    """Return three numbers to sort a rate by, the best lowest, and its outcome in words."""
    way = ways(case, problem)[method]
    arrival = follow(problem, optimum, way, case.epochs)
    epochs, last = int(arrival.epochs[-1]), float(arrival.suboptimality[-1])
    if arrival.diverged_epoch is not None:
        return np.inf, epochs, rate, f"{rate:g} diverges"
    if last > FLOOR:
        return last, epochs, rate, f"{rate:g} comes to {last:.1e}"
    # Go on from where it arrived, to see whether it stays.
    for visit in takewhile(lambda visit: visit.epoch <= case.epochs, way):
        least, excess = problem.loss(optimum), problem.loss(problem.start) - problem.loss(optimum)
        last = (problem.loss(visit.weights) - least) / excess
    if last > FLOOR:
        return last, epochs, rate, f"{rate:g} arrives in {epochs} epochs and leaves again"
    return FLOOR, epochs, rate, f"{rate:g} arrives in {epochs} epochs"


if __name__ == "__main__":
    errors.run(main)
