"""Checks outputs, and their objects in DVC's cache, against the digests in dvc.lock."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from optledger.core.breaks import Break, command
from optledger.core.formats import read_json, tree_digest
from optledger.core.paths import LOCK
from optledger.pipeline.description import Pipeline, Stage
from optledger.pipeline.digests import Digests


@dataclass
class Outputs:
    """Checks every output, and remembers which ones differ from dvc.lock.

    Attributes:
        pipeline: the pipeline that makes the outputs.
        digests: the digests of files and folders.
        is_current: a function that returns whether a stage's code, parameters and data are those
            that dvc.lock records.
        broken: the outputs that are missing or changed; complete once `breaks` has ended.
    """

    pipeline: Pipeline
    digests: Digests
    is_current: Callable[[Stage], bool]
    broken: list[Path] = field(default_factory=list)
    _told: set[Path] = field(default_factory=set)

    def breaks(self) -> Iterator[Break]:
        """Yield a break for each output that is changed or missing, or whose objects are."""
        for stage in self.pipeline.stages:
            for path, md5 in stage.outputs.items():
                if md5 is not None:
                    yield from self._of(stage, path, md5)

    def _of(self, stage: Stage, path: Path, md5: str) -> Iterator[Break]:
        entries = self.digests.entries(path) if path.is_dir() else None
        actual = self.digests.of(path) if entries is None else tree_digest(entries)
        objects = self._objects(md5, entries if actual == md5 else None, path in stage.cached)
        bad = {place: state for place, state in objects.items() if state}
        if actual == md5:
            untold = {place: state for place, state in bad.items() if place not in self._told}
            self._told |= untold.keys()
            if untold:
                yield self._of_objects(stage, path, untold)
            return
        self.broken.append(path)
        self._told |= bad.keys()
        restored = path in stage.cached and not bad
        remedy = command("dvc", "checkout", path) if restored else self._remake(stage)
        remove = [path, *bad] if actual else [each for each in bad if each.exists()]
        if remove:
            remedy = f"{command('rm', '-rf', *remove)} && {remedy}"
        found = self._found(md5, entries, actual)
        if path in stage.cached and bad:
            found += f", and in the cache {_listed(bad)}"
        yield Break(str(path), found, f"{_of_md5(md5)}, as in {LOCK}", remedy)

    def _of_objects(self, stage: Stage, path: Path, bad: Mapping[Path, str]) -> Break:
        mend = command("dvc", "commit", "--force", stage.name)
        if path not in stage.cached:
            # The run cache left this object, and DVC does not need it.
            mend = ""
        elif not self.is_current(stage):
            # A commit would record code or parameters that the output was not made with.
            mend = self._remake(stage)
        present = [each for each in bad if each.exists()]
        remove = command("rm", "-f", *present) if present else ""
        remedy = " && ".join(filter(None, (remove, mend)))
        return Break(f"the cache of {path}", _listed(bad), "the bytes of the output", remedy)

    def _remake(self, stage: Stage) -> str:
        pull = ["--pull"] if self.pipeline.has_remote else []
        return command("dvc", "repro", *pull, stage.name)

    def _objects(
        self, md5: str, entries: Mapping[str, str] | None, cached: bool
    ) -> dict[Path, str]:
        """Return what is wrong with each of an output's objects in the cache, by the object's path.

        An empty text means that nothing is wrong. If a folder is changed or missing here, `entries`
        is None, and the folder's own object lists its files. If DVC does not cache the output, only
        objects that exist are returned.
        """
        states = {}
        place, states[place] = self._object(md5)
        if md5.endswith(".dir"):
            if entries is None and not states[place]:
                entries = _members(place)
            for each in (entries or {}).values():
                place, states[place] = self._object(each)
        return (
            states
            if cached
            else {place: state for place, state in states.items() if place.exists()}
        )

    def _object(self, md5: str) -> tuple[Path, str]:
        place = self.pipeline.object_path(md5)
        if not place.exists():
            return place, "missing"
        actual = self.digests.of_file(place)
        return place, "" if actual == md5.removesuffix(".dir") else f"of md5 {actual}"

    def _found(self, md5: str, entries: Mapping[str, str] | None, actual: str | None) -> str:
        if actual is None:
            return "nothing"
        place, state = self._object(md5)
        if entries is None or not md5.endswith(".dir") or state:
            return _of_md5(actual)
        listed = _members(place)
        changes = [
            *(f"{name} missing" for name in listed.keys() - entries.keys()),
            *(f"{name} added" for name in entries.keys() - listed.keys()),
            *(
                f"{name} changed"
                for name in entries
                if name in listed and listed[name] != entries[name]
            ),
        ]
        return f"{_of_md5(actual)} ({', '.join(sorted(changes))})"


def _members(place: Path) -> dict[str, str]:
    """Read the digest of each file of a folder, by the file's path, from the folder's object."""
    return {each["relpath"]: each["md5"] for each in read_json(place)}


def _of_md5(md5: str) -> str:
    return f"md5 {md5}"


def _listed(bad: Mapping[Path, str]) -> str:
    return ", ".join(f"{place} {state}" for place, state in bad.items())
