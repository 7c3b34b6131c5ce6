"""Other sets of parameters, run as DVC experiments without a change to the checkout.

A set is a file of experiments/: a JSON merge patch (RFC 7396) of params.yaml.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from optledger import params
from optledger.documents import read_yaml, shown
from optledger.errors import UserError
from optledger.paths import EXPERIMENTS, PARAMS, RESULTS

LEADERBOARD = RESULTS / "leaderboard.md"


def load(name: str) -> tuple[params.Params, list[str]]:
    """Read the set `name`.

    Returns:
        The parameters, and what `dvc exp run` has to set for them.

    Raises:
        UserError: there is no such set, or a line for each mistake in it.
    """
    path = EXPERIMENTS / f"{name}.yaml"
    known = sorted(each.stem for each in EXPERIMENTS.glob("*.yaml"))
    if name not in known:
        allowed = ", ".join(known)
        raise UserError(f"{EXPERIMENTS}/: found no {shown(name)}; allowed: {allowed}")
    params.load()
    base, patch = read_yaml(PARAMS), read_yaml(path)
    if not isinstance(patch, Mapping):
        raise UserError(f"{path}: the whole file: found {shown(patch)}; allowed: a mapping of keys")
    wanted = merge_patch(base, patch)
    return params.parse(wanted, path), list(overrides(base, wanted))


def run(name: str, settings: list[str]) -> str:
    """Run a set as the DVC experiment `name`, in a copy of the checkout; return its leaderboard.

    Raises:
        UserError: DVC failed, and has said why.
    """
    command = ["dvc", "exp", "run", "--temp", "--force", "--name", name]
    for setting in settings:
        command += ["--set-param", setting]
    if subprocess.run(command, check=False).returncode:
        raise UserError(f"{EXPERIMENTS / name}.yaml: dvc exp run failed")
    baseline = _git("rev-parse", "HEAD").strip()
    return _git("show", f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}:{LEADERBOARD}")


def merge_patch(target: Any, patch: Any) -> Any:
    """Return `target` after a JSON merge patch: mappings are merged, null removes."""
    if not isinstance(patch, Mapping):
        return patch
    kept = target if isinstance(target, Mapping) else {}
    merged = {key: value for key, value in kept.items() if patch.get(key, value) is not None}
    for key, value in patch.items():
        if value is not None:
            merged[key] = merge_patch(kept.get(key), value)
    return merged


def overrides(
    base: Mapping[Any, Any], wanted: Mapping[Any, Any], prefix: str = ""
) -> Iterator[str]:
    """Yield what `dvc exp run --set-param` makes `wanted` of `base` with, in its Hydra syntax."""
    for key, value in base.items():
        path = f"{prefix}{key}"
        new = wanted.get(key)
        if isinstance(value, Mapping) and isinstance(new, Mapping):
            yield from overrides(value, new, f"{path}.")
        elif key not in wanted or new != value:
            yield f"~{path}"
    for key, new in wanted.items():
        both = isinstance(base.get(key), Mapping) and isinstance(new, Mapping)
        if not both and (key not in base or new != base[key]):
            yield f"+{prefix}{key}={_flow(new)}"


def _flow(value: Any) -> str:
    """Return a value in Hydra's syntax: JSON, but for the keys of mappings."""
    match value:
        case Mapping():
            return f"{{{', '.join(f'{key}: {_flow(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(_flow, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout
