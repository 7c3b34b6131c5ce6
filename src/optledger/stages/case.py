"""case: follow the article's methods to the known optimum of linear or logistic regression."""

import sys

from optledger import stages
from optledger.cases.problems import problem_of, ways
from optledger.cases.trajectories import follow, method_table, trajectory_table
from optledger.core import params
from optledger.core.documents import mistake, shown
from optledger.core.errors import UserError
from optledger.core.formats import new_files, write_csv, write_text
from optledger.core.paths import CASES, PARAMS
from optledger.figures.case import draw


def main() -> None:
    """Run the stage for the case that the command line names."""
    cases = params.load().cases
    name = sys.argv[1] if len(sys.argv) == 2 else None
    if name not in cases:
        raise UserError(f"case: found {shown(name)} as the case; allowed: {', '.join(cases)}")
    case = cases[name]
    data, problem = problem_of(case)
    examples = len(problem.targets)
    for method, settings in case.methods.items():
        if settings.batch_size != "full" and settings.batch_size > examples:
            key = f"cases.{name}.methods.{method}.batch_size"
            allowed = f"1 to {examples}, the train examples that there are, or full"
            raise UserError(mistake(PARAMS, key, settings.batch_size, allowed))
    optimum = problem.optimum()
    trajectories = {
        method: follow(problem, optimum, visits, case.epochs)
        for method, visits in ways(case, problem).items()
    }
    methods = method_table(case, data, problem, optimum, trajectories)
    points = trajectory_table(trajectories)
    with new_files(CASES / name) as directory:
        write_csv(directory / "trajectories.csv", points)
        write_csv(directory / "methods.csv", methods)
        write_text(directory / "figure.svg", draw(name, points, methods))


if __name__ == "__main__":
    stages.run(main)
