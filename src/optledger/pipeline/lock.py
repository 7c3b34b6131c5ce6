"""dvc.lock: reading the outputs that it records, and removing entries."""

from collections.abc import Collection
from pathlib import Path

from pydantic import ConfigDict, Field
from ruamel.yaml import YAML

from optledger.core.documents import Section, read_yaml, validate
from optledger.core.formats import replacing
from optledger.core.paths import LOCK


class _Part(Section):
    model_config = ConfigDict(extra="ignore")


class _Output(_Part):
    path: str
    md5: str | None = None


class _Stage(_Part):
    outs: tuple[_Output, ...] = Field(default=(), strict=False)


class _Lock(_Part):
    stages: dict[str, _Stage] = Field(default={})


def outputs(path: Path = LOCK) -> dict[str, dict[Path, str]]:
    """Return the recorded MD5 of each output by stage and path, in the order of the lock.

    Outputs without an MD5 are left out.

    Raises:
        UserError: the lock cannot be read, or is not a lock of DVC.
    """
    stages = validate(_Lock, read_yaml(path), path).stages
    return {
        name: {Path(out.path): out.md5 for out in each.outs if out.md5}
        for name, each in stages.items()
    }


def remove_stages(stages: Collection[str], path: Path = LOCK) -> None:
    """Remove the entries of `stages`.

    A stage may do this while DVC runs it: DVC reads the lock anew before it adds an entry.
    """
    # The same kind of YAML object as DVC's, which keeps the order and the form of the file.
    yaml = YAML()
    lock = yaml.load(path)
    for stage in stages:
        del lock["stages"][stage]
    with replacing(path) as temporary:
        yaml.dump(lock, temporary)
