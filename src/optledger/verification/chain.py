"""Checks the chain in dvc.lock: from code, parameters and data to a stage, then to the next."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optledger.core.breaks import Break, command
from optledger.core.documents import differences, shown
from optledger.core.formats import file_digest
from optledger.core.paths import LOCK, RAW
from optledger.datasets.registry import Entry
from optledger.pipeline.description import Stage


@dataclass(frozen=True)
class Chain:
    """Checks what dvc.lock records of each stage's dependencies and parameters.

    Attributes:
        stages: the stages of the pipeline.
        orphans: the names of stages that are in dvc.lock but not in dvc.yaml.
        digest: a function that returns the digest of a file or folder, in the form of dvc.lock;
            None where nothing is there.
    """

    stages: Sequence[Stage]
    orphans: Sequence[str]
    digest: Callable[[Path], str | None]

    def is_current(self, stage: Stage) -> bool:
        """Whether a stage's code, parameters and data are those that dvc.lock records."""
        return stage.recorded and not any(self.changes(stage))

    def changes(self, stage: Stage) -> Iterator[tuple[Path, str]]:
        """Yield what differs from dvc.lock's record of a stage: a file and a parameter's key.

        The key is empty where the file is a dependency as a whole.
        """
        for path, md5 in stage.dependencies.items():
            if md5 != self._expected(path):
                yield path, ""
        for path, key, _, _ in _differing(stage):
            yield path, key

    def breaks(self, broken: Collection[Path]) -> Iterator[Break]:
        """Yield a break for each link that does not hold.

        Args:
            broken: outputs that are known to be changed or missing. A dependency on a folder that
                contains one is not reported again.
        """
        yield from self.unrecorded()
        for name in self.orphans:
            yield Break(str(LOCK), name, "the stages of dvc.yaml only", _repro())
        yield from self._dependencies(broken)
        yield from self.parameters()

    def unrecorded(self) -> Iterator[Break]:
        """Yield a break for each stage whose outputs dvc.lock does not record."""
        for stage in self.stages:
            if not stage.recorded:
                found = f"no {stage.name} with its command"
                yield Break(str(LOCK), found, "every stage of dvc.yaml", _repro(stage.name))

    def _dependencies(self, broken: Collection[Path]) -> Iterator[Break]:
        wrong: dict[tuple[Path, str | None], list[str]] = {}
        for stage in self.stages:
            for path, md5 in stage.dependencies.items():
                told = any(each != path and each.is_relative_to(path) for each in broken)
                if stage.recorded and not told and md5 != self._expected(path):
                    wrong.setdefault((path, md5), []).append(stage.name)
        for (path, md5), stages in wrong.items():
            expected = self._expected(path)
            found = "nothing" if expected is None else f"md5 {expected}"
            recorded = "nothing" if md5 is None else f"md5 {md5}"
            # Running the pipeline does not bring back a missing file of code.
            away = not path.exists() and not self._makes(path)
            remedy = command("git", "checkout", "HEAD", "--", path) if away else _repro()
            yield Break(str(path), found, f"{recorded}, {_as_in_the_lock(stages)}", remedy)

    def parameters(self) -> Iterator[Break]:
        """Yield a break for each parameter that is not what dvc.lock records."""
        wrong: dict[tuple[Path, str, str], list[str]] = {}
        values: dict[tuple[Path, str], Any] = {}
        for stage in self.stages:
            if stage.recorded:
                for path, key, recorded, value in _differing(stage):
                    wrong.setdefault((path, key, shown(recorded)), []).append(stage.name)
                    values[path, key] = value
        for (path, key, recorded), stages in wrong.items():
            expected = f"{recorded}, {_as_in_the_lock(stages)}"
            yield Break(f"{path}: {key}", shown(values[path, key]), expected, _repro())

    def _expected(self, path: Path) -> str | None:
        """Return the MD5 that dvc.lock should record of a dependency.

        If a stage makes it, this is the MD5 of the output in dvc.lock, else that of the file here.
        """
        stage = self._makes(path)
        return stage.outputs[path] if stage else self.digest(path)

    def _makes(self, path: Path) -> Stage | None:
        return next((stage for stage in self.stages if path in stage.outputs), None)


def data_breaks(dataset: Entry, broken: Collection[Path]) -> Iterator[Break]:
    """Yield a break for each raw file that is not the one the registry pins.

    Args:
        dataset: the registry's entry.
        broken: outputs that are known to be changed or missing.
    """
    if RAW in broken:
        return
    for file in dataset.files.values():
        path = RAW / file.name
        found = f"sha256 {file_digest(path)}" if path.exists() else "nothing"
        if found != f"sha256 {file.sha256}":
            # Avoid the run cache: its entry may be a wrong file that was committed as this output.
            again = command("dvc", "repro", "--force", "--single-item", "download")
            remedy = f"{command('rm', '-rf', RAW)} && {again} && dvc repro"
            yield Break(str(path), found, f"sha256 {file.sha256}, as the registry pins it", remedy)


def _differing(stage: Stage) -> Iterator[tuple[Path, str, Any, Any]]:
    """Yield each parameter that differs: file, key, recorded value and the value in the file."""
    for path, (recorded, values) in stage.parameters.items():
        for key, *differing in differences(recorded, values):
            yield path, key, *differing


def _as_in_the_lock(stages: list[str]) -> str:
    return f"as in {LOCK} ({', '.join(stages)})"


def _repro(*stages: str) -> str:
    return command("dvc", "repro", *stages)
