"""The pipeline's stages: what dvc.yaml declares, and what dvc.lock records of them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from dvc.config import Config, ConfigError
from dvc.dependency.param import ParamsDependency, read_param_file
from dvc.exceptions import DvcException
from dvc.repo import Repo
from voluptuous import Invalid

from optledger.core.documents import mistake, parse_yaml, read_yaml
from optledger.core.errors import UserError, printable
from optledger.core.paths import LOCK, PARAMS
from optledger.pipeline import lock

DOCUMENTS = (PARAMS, Path("dvc.yaml"), LOCK)
"""The YAML files of a checkout that DVC reads, apart from the dataset's."""


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml.

    Attributes:
        name: the name, with the variant or case that the stage is for.
        recorded: whether dvc.lock has the stage, with its current command.
        dependencies: by file or folder, the MD5 in dvc.lock; None where it has none.
        outputs: the same for the outputs.
        sizes: by dependency and output, the number of bytes in dvc.lock; None where it has none.
        cached: the outputs that DVC keeps in its cache.
        parameters: by file, the values by key in dvc.lock, and those in the file.
    """

    name: str
    recorded: bool
    dependencies: Mapping[Path, str | None]
    outputs: Mapping[Path, str | None]
    sizes: Mapping[Path, int | None]
    cached: frozenset[Path]
    parameters: Mapping[Path, tuple[Mapping[str, Any], Mapping[str, Any]]]


class Pipeline:
    """The checkout's pipeline, read with DVC's own library.

    Attributes:
        stages: the stages of dvc.yaml, in its order.
        orphans: names of stages that are in dvc.lock, but not in dvc.yaml.
        has_remote: whether a remote is configured to pull from.
    """

    def __init__(self, repository: Any) -> None:
        """Read the pipeline of an open repository."""
        self._repository = repository
        self.stages = stages(repository)
        self.orphans = sorted(lock.outputs().keys() - {stage.name for stage in self.stages})
        self.has_remote = bool(repository.config["remote"])

    def files_below(self, folder: str) -> Iterable[str]:
        """Return the files below a folder that DVC does not ignore."""
        return cast(Iterable[str], self._repository.dvcignore.find(self._repository.fs, folder))

    def object_path(self, md5: str) -> Path:
        """Return the path in DVC's cache of the object with this digest."""
        path = Path(self._repository.cache.local.oid_to_path(md5))
        here = Path.cwd()
        return path.relative_to(here) if path.is_relative_to(here) else path


def stages(repository: Any) -> list[Stage]:
    """Return the stages of an open repository, at the revision that it is switched to.

    Raises:
        UserError: dvc.yaml has an empty dependency, or the dataset's file is no mapping in YAML.
            The caller has parsed `DOCUMENTS`.
    """
    try:
        found = repository.index.stages
    except AssertionError:
        # DVC says no more of it.
        raise UserError("dvc.yaml: a dependency is empty; write a path") from None
    keys: dict[str, set[str]] = {}
    for each in (each for stage in found for each in _parameters(stage)):
        keys.setdefault(each.fs_path, set()).update(each.params)
    for path, name in ((path, Path(path).relative_to(repository.root_dir)) for path in keys):
        if name not in DOCUMENTS and repository.fs.exists(path):
            document = parse_yaml(bytes(repository.fs.cat_file(path)), str(name))
            if not isinstance(document or {}, Mapping):
                raise UserError(mistake(name, "the whole file", document, "a mapping"))
    # Read each file once: parsing one takes as long as all the rest. No keys stand for all keys.
    values = {
        path: read_param_file(repository.fs, path, sorted(own) or None, flatten=bool(own))
        for path, own in keys.items()
        if repository.fs.exists(path)
    }
    return [_stage(stage, values) for stage in found]


def reproducible(root: Path) -> list[str]:
    """Return the names of a checkout's stages that have outputs, and so can be reproduced."""
    with Repo(str(root)) as repository:
        stages = repository.index.stages
        return [stage.name for stage in stages if stage.outs]


@contextmanager
def opened() -> Iterator[Pipeline]:
    """Yield the pipeline of the checkout in the working directory.

    Raises:
        UserError: the pipeline has never run, or DVC cannot read it.
    """
    if not LOCK.exists():
        raise UserError(f"{LOCK}: does not exist; run dvc repro first")
    # Look for mistakes first: DVC reports only some of them, and never the line.
    for path in filter(Path.exists, DOCUMENTS):
        read_yaml(path)
    try:
        with open_repository() as repository:
            yield Pipeline(repository)
    except DvcException as error:
        raise UserError(f"dvc.yaml or {LOCK}: {' '.join(str(error).split())}") from None


@contextmanager
def open_repository() -> Iterator[Any]:
    """Yield DVC's repository of the working directory.

    Raises:
        UserError: DVC's configuration has a mistake.
    """
    for path in filter(Path.exists, _SETTINGS):
        _check_settings(path)
    try:
        with closing(Repo(".")) as repository:
            yield repository
    except UnicodeDecodeError:
        # DVC reads each .dvcignore as UTF-8. It does not say in which folder it failed.
        raise UserError(".dvcignore: is not UTF-8; save it as UTF-8") from None
    except (ConfigError, Invalid) as error:
        # DVC does not say which of the files it is.
        files = " or ".join(map(str, _SETTINGS))
        raise UserError(printable(f"{files}: {' '.join(str(error).split())}")) from None


_SETTINGS = (Path(".dvc/config"), Path(".dvc/config.local"))


def _check_settings(path: Path) -> None:
    try:
        Config.load_file(str(path))
    except ConfigError as error:
        raise UserError(printable(f"{path}: {' '.join(str(error).split())}")) from None
    except (AttributeError, TypeError):
        # DVC does not expect a text where a section belongs.
        remedy = "put it below one, such as [core]"
        raise UserError(f"{path}: a setting stands outside of every section; {remedy}") from None


def _parameters(stage: Any) -> list[Any]:
    return [each for each in stage.deps if isinstance(each, ParamsDependency)]


def _stage(stage: Any, values: Mapping[str, Mapping[str, Any]]) -> Stage:
    dependencies = [each for each in stage.deps if not isinstance(each, ParamsDependency)]
    recorded = all(each.hash_info for each in stage.outs) and not stage.cmd_changed
    return Stage(
        name=stage.name,
        recorded=recorded,
        dependencies={_path(each): each.hash_info.value for each in dependencies},
        outputs={_path(each): each.hash_info.value for each in stage.outs},
        sizes={_path(each): each.meta.size for each in (*dependencies, *stage.outs)},
        cached=frozenset(_path(each) for each in stage.outs if each.use_cache),
        parameters={
            _path(each): (
                each.hash_info.value or {},
                {
                    key: value
                    for key, value in values.get(each.fs_path, {}).items()
                    if key in each.params or not each.params
                },
            )
            for each in _parameters(stage)
        },
    )


def _path(item: Any) -> Path:
    return Path(item.fs_path).relative_to(item.repo.root_dir)
