"""The history of the results: the commits that changed them, as Git has them.

Only first parents of HEAD count: the states that this branch had, one after another. A branch that
was merged counts as its merge. With all commits, those of parallel branches would alternate, and
the difference between two neighbours would be nobody's change.

Two processes of Git read any number of commits. `git rev-list` is `git log` without the user's
settings, and `git cat-file --batch` prints all files. A table that occurs twice is parsed once,
and so is a section of params.yaml.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from typing import Any

import pandas as pd

from optledger.analysis.schemas import SCHEMAS, marked
from optledger.core import git
from optledger.core.documents import mistake, parse_yaml, shown
from optledger.core.errors import UserError
from optledger.core.git import Content
from optledger.core.metric import METRICS
from optledger.core.paths import PARAMS, RESULTS
from optledger.core.tables import parse
from optledger.review.parameters import Document, ParameterChange, pairs, parameter_changes

TABLE = RESULTS / "leaderboard.csv"

_INPUTS = {
    "code": ("src", "models", "dvc.yaml"),
    "pinned packages": ("requirements.lock",),
}
"""The inputs of the results other than parameters: their names in a review, and their paths."""


@dataclass(frozen=True)
class Score:
    """The result of a variant on a metric, at one commit.

    Attributes:
        variant: its name at that commit.
        value: the mean over its seeds.
        low: the lower end of the mean's interval; NaN if an older version had no intervals.
        high: the upper end of the interval.
        seeds: how many seeds it had; None if an older version did not tell.
        diverged_seeds: how many of them diverged.
    """

    variant: str
    value: float
    low: float
    high: float
    seeds: int | None
    diverged_seeds: int


@dataclass(frozen=True)
class Snapshot:
    """The parameters and results of a commit that changed the results.

    Attributes:
        commit: its SHA-1.
        date: the author's date, in ISO 8601.
        subject: the first line of its message.
        has_parent: whether Git has the commit before it.
        problem: why it shows no results: it removed them, or they cannot be read. Else empty.
        parameters: params.yaml; None if it cannot be read.
        leaderboard: results/leaderboard.csv, indexed by variant; None if there is a problem.
        inputs: by name in `_INPUTS`, Git's digest of each path; None for a path that is missing.
    """

    commit: str
    date: str
    subject: str
    has_parent: bool
    problem: str
    parameters: Document | None
    leaderboard: pd.DataFrame | None
    inputs: Mapping[str, Sequence[str | None]]

    @property
    def metric(self) -> str:
        """The name of the deciding metric."""
        return str((self.parameters or {})["comparison"]["metric"])

    @property
    def dataset(self) -> str | None:
        """The name of the dataset; None if the parameters do not tell."""
        dataset = (self.parameters or {}).get("dataset")
        return dataset if isinstance(dataset, str) else None

    @property
    def variants(self) -> list[str]:
        """The names of the variants that have results, the best first."""
        return [] if self.leaderboard is None else [str(each) for each in self.leaderboard.index]

    @property
    def leading(self) -> list[str] | None:
        """The leading group, the best first; None if it is not known."""
        return None if self.leaderboard is None else marked(self.leaderboard, "leading")

    @property
    def champions(self) -> list[str] | None:
        """The champion in a list, which is empty if there is none; None if it is not known."""
        return None if self.leaderboard is None else marked(self.leaderboard, "champion")

    def score(self, variant: str, metric: str) -> Score | None:
        """Return the result of a variant by its name at this commit; None if it has none."""
        if self.leaderboard is None or variant not in self.leaderboard.index:
            return None
        row: dict[str, Any] = {
            str(key): cell for key, cell in self.leaderboard.loc[variant].items()
        }
        if metric not in row or pd.isna(row[metric]):
            return None
        value = float(row[metric])
        # Version 0.1 wrote the half-width of symmetric intervals; earlier ones wrote no intervals.
        half = row.get(f"{metric}_half_width", float("nan"))
        low = row.get(f"{metric}_low", value - float(half))
        high = row.get(f"{metric}_high", value + float(half))
        seeds = row.get("seeds")
        return Score(
            *(variant, value, float(low), float(high)),
            seeds=None if seeds is None else int(seeds),
            diverged_seeds=int(row.get("diverged_seeds", 0)),
        )


@dataclass(frozen=True)
class Changes:
    """What changed between a snapshot and the one before it.

    Attributes:
        parameters: the keys of params.yaml that changed, without variants that were only renamed.
        renamed: the old name of each renamed variant, by its new one.
        inputs: the other inputs that changed, by their names in `_INPUTS`.
    """

    parameters: Sequence[ParameterChange]
    renamed: Mapping[str, str]
    inputs: Sequence[str]


@dataclass(frozen=True)
class History:
    """The history of the results.

    Attributes:
        snapshots: the commits that changed the results, the newest first; at least one.
        is_shallow: whether the clone lacks older commits.
        is_uncommitted: whether the leaderboard in the checkout differs from the one in HEAD.
    """

    snapshots: Sequence[Snapshot]
    is_shallow: bool
    is_uncommitted: bool

    @property
    def present(self) -> Snapshot | None:
        """The newest snapshot that shows results; None if none does."""
        return next((each for each in self.snapshots if not each.problem), None)

    def changes(self) -> list[Changes | None]:
        """Return the changes of each snapshot; None if they are unknown, as for the oldest."""
        return [_changes(older, newer) for newer, older in pairwise(self.snapshots)] + [None]

    def names(self) -> list[Mapping[str, str]]:
        """Return for each snapshot the names that its variants had then, by their last names."""
        found: list[Mapping[str, str]] = []
        last: Mapping[str, str] = {}
        newer: Document | None = None
        for each in self.snapshots:
            if newer is not None and each.parameters is not None:
                both = pairs(each.parameters, newer)
                last = {
                    before: last.get(after, after) for before, after in both if before and after
                }
            newer = each.parameters or newer
            # Two variants may have the same last name, if one took it over from the other. The one
            # that has it in this snapshot is sorted last, and so takes the place of the other.
            own = sorted(each.variants, key=lambda name: last.get(name, name) == name)
            found.append({last.get(name, name): name for name in own})
        return found

    def last_names(self, asked: Sequence[str]) -> list[str]:
        """Return the last names of variants that are given by any name they ever had.

        Raises:
            UserError: no commit has a variant of that name.
        """
        every = self.names()
        known = {name: name for names in every for name in names}
        once = {then: last for names in reversed(every) for last, then in names.items()} | known
        for name in asked:
            if name not in once:
                found = f"no commit has a variant {shown(name)}"
                raise UserError(f"optledger history: {found}; there are {', '.join(known)}")
        return list(dict.fromkeys(once[name] for name in asked))


def read() -> History:
    """Read the history of the checkout in the working directory.

    Raises:
        UserError: there is no Git repository, or no commit with results.
    """
    try:
        shallow = git.run("rev-parse", "--is-shallow-repository")
    except UserError as error:
        remedy = "run it in a checkout of this project"
        raise UserError(f"optledger history: {error}; {remedy}") from None
    listed = ""
    if git.ask("rev-parse", "--verify", "--quiet", "HEAD"):
        # Not `git log`, which obeys settings such as log.showSignature.
        listed = git.run(
            *("rev-list", "--first-parent", "--encoding=UTF-8"),
            *("--format=%H%x00%P%x00%aI%x00%s", "HEAD", "--", str(TABLE)),
        )
    # Git prints a line without NUL before each commit, which this leaves out.
    lines = [line.split("\0") for line in listed.split("\n") if line.count("\0") == 3]
    if not lines:
        found = f"no commit has {TABLE}"
        if shallow == "true":
            found += " in this shallow clone, which git fetch --unshallow completes"
        raise UserError(f"optledger history: {found}; run dvc repro and commit its results")
    return History(
        snapshots=list(_snapshots(lines)),
        is_shallow=shallow == "true",
        is_uncommitted=bool(git.ask("status", "--porcelain", "--", str(TABLE))),
    )


def _snapshots(lines: Sequence[Sequence[str]]) -> Iterator[Snapshot]:
    paths = [str(TABLE), str(PARAMS), *(path for paths in _INPUTS.values() for path in paths)]
    # `./` makes paths relative to this folder, which need not be the root of the repository.
    contents = iter(git.contents([f"{line[0]}:./{path}" for line in lines for path in paths]))
    section = cache(partial(parse_yaml, name=str(PARAMS)))
    document, table = cache(partial(_document, section=section)), cache(_table)
    for commit, parents, date, subject in lines:
        found = {path: next(contents) for path in paths}
        parameters, leaderboard, problem = None, None, ""
        try:
            parameters = document(found[str(PARAMS)])
            if found[str(TABLE)]:
                leaderboard = table(found[str(TABLE)], _metric(parameters))
        except UserError as error:
            problem = f"not readable: {error}"
        if found[str(TABLE)] is None:
            problem = "the results were removed"
        yield Snapshot(
            commit=commit,
            date=date,
            # The bytes may not be text, whatever encoding the commit names.
            subject=os.fsencode(subject).decode(errors="replace"),
            has_parent=bool(parents),
            problem=problem,
            parameters=parameters,
            leaderboard=leaderboard,
            inputs={
                name: [each.digest if (each := found[path]) else None for path in paths]
                for name, paths in _INPUTS.items()
            },
        )


def _document(content: Content | None, section: Callable[[bytes], Any]) -> Document:
    if content is None:
        raise UserError(f"{PARAMS}: not in this commit")
    document = _joined(content.content, section) or parse_yaml(content.content, str(PARAMS))
    if not isinstance(document, Mapping):
        raise UserError(mistake(PARAMS, "the whole file", document, "a mapping"))
    return document


def _joined(content: bytes, section: Callable[[bytes], Any]) -> Document | None:
    """Return params.yaml, joined from its sections; None if they cannot be parsed one by one.

    Parsing the whole file takes ten milliseconds in Python, and most commits change one section.
    """
    if re.search(rb"[&*]|^(---|\.\.\.|%)", content, re.MULTILINE):
        return None
    try:
        parts = [section(each) for each in re.split(rb"^(?=\w+:)", content, flags=re.MULTILINE)]
    except UserError:
        return None
    # A part with comments alone parses to None.
    parts = [each for each in parts if each is not None]
    if not all(isinstance(each, Mapping) for each in parts):
        return None
    joined = {key: value for each in parts for key, value in each.items()}
    return joined if len(joined) == sum(map(len, parts)) else None


def _metric(parameters: Document) -> str:
    match parameters:
        case {"comparison": {"metric": str() as metric}} if metric in METRICS:
            return metric
        case {"comparison": {"metric": found}}:
            pass
        case _:
            found = None
    raise UserError(mistake(PARAMS, "comparison.metric", found, f"one of {', '.join(METRICS)}"))


def _table(content: Content, metric: str) -> pd.DataFrame:
    try:
        # An older version's table may lack the other columns.
        return parse(content.content, SCHEMAS["leaderboard"], ("variant", metric)).set_index(
            "variant"
        )
    except UserError as error:
        raise UserError(f"{TABLE}: {error}") from None


def _changes(before: Snapshot, after: Snapshot) -> Changes | None:
    if before.parameters is None or after.parameters is None:
        return None
    both = pairs(before.parameters, after.parameters)
    renamed = {new: old for old, new in both if old and new and old != new}
    moved = {f"variants.{name}" for pair in renamed.items() for name in pair}
    return Changes(
        parameters=[
            each
            for each in parameter_changes(before.parameters, after.parameters)
            if each.key not in moved
        ],
        renamed=renamed,
        inputs=[name for name in _INPUTS if before.inputs[name] != after.inputs[name]],
    )
