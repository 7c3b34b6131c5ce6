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
from optledger.core.documents import mistake, read_yaml, shown
from optledger.core.errors import UserError
from optledger.core.paths import EXPERIMENTS, PARAMS, RESULTS
from optledger.pipeline import toolchain


def load(name: str) -> tuple[params.Params, list[str]]:
    """Read the set `name`.

    Returns:
        The parameters, and what `dvc exp run` has to set for them.

    Raises:
        UserError: there is no such set, or a line for each mistake in it.
    """
    params.load()
    path = EXPERIMENTS / f"{name}.yaml"
    known = sorted(each.stem for each in EXPERIMENTS.glob("*.yaml"))
    if name not in known:
        allowed = ", ".join(known) or "none, as that folder has no such file"
        raise UserError(f"{EXPERIMENTS}/: found no {shown(name)}; allowed: {allowed}")
    base, patch = read_yaml(PARAMS), read_yaml(path)
    if not isinstance(patch, Mapping):
        raise UserError(f"{path}: the whole file: found {shown(patch)}; allowed: a mapping of keys")
    if missing := list(_removed_in_vain(base, patch)):
        lines = (mistake(path, key, None, "null for a key of params.yaml") for key in missing)
        raise UserError("\n".join(lines))
    wanted = merge_patch(base, patch)
    settings = params.parse(wanted, path)
    changes = list(overrides(base, wanted))
    _check_that_dvc_makes(wanted, changes, path)
    return settings, changes


def _check_that_dvc_makes(wanted: Any, changes: list[str], path: Path) -> None:
    """Check that DVC makes the set of params.yaml: there are names and texts that it cannot set.

    Raises:
        UserError: it does not.
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
            f"{path}: the whole file: found names or texts that dvc exp run cannot set; allowed: "
            f"plain ones: {problem}"
        )


def check_is_new(name: str) -> None:
    """Check that a set can be run as a DVC experiment of its name.

    Raises:
        UserError: this commit has an experiment of that name.
    """
    if commit(name, git.run("rev-parse", "HEAD")):
        raise UserError(
            f"{EXPERIMENTS / name}.yaml: found an experiment {name} of this commit; allowed: none; "
            f"dvc exp show lists it, and dvc exp remove {name} makes room for another"
        )


def run(name: str, settings: list[str]) -> str:
    """Run a set as the DVC experiment `name`, in a copy of the checkout; return its leaderboard.

    Raises:
        UserError: DVC failed and has said why.
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
    """Return the commit that DVC keeps an experiment of `baseline` as, or None without one."""
    return next(iter(git.experiments(name, baseline)), None)


def merge_patch(target: Any, patch: Any) -> Any:
    """Return `target` after a JSON merge patch: mappings are merged, null removes."""
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
    """Yield each key that a patch removes and that is not there, as where a name is misspelt."""
    present = target if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None and key not in present:
            yield f"{prefix}{key}"
        elif isinstance(value, Mapping):
            yield from _removed_in_vain(present.get(key), value, f"{prefix}{key}.")


def overrides(
    base: Mapping[Any, Any], wanted: Mapping[Any, Any], prefix: str = ""
) -> Iterator[str]:
    """Yield what `dvc exp run --set-param` makes `wanted` of `base` with, in its Hydra syntax."""
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
    """Whether both are mappings whose keys can stand in a path, which holds texts only."""
    return all(
        isinstance(each, Mapping) and all(isinstance(k, str) for k in each) for each in values
    )


def _flow(value: Any) -> str:
    """Return a value in Hydra's syntax: JSON, but for the keys of mappings."""
    match value:
        case Mapping():
            return f"{{{', '.join(f'{key}: {_flow(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(_flow, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False)
