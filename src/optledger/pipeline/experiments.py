"""Other sets of parameters, run as DVC experiments without a change to the checkout.

A set is a file of experiments/: a JSON merge patch (RFC 7396) of params.yaml.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from optledger.core import git, params
from optledger.core.documents import read_yaml, shown
from optledger.core.errors import UserError, printable
from optledger.core.paths import EXPERIMENTS, PARAMS, RESULTS
from optledger.pipeline import toolchain


def load(name: str) -> tuple[params.Params, list[str]]:
    """Read the set `name`.

    Returns:
        The parameters, and the settings with which `dvc exp run` produces them.

    Raises:
        UserError: there is no such set, or it has mistakes; the text has a line for each.
    """
    params.load()
    path = EXPERIMENTS / f"{name}.yaml"
    known = sorted(each.stem for each in EXPERIMENTS.glob("*.yaml"))
    if name not in known:
        there = f"there are {', '.join(known)}" if known else "write the file first"
        raise UserError(f"{EXPERIMENTS}/: has no experiment {shown(name)}; {there}")
    base, patch = read_yaml(PARAMS), read_yaml(path)
    if not isinstance(patch, Mapping):
        raise UserError(f"{path}: the whole file: found {shown(patch)}; allowed: a mapping of keys")
    if missing := list(_removed_in_vain(base, patch)):
        told = "null removes a key, but params.yaml has none of this name"
        raise UserError("\n".join(printable(f"{path}: {key}: {told}") for key in missing))
    wanted = merge_patch(base, patch)
    settings = params.parse(wanted, path)
    changes = list(overrides(base, wanted))
    _check_that_dvc_makes(wanted, changes, path)
    return settings, changes


def _check_that_dvc_makes(wanted: Any, changes: list[str], path: Path) -> None:
    """Check that DVC can make the set from params.yaml; some names and texts it cannot set.

    Raises:
        UserError: DVC fails, or makes other parameters.
    """
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / PARAMS.name
        shutil.copyfile(PARAMS, copy)
        try:
            apply_overrides(copy, changes)
            problem = "" if read_yaml(copy) == wanted else "it makes something else of them"
        except (DvcException, UserError) as error:
            problem = " ".join(str(error).split())
    if problem:
        raise UserError(
            f"{path}: has names or texts that dvc exp run cannot set; use plainer ones: {problem}"
        )


def check_is_new(name: str) -> None:
    """Check that the current commit has no DVC experiment of this name yet.

    Raises:
        UserError: it has one.
    """
    if commit(name, git.run("rev-parse", "HEAD")):
        raise UserError(
            f"{EXPERIMENTS / name}.yaml: this commit has an experiment {name} already (dvc exp "
            f"show lists it); to run it again, first: dvc exp remove {name}"
        )


def run(name: str, settings: list[str]) -> str:
    """Run a set as the DVC experiment `name`, in a copy of the checkout; return its leaderboard.

    Raises:
        UserError: DVC failed; it has printed why.
    """
    baseline = git.run("rev-parse", "HEAD")
    command = [sys.executable, "-m", "dvc", "exp", "run", "--temp", "--name", name]
    for setting in settings:
        command += ["--set-param", setting]
    environment = git.environment() | toolchain.variables()
    if subprocess.run(command, check=False, env=environment).returncode:
        raise UserError(f"{EXPERIMENTS / name}.yaml: dvc exp run failed, as it says above")
    return git.run("show", f"{commit(name, baseline)}:{RESULTS / 'leaderboard.md'}")


def commit(name: str, baseline: str = "HEAD") -> str | None:
    """Return the commit of the DVC experiment `name` of `baseline`; None if there is none."""
    return next(iter(git.experiments(name, baseline)), None)


def merge_patch(target: Any, patch: Any) -> Any:
    """Return `target` after a JSON merge patch: mappings are merged, null removes a key."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def _removed_in_vain(target: Any, patch: Mapping[Any, Any], prefix: str = "") -> Iterator[str]:
    """Yield each key that a patch removes but that does not exist, such as a misspelt name."""
    present = target if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None and key not in present:
            yield f"{prefix}{key}"
        elif isinstance(value, Mapping):
            yield from _removed_in_vain(present.get(key), value, f"{prefix}{key}.")


def overrides(
    base: Mapping[Any, Any], wanted: Mapping[Any, Any], prefix: str = ""
) -> Iterator[str]:
    """Yield the settings, in Hydra's syntax, by which `dvc exp run` turns `base` into `wanted`."""
    for key, value in base.items():
        if key not in wanted:
            yield f"~{prefix}{key}"
        elif _are_sections(value, wanted[key]):
            yield from overrides(value, wanted[key], f"{prefix}{key}.")
        elif value != wanted[key]:
            yield f"~{prefix}{key}"
            yield f"+{prefix}{key}={_flow(wanted[key])}"
    for key, value in wanted.items():
        if key not in base:
            yield f"+{prefix}{key}={_flow(value)}"


def _are_sections(*values: Any) -> bool:
    """Whether all are mappings with texts as keys; others cannot be part of Hydra's paths."""
    return all(
        isinstance(each, Mapping) and all(isinstance(k, str) for k in each) for each in values
    )


def _flow(value: Any) -> str:
    """Return a value in Hydra's syntax: JSON, but with unquoted keys in mappings."""
    match value:
        case Mapping():
            return f"{{{', '.join(f'{key}: {_flow(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(_flow, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False)
