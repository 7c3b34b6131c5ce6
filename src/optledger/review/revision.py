"""A revision of this project: its parameters, its results, and what the results were made from."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from dvc.exceptions import DvcException, NotDvcRepoError
from dvc.scm import NoSCM

from optledger.analysis.schemas import SCHEMAS, marked
from optledger.core import git
from optledger.core.documents import mistake, parse_yaml, shown
from optledger.core.errors import UserError
from optledger.core.metric import metrics_in
from optledger.core.paths import PARAMS, PREPARED, RESULTS
from optledger.core.tables import parse
from optledger.pipeline.description import DOCUMENTS, Stage, open_repository, stages
from optledger.review.parameters import Document
from optledger.review.staleness import not_run_since

WORKSPACE = "workspace"
"""DVC's name for the files of the checkout, committed or not."""

TEST_SPLIT = PREPARED / "test.npz"

# How many characters of a commit's SHA-1 are shown, as by DVC and Git.
_SHORT = 7


@dataclass(frozen=True)
class Revision:
    """The parameters and the results of a revision.

    Attributes:
        name: the name by which it was asked for.
        commit: its SHA-1; None for the workspace.
        parameters: params.yaml.
        stages: the stages of dvc.yaml by name, with what dvc.lock records of them.
        stale: by stage, the files and keys that are not as dvc.lock records them. The results were
            made from something else.
        seeds: results/seeds.csv.
        leaderboard: results/leaderboard.csv, indexed by variant.
    """

    name: str
    commit: str | None
    parameters: Document
    stages: Mapping[str, Stage]
    stale: Mapping[str, tuple[str, ...]]
    seeds: pd.DataFrame
    leaderboard: pd.DataFrame

    @property
    def label(self) -> str:
        """The name, with the short commit if that says more."""
        if self.commit is None:
            return self.name
        if self.commit.startswith(self.name):
            return self.name[:_SHORT]
        return f"{self.name} ({self.commit[:_SHORT]})"

    @property
    def block(self) -> int:
        """How many seeds share a search; 1 if all of them do, so that there are no blocks."""
        match self.parameters:
            case {"seeds": {"per_search": int() as block}} if block > 1:
                return block
        return 1

    @property
    def leading(self) -> list[str] | None:
        """The leading group, the best first; None if an older version did not tell."""
        return marked(self.leaderboard, "leading")

    @property
    def champions(self) -> list[str] | None:
        """The champion in a list, empty if there is none; None if an older version did not tell."""
        return marked(self.leaderboard, "champion")

    @property
    def counts(self) -> list[int]:
        """How many seeds each variant has."""
        return [int(count) for count in self.seeds.groupby("variant").size()]

    def output(self, path: Path) -> str | None:
        """Return the MD5 that dvc.lock records of an output; None if it records none."""
        found = (stage.outputs.get(path) for stage in self.stages.values())
        return next((md5 for md5 in found if md5), None)

    def why_stale(self, variant: str) -> list[str]:
        """Return what changed since the results of a variant were made; empty if nothing did."""
        names = ("download", "preprocess", f"train@{variant}", "evaluate")
        reasons = [reason for name in names for reason in self.stale.get(name, ())]
        # Changed parameters of other variants do not concern this one.
        others = f"{PARAMS}: variants."
        own = f"{others}{variant}"
        return list(
            dict.fromkeys(
                reason
                for reason in reasons
                if not reason.startswith(others) or reason == own or reason.startswith(f"{own}.")
            )
        )


@contextmanager
def repository() -> Iterator[Any]:
    """Yield DVC's repository of the working directory.

    Raises:
        UserError: there is no DVC or Git repository, or DVC cannot read it.
    """
    try:
        with open_repository() as opened:
            if isinstance(opened.scm, NoSCM):
                remedy = "run it in a checkout of this project"
                raise UserError(f"optledger review: there is no Git repository here; {remedy}")
            yield opened
    except NotDvcRepoError:
        remedy = "run it in a checkout of this project"
        raise UserError(f"optledger review: there is no DVC repository here; {remedy}") from None
    except DvcException as error:
        raise UserError(f"optledger review: {' '.join(str(error).split())}") from None
    except UnicodeEncodeError as error:
        # The name may be that of any folder, as DVC looks at all of them.
        remedy = "rename it, or set a locale with UTF-8: LC_ALL=C.UTF-8"
        raise UserError(
            f"optledger review: the name {shown(error.object)} cannot be used here; {remedy}"
        ) from None


