"""What DVC leaves behind of the variants and cases that params.yaml no longer declares."""

import shutil
from collections.abc import Collection
from pathlib import Path

from ruamel.yaml import YAML

from optledger.formats import replacing
from optledger.paths import LOCK


def forget(group: str, outputs: Path, declared: Collection[str]) -> None:
    """Delete outputs and lock entries of stages that are no longer declared.

    Called by a stage that depends on the folder of outputs, whose digest would contain them. DVC
    reads the lock file anew before it adds that stage's entry.

    Args:
        group: the name of the stages before the `@`.
        outputs: the folder with an entry for each of them.
        declared: the names after the `@`.
    """
    for entry in outputs.iterdir():
        if entry.name not in declared:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    if not LOCK.exists():
        return
    stages = YAML(typ="safe").load(LOCK)["stages"]
    members = [stage for stage in stages if stage.startswith(f"{group}@")]
    undeclared = [stage for stage in members if stage.removeprefix(f"{group}@") not in declared]
    if undeclared:
        # As DVC does, which keeps the order and the form of the file.
        yaml = YAML()
        lock = yaml.load(LOCK)
        for stage in undeclared:
            del lock["stages"][stage]
        with replacing(LOCK) as temporary:
            yaml.dump(lock, temporary)
