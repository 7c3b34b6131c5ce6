"""Count how often `optledger review --fail-on worse` fails if nothing but the seeds differs.

`make gate` runs this at the root of the repository. It prints Markdown, and ends with exit status 1
if the gate fails more often than promised.

In a checkout of this project that is set to scikit-learn's digits, `dvc repro` trains a pool of
seeds. Each review is of two commits with seeds of their own. Their trials and predictions are taken
from the pool, the stages make their tables, and DVC makes their dvc.lock. At the end `dvc repro`
makes the last commit once more, which must change nothing.
"""

import argparse
import io
import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import chdir, closing, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
from dvc.repo import Repo
from numpy.typing import NDArray

import digits
from calibration import Question, Share, markdown
from optledger.analysis.schemas import read_results
from optledger.core import errors, tables
from optledger.core.formats import new_directory, read_npz, write_csv, write_npz
from optledger.core.paths import PARAMS, PREDICTIONS, TRIALS
from optledger.review.effects import Review
from optledger.review.evidence import Evidence
from optledger.review.judging import join, review
from optledger.stages import compare, evaluate
from optledger.trials.records import SCHEMAS
from optledger.trials.trial import Predictions
from project import Project, new_project

REVIEWS = 200

# The seeds of Adam lie close together. Those of gd and SGD spread widely, SGD's with a tail of
# poor ones.
VARIANTS = {
    "adam": "{optimizer: Adam, learning_rate: 0.01}",
    "gd": "{optimizer: SGD, learning_rate: 0.5, batch_size: full, epochs: 5}",
    "sgd": "{optimizer: SGD, learning_rate: 0.3}",
}
WORSE_ADAM = "{optimizer: Adam, learning_rate: 0.005}"

DOCUMENT = """\
dataset: digits
split: {{validation_fraction: 0.1, seed: 0}}
model: {{name: mlp, hidden_units: [16]}}
training: {{epochs: 3, batch_size: 32, loss: CategoricalCrossentropy}}
search: {{strategy: grid, trials: 3, seed: 1000000}}
seeds: {{first: {first}, count: {count}}}
convergence: {{patience: 2}}
comparison: {{metric: accuracy}}
cases:
  linear_regression:
    model: linear_regression
    test_fraction: 0.2
    seed: 7
    l2: 0
    epochs: 40
    methods:
      momentum: {{rule: momentum, learning_rate: 5}}
variants: {{{variants}}}
"""

# What may happen in a review.
FAILS = "nothing but seeds: the gate fails"
APART = "nothing but seeds: any variant better or worse"
BLIND = "nothing but seeds, no predictions in the cache: the gate fails"
NAIVE = "nothing but seeds: any mean is lower"
POWER = "adam's learning rate halved: the gate fails"
ERRORS = (FAILS, APART, BLIND)

POWER_REVIEWS = 50
COMMAND_REVIEWS = 5
"""How many reviews the command line repeats, besides those whose gate fails for seeds alone."""


def main() -> None:
    """Train, review, and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", type=int, nargs="*", default=[5], help="of each revision")
    counts = parser.parse_args().seeds
    logging.getLogger("dvc").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        digits.write(folder)
        pool = range(2 * REVIEWS * max(counts))
        text = document(pool, VARIANTS | {"worse": WORSE_ADAM})
        project = new_project(folder / "checkout", digits.registry_entry(folder), text)
        os.environ["DVC_SITE_CACHE_DIR"] = str(folder / "site cache")
        say(f"dvc repro, of {len(pool)} seeds")
        project.run("dvc", "repro", "compare", "case@linear_regression")
        with chdir(project.path):
            accuracy = read_results("seeds")["seeds"].groupby("variant")["accuracy"]
            print(f"**Accuracy of the {len(pool)} seeds that reviews draw from**\n")
            print(accuracy.agg(["mean", "std", "skew"]).round(4).to_markdown(), end="\n\n")
            bench = Bench(project, {each: read(each) for each in (*VARIANTS, "worse")})
            shares = [share for seeds in counts for share in bench.shares(seeds)]
        say("dvc repro, of the last commit")
        project.run("dvc", "repro", "--force", "compare")
        changed = project.run("git", "status", "--porcelain")
    print(markdown(shares))
    print(f"The command line agreed in all {bench.commands} reviews that it made, too.")
    print(f"`dvc repro` of the last commit changed {changed or 'nothing'}.")
    sys.exit(1 if changed or not all(share.passes for share in shares) else 0)


def document(seeds: range, variants: Mapping[str, str]) -> str:
    """Return params.yaml with these seeds and variants."""
    entries = ", ".join(f"{name}: {entry}" for name, entry in variants.items())
    return DOCUMENT.format(first=seeds.start, count=len(seeds), variants=entries)


@dataclass(frozen=True)
class Trials:
    """A variant's trials with the seeds from 0 on, as the stages wrote them.

    Attributes:
        tables: the tables of results/trials/VARIANT/, by the names of their files.
        weights: the arrays of weights.npz in that folder, by name.
        predictions: the arrays of results/predictions/VARIANT.npz, by name.
    """

    tables: Mapping[str, pd.DataFrame]
    weights: Mapping[str, NDArray[Any]]
    predictions: Mapping[str, NDArray[Any]]

    def write(self, folder: Path, seeds: range) -> None:
        """Write the folder that `train` would write for these seeds alone."""
        for name, table in self.tables.items():
            write_csv(folder / name, table[table["seed"].isin(set(map(str, seeds)))])
        weights = {path: array[seeds] for path, array in self.weights.items()}
        write_npz(folder / "weights.npz", weights)

    def predict(self, seeds: range) -> list[Predictions]:
        """Return the predictions that `evaluate` would make with the weights of these seeds."""
        arrays = (self.predictions[name][seeds] for name in Predictions._fields)
        return [Predictions(*each) for each in zip(*arrays, strict=True)]


def read(variant: str) -> Trials:
    """Read a variant's trials."""
    folder = TRIALS / variant
    read_as_text = {
        f"{name}.csv": tables.read(folder / f"{name}.csv", schema, as_text=True)
        for name, schema in SCHEMAS.items()
    }
    predictions = read_npz(PREDICTIONS / f"{variant}.npz")
    return Trials(read_as_text, read_npz(folder / "weights.npz"), predictions)


@dataclass
class Bench:
    """Makes commits and reviews them.

    Attributes:
        project: the checkout; it is the working directory.
        pool: all trials by variant.
        commands: how many reviews the command line has made.
    """

    project: Project
    pool: Mapping[str, Trials]
    commands: int = field(default=0, init=False)

    def shares(self, seeds: int) -> Iterator[Share]:
        """Make all reviews with so many seeds in a revision; yield the share of each event."""
        counts, draws = Counter[str](), Counter[str]()
        for number in range(REVIEWS):
            middle = seeds * (2 * number + 1)
            first, second = range(middle - seeds, middle), range(middle, middle + seeds)
            self.commit(first)
            self.commit(second)
            happened = dict(self.seeds_alone(number < COMMAND_REVIEWS))
            if number < POWER_REVIEWS:
                self.commit(second, worse=True)
                happened[POWER] = self.fails("HEAD~2", number < COMMAND_REVIEWS)
            counts.update(what for what, is_so in happened.items() if is_so)
            draws.update(happened.keys())
            if number % 10 == 9:
                say(f"{number + 1} of {REVIEWS} reviews with {seeds} seeds")
        for what in draws:
            title = f"What {REVIEWS} reviews of three variants find, % of reviews"
            question = Question(title, what, bool, limited=what in ERRORS)
            yield Share(question, seeds, counts[what], draws[what])

    def seeds_alone(self, command: bool) -> Iterator[tuple[str, bool]]:
        """Review the last two commits; yield each event that may happen, and whether it did."""
        found = judged("HEAD~1")
        fails = bool(found.with_verdict("worse"))
        if command or fails:
            self.check_command("HEAD~1", fails)
        yield FAILS, fails
        yield APART, bool(found.with_verdict("better")) or fails
        nowhere = Evidence(found.base, found.head, lambda md5: Path("nowhere", md5))
        yield (
            BLIND,
            bool(join(found.base, found.head, nowhere, found.history).with_verdict("worse")),
        )
        yield NAIVE, any(deciding(found, "difference")[name] < 0 for name in VARIANTS)

    def fails(self, base: str, command: bool) -> bool:
        """Review HEAD against a base; return whether the gate fails."""
        fails = bool(judged(base).with_verdict("worse"))
        if command:
            self.check_command(base, fails)
        return fails

    def check_command(self, base: str, fails: bool) -> None:
        """Check that the gate of the command line fails, or passes, as expected."""
        command = ("optledger", "review", base, "HEAD", "--fail-on", "worse")
        process = self.project.start(*command, PYTHONPATH="src")
        printed, _ = process.communicate()
        assert process.returncode == fails, printed
        self.commands += 1

    def commit(self, seeds: range, worse: bool = False) -> None:
        """Commit what the pipeline makes of these seeds."""
        variants, pool = VARIANTS, self.pool
        if worse:
            variants, pool = variants | {"adam": WORSE_ADAM}, {**pool, "adam": pool["worse"]}
        PARAMS.write_text(document(seeds, variants))
        for name in variants:
            with new_directory(TRIALS / name) as folder:
                pool[name].write(folder, seeds)
        predictions = {name: pool[name].predict(seeds) for name in variants}
        with (
            # The only part that would need TensorFlow.
            patch.object(evaluate, "_predict", lambda settings, classes: predictions),
            redirect_stdout(io.StringIO()),
        ):
            evaluate.main()
            compare.main()
        with closing(Repo(".")) as repository:
            repository.commit("compare", with_deps=True, force=True)
        self.project.commit()


def judged(base: str) -> Review:
    """Review HEAD; check that every variant is judged with the noise of seeds and of images."""
    found = review(base, "HEAD")
    assert deciding(found, "noise") == dict.fromkeys(VARIANTS, "seeds and images")
    return found


def deciding(found: Review, column: str) -> dict[str, Any]:
    """Return, by variant, a column of a review's row of the deciding metric."""
    return {effect.variant: effect.decisive[column] for effect in found.effects}


def say(what: str) -> None:
    """Print the progress on the error stream."""
    print(f"gate: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    errors.run(main)
