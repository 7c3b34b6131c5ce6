"""The evidence of a variant's noise in two revisions: tables, and predictions in DVC's cache."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from optledger.analysis.comparisons import samples_of
from optledger.analysis.predictions import read_predictions
from optledger.analysis.results import samples_of_seeds
from optledger.analysis.statistics import Sample
from optledger.core.documents import validate
from optledger.core.formats import read_json
from optledger.core.paths import PREDICTIONS, PREPARED
from optledger.datasets.prepared import Summary, read_split_of
from optledger.review.revision import TEST_SPLIT, Revision
from optledger.review.staleness import md5_of


@dataclass
class Evidence:
    """Samples of variants in two revisions that have the same test split.

    Attributes:
        base: the one revision.
        head: the other revision.
        place: returns where the local cache of DVC keeps the object of an MD5. Nothing is fetched.
        looks: the declared looks that samples have to tell apart: numbers of seeds, ascending.
        missing: in words, what was asked for but is not in that cache.
    """

    base: Revision
    head: Revision
    place: Callable[[str], Path]
    looks: Sequence[int] = ()
    missing: list[str] = field(default_factory=list)

    def samples(self, before: str, after: str) -> tuple[Mapping[str, Sample], Mapping[str, Sample]]:
        """Return the samples by metric of variant `before` in the base and `after` in the head.

        Both contain the noise of test items if the test split and both predictions are in the
        cache. Otherwise neither does.
        """
        pair = (self.base, before), (self.head, after)
        files = [self._predictions(*each) for each in pair]
        if self._test_split is None or None in files:
            first, second = (
                samples_of_seeds([name], each.seeds, self.looks, each.block)[name]
                for each, name in pair
            )
            return first, second
        targets, summary = self._test_split
        found = [read_predictions(each, targets, summary) for each in files if each]
        first, second = (
            samples_of(summary.kind, targets, *own, summary.outputs, self.looks, each.block)
            for own, (each, _) in zip(found, pair, strict=True)
        )
        return first, second

    def _predictions(self, revision: Revision, variant: str) -> Path | None:
        folder = self._object(revision.output(PREDICTIONS))
        entries = read_json(folder) if folder else []
        digests = {entry["relpath"]: entry["md5"] for entry in entries}
        found = self._object(digests.get(f"{variant}.npz"))
        if found is None:
            self._miss(f"the predictions of {revision.label}")
        return found

    @cached_property
    def _test_split(self) -> tuple[NDArray[Any], Summary] | None:
        """The true values, shape (items, ...), and the summary; None if the cache lacks either."""
        summary, split = (
            self._object(self.head.output(path)) for path in (PREPARED / "summary.json", TEST_SPLIT)
        )
        if summary is None or split is None:
            self._miss("the test split")
            return None
        told = validate(Summary, read_json(summary), PREPARED / "summary.json")
        return read_split_of(split).targets, told

    def _object(self, md5: str | None) -> Path | None:
        """Return the cached file of an MD5; None if it is missing or damaged."""
        if md5 is None:
            return None
        path = self.place(md5)
        sound = path.is_file() and md5_of(path.read_bytes()) == md5.removesuffix(".dir")
        return path if sound else None

    def _miss(self, what: str) -> None:
        if what not in self.missing:
            self.missing.append(what)
