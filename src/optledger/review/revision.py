"""A revision of this project as Git has it: parameters, results, and what made the results."""

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from dvc.exceptions import DvcException, NotDvcRepoError
from dvc.repo import Repo
from dvc.scm import NoSCM
from ruamel.yaml import YAML

from optledger import git
from optledger.analysis.summary import METRICS
from optledger.documents import read_yaml
from optledger.errors import UserError
from optledger.formats import read_csv
from optledger.paths import LOCK, PARAMS, PREPARED, RESULTS
from optledger.review.parameters import Document
from optledger.verification.chain import Chain
from optledger.verification.digests import tree_digest
from optledger.verification.pipeline import Stage, stages

WORKSPACE = "workspace"
"""DVC's name for the files of the checkout, whether they are committed or not."""

TEST_SPLIT = PREPARED / "test.npz"

# What DVC and Git show of a commit.
_SHORT = 7


@dataclass(frozen=True)
class Revision:
    """What a revision asks for, and what came of it.

    Attributes:
        name: as it was asked for.
        commit: its SHA-1; None for the workspace.
        parameters: params.yaml.
        stages: those of dvc.yaml by name, with what dvc.lock records of them.
        stale: by stage, what is not as dvc.lock records it: the results are not of that.
        seeds: results/seeds.csv.
        leaderboard: results/leaderboard.csv, by variant.
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
        """The name, with the commit where that says more."""
        if self.commit is None:
            return self.name
        if self.commit.startswith(self.name):
            return self.name[:_SHORT]
        return f"{self.name} ({self.commit[:_SHORT]})"

    @property
    def leading(self) -> list[str] | None:
        """The leading group, the best first; None where an older version did not tell."""
        return self._marked("leading")

    @property
    def champion(self) -> str | None:
        """The champion; None where there is none."""
        return next(iter(self._marked("champion") or []), None)

    def _marked(self, column: str) -> list[str] | None:
        if column not in self.leaderboard:
            return None
        return [str(name) for name in self.leaderboard.index[self.leaderboard[column] == 1]]

    def output(self, path: Path) -> str | None:
        """Return the MD5 that dvc.lock records of an output; None where it has none."""
        found = (stage.outputs.get(path) for stage in self.stages.values())
        return next((md5 for md5 in found if md5), None)

    def why_stale(self, variant: str) -> list[str]:
        """Return what the results of a variant are not of; empty where they are as they should."""
        names = ("download", "preprocess", f"train@{variant}", "evaluate")
        reasons = [reason for name in names for reason in self.stale.get(name, ())]
        # What another variant has changed is nothing to this one.
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
        UserError: there is none, or DVC cannot read it.
    """
    try:
        with closing(Repo(".")) as opened:
            if isinstance(opened.scm, NoSCM):
                found = "no Git repository here; allowed: a checkout, whose revisions Git has"
                raise UserError(f"optledger review: found {found}")
            yield opened
    except NotDvcRepoError:
        found = "no DVC repository here; allowed: the folder of a checkout of this project"
        raise UserError(f"optledger review: found {found}") from None
    except DvcException as error:
        raise UserError(f"optledger review: {' '.join(str(error).split())}") from None


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
        raise UserError(f"{name}: found no DVC repository in this folder; {_ALLOWED}") from None
    except DvcException as error:
        if commit is None:
            # Where Git left a conflict, these tell the line.
            read_yaml(PARAMS)
            read_yaml(LOCK)
        raise UserError(f"{name}: {' '.join(str(error).split())}") from None


def resolve(name: str) -> str:
    """Return the commit that Git, or DVC for its experiments, has by a name.

    Raises:
        UserError: there is none, or more than one experiment of that name.
    """
    if commit := name and git.ask("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"):
        return commit
    allowed = f"a Git revision, an experiment of `dvc exp list --all-commits`, or {WORKSPACE}"
    found = _experiments(name)
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(each[:_SHORT] for each in found)
        raise UserError(f"optledger review: found several experiments {name}; allowed: {several}")
    if git.ask("rev-parse", "--is-shallow-repository") == "true":
        allowed += "; this clone is shallow: git fetch --unshallow brings the rest"
    raise UserError(f"optledger review: found no {name!r}; allowed: {allowed}")


def _experiments(name: str) -> list[str]:
    """Return the commits of the experiments of a name: that of HEAD's, if there is one."""
    if not re.fullmatch(r"[\w.+-]+", name):
        return []
    head = git.ask("rev-parse", "HEAD") or ""
    for baseline in (f"{head[:2]}/{head[2:]}", "*/*"):
        reference = f"refs/exps/{baseline}/{name}"
        if found := git.ask("for-each-ref", "--format=%(objectname)", reference):
            return found.split()
    return []


_ALLOWED = "allowed: a revision with the results of dvc repro"


def _read(opened: Any, name: str, commit: str | None) -> Revision:
    # First, as DVC tells of what is wrong with any of its files.
    found = {stage.name: stage for stage in stages(opened)}
    if not found:
        raise UserError(f"{name}: dvc.yaml: found no pipeline; {_ALLOWED}")

    def content(path: Path) -> bytes:
        try:
            return bytes(opened.fs.cat_file(opened.fs.join(opened.root_dir, *path.parts)))
        except FileNotFoundError:
            raise UserError(f"{name}: {path}: found nothing; {_ALLOWED}") from None

    def table(path: Path, *columns: str) -> pd.DataFrame:
        try:
            found = read_csv(io.BytesIO(content(path)))
        except ValueError:
            found = pd.DataFrame()
        if lacking := [column for column in columns if column not in found]:
            told = f"found no column {lacking[0]}; allowed: the table that dvc repro writes"
            raise UserError(f"{name}: {path}: {told}")
        return found

    seeds = table(RESULTS / "seeds.csv", "variant", "seed", *METRICS, "diverged_epoch")
    leaderboard = table(RESULTS / "leaderboard.csv", "variant").set_index("variant")
    return Revision(
        name=name,
        commit=commit,
        parameters=YAML(typ="safe").load(content(PARAMS)),
        stages=found,
        stale=dict(_stale(opened, found)),
        seeds=seeds,
        leaderboard=leaderboard,
    )


def _stale(opened: Any, found: Mapping[str, Stage]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield by stage what is not as dvc.lock records it, where there is such a thing."""
    outputs = {path: md5 for stage in found.values() for path, md5 in stage.outputs.items()}

    @cache
    def digest(path: Path) -> str | None:
        inner = {output: md5 for output, md5 in outputs.items() if path in output.parents}
        return _digest_of_outputs(opened, path, inner) if inner else _digest(opened, path)

    def is_other(stage: Stage, path: Path) -> bool:
        """Whether a dependency is another one; of folders that are not at hand, by their size."""
        sizes = [
            each.sizes[output]
            for each in found.values()
            for output in each.outputs
            if path in output.parents
        ]
        if not sizes or digest(path) is not None:
            return True
        return None not in sizes and sum(filter(None, sizes)) != stage.sizes[path]

    recorded = any(stage.recorded for stage in found.values() if stage.outputs)
    chain = Chain(list(found.values()), (), digest)
    for name, stage in found.items():
        reasons = [
            f"{path}: {key}" if key else str(path)
            for path, key in chain.changes(stage)
            if key or is_other(stage, path)
        ]
        if not stage.recorded:
            reasons = [f"{LOCK}: {name}" if recorded else str(LOCK)]
        # A table in Git that is another one than the stage wrote.
        reasons += [
            str(path)
            for path, md5 in stage.outputs.items()
            if md5 and path not in stage.cached and digest(path) != md5
        ]
        if reasons and not stage.always_runs:
            yield name, tuple(reasons)


def _digest_of_outputs(opened: Any, folder: Path, outputs: Mapping[Path, str | None]) -> str | None:
    """Return the MD5 of a folder that stages write folders to; None where DVC's cache lacks one."""
    entries = {}
    for output, md5 in outputs.items():
        place = Path(opened.cache.local.oid_to_path(md5)) if md5 else None
        if place is None or place.suffix != ".dir" or not place.is_file():
            return None
        for entry in json.loads(place.read_bytes()):
            entries[f"{output.relative_to(folder)}/{entry['relpath']}"] = entry["md5"]
    return tree_digest(entries)


def _digest(opened: Any, path: Path) -> str | None:
    """Return the MD5 of a file or folder of the revision, as dvc.lock has it."""
    fs = opened.fs
    place = fs.join(opened.root_dir, *path.parts)
    if not fs.isdir(place):
        return md5_of(fs.cat_file(place)) if fs.exists(place) else None
    files = opened.dvcignore.find(fs, place)
    return tree_digest({"/".join(fs.relparts(f, place)): md5_of(fs.cat_file(f)) for f in files})


def md5_of(content: bytes) -> str:
    """Return the MD5 of a file's content, in hexadecimal."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