def read(opened: Any, name: str) -> Revision:
    """Read a revision of an open repository.

    Args:
        opened: DVC's repository.
        name: a Git revision, a DVC experiment, or `workspace`.

    Raises:
        UserError: there is no such revision, it has no results, or DVC cannot read it.
    """
    commit = None if name == WORKSPACE else resolve(name)
    try:
        with opened.switch(commit or WORKSPACE):
            return _read(opened, name, commit)
    except NotDvcRepoError:
        raise UserError(f"{name}: this folder has no DVC repository; {_REMEDY}") from None
    except DvcException as error:
        raise UserError(f"{name}: {' '.join(str(error).split())}") from None


def resolve(name: str) -> str:
    """Return the commit of a Git revision, or of a DVC experiment, by its name.

    Raises:
        UserError: there is none, or several experiments have that name.
    """
    if commit := name and git.ask("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"):
        return commit
    known = f"a Git revision, an experiment of `dvc exp list --all-commits`, or {WORKSPACE}"
    found = git.experiments(name, "HEAD") or git.experiments(name)
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(each[:_SHORT] for each in found)
        raise UserError(
            f"optledger review: several experiments are called {name}; name one of {several}"
        )
    if git.ask("rev-parse", "--is-shallow-repository") == "true":
        known += "; this clone is shallow: git fetch --unshallow brings the rest"
    raise UserError(f"optledger review: there is no {name!r}; name {known}")


_REMEDY = "name a revision with the results of dvc repro"


def _read(opened: Any, name: str, commit: str | None) -> Revision:
    def content(path: Path) -> bytes:
        try:
            return bytes(opened.fs.cat_file(opened.fs.join(opened.root_dir, *path.parts)))
        except FileNotFoundError:
            raise UserError(f"{name}: it has no {path}; {_REMEDY}") from None
        except OSError as error:
            raise UserError(f"{name}: {path}: {error.strerror}") from None

    # Parsed here first: DVC misses some mistakes, and does not tell the line of the others.
    prefix = "" if commit is None else f"{name}: "
    parameters = parse_yaml(content(PARAMS), f"{prefix}{PARAMS}")
    if not isinstance(parameters, Mapping):
        told = mistake(f"{prefix}{PARAMS}", "the whole file", parameters, "a mapping")
        raise UserError(told)
    for path in DOCUMENTS:
        if opened.fs.exists(opened.fs.join(opened.root_dir, *path.parts)):
            parse_yaml(content(path), f"{prefix}{path}")
    try:
        found = {stage.name: stage for stage in stages(opened)}
    except UserError as error:
        raise UserError(f"{prefix}{error}") from None
    if not found:
        raise UserError(f"{name}: dvc.yaml has no pipeline; {_REMEDY}")

    def table(kind: str, *needed: str) -> pd.DataFrame:
        path = RESULTS / f"{kind}.csv"
        stored = content(path)
        try:
            return parse(stored, SCHEMAS[kind], needed)
        except UserError as error:
            raise UserError(f"{name}: {path}: {error}") from None

    # An older version's tables may lack the other columns.
    seeds = table("seeds", "variant", "seed", "diverged_epoch")
    if not metrics_in(seeds):
        raise UserError(f"{name}: {RESULTS / 'seeds.csv'}: it has no metric; {_REMEDY}")
    leaderboard = table("leaderboard", "variant").set_index("variant")
    return Revision(
        name=name,
        commit=commit,
        parameters=parameters,
        stages=found,
        stale=dict(not_run_since(opened, found)),
        seeds=seeds,
        leaderboard=leaderboard,
    )
