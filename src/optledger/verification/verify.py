"""Checks every link from the raw data to the runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from optledger.core import params
from optledger.core.breaks import Break, command
from optledger.core.errors import UserError
from optledger.core.params import Params
from optledger.datasets import registry
from optledger.datasets.registry import Entry
from optledger.pipeline.description import Pipeline, opened
from optledger.pipeline.digests import Digests
from optledger.sweep import variants
from optledger.tracking import publication
from optledger.tracking.location import tracking_uri
from optledger.trials.places import place
from optledger.trials.store import Store
from optledger.verification.chain import Chain, data_breaks
from optledger.verification.outputs import Outputs

_QUIET_SECONDS = 3


class Verification:
    """Checks data, outputs, cache, dvc.lock and runs.

    Attributes:
        counts: how much was checked, in words; complete once `breaks` has ended.
    """

    def __init__(self) -> None:
        """Start without counts; `breaks` does the work."""
        self.counts: list[str] = []

    def breaks(self) -> Iterator[Break]:
        """Yield every break and every note, as soon as it is found.

        Raises:
            UserError: the pipeline has never run, or params.yaml or dvc.yaml has a mistake.
        """
        settings = params.load()
        dataset = registry.load(settings.dataset)
        with opened() as pipeline, _progress("reading", unit="B", unit_scale=True) as bar:
            digests = Digests(pipeline.files_below, bar.update)
            chain = Chain(pipeline.stages, pipeline.orphans, digests.of)
            outputs = Outputs(pipeline, digests, chain.is_current)
            yield from outputs.breaks()
            links = [*_undeclared(settings, pipeline), *_unmade(pipeline)]
            links += [*chain.breaks(outputs.broken), *data_breaks(dataset, outputs.broken)]
            yield from links
            self.counts += _counts(pipeline, digests)
        self.counts.append(f"{len(dataset.files)} data files")
        yield from self._trial_breaks(settings)
        if outputs.broken or links:
            # The expected runs follow from parameters and outputs, so these have to be right first.
            again = command("optledger", "verify")
            yield Break("runs", "not checked", "mend the above first, then", again, is_note=True)
        else:
            yield from self._run_breaks(settings, dataset)

    def _trial_breaks(self, settings: Params) -> Iterator[Break]:
        """Yield a break for each kept trial that is damaged and may have led to these results."""
        store = Store(place())
        try:
            kept = variants.kept_trials(settings, store)
        except (UserError, OSError):
            # The data that trials depend on are missing, which was reported before.
            return
        for each in kept:
            if store.place and (damage := store.damage(each.key)):
                path = store.place.path(each.key)
                yield Break(
                    path, damage.removeprefix("found "), "what was written", command("rm", path)
                )
        self.counts.append(f"{len(kept)} kept trials")

    def _run_breaks(self, settings: Params, dataset: Entry) -> Iterator[Break]:
        publication.configure()
        from optledger.tracking.audit import audit

        uri = tracking_uri(Path(os.environ.get("DVC_ROOT", ".")))
        experiments = publication.experiments(settings, dataset)
        count = sum(map(len, experiments.values()))
        with _progress("runs", total=count) as bar:
            for name, runs in experiments.items():
                yield from audit(runs, uri, name, bar.update)
        self.counts.append(f"{count} runs")


def check_outputs() -> None:
    """Check that dvc.lock records everything that is published, and that the outputs match it.

    Raises:
        UserError: something differs (the text has a line for each break), or the pipeline has never
            run.
    """
    settings = params.load()
    with opened() as pipeline:
        digests = Digests(pipeline.files_below, lambda _: None)
        chain = Chain(pipeline.stages, pipeline.orphans, digests.of)
        outputs = Outputs(pipeline, digests, chain.is_current)
        # A stage without outputs, such as the publication, records nothing that is published.
        made = replace(chain, stages=[stage for stage in pipeline.stages if stage.outputs])
        breaks = [
            *_undeclared(settings, pipeline),
            *made.unrecorded(),
            *_unmade(pipeline),
            *made.parameters(),
            *outputs.breaks(),
        ]
        # Only the outputs are published. Objects in the cache are not needed for that.
        caches = {f"the cache of {path}" for stage in made.stages for path in stage.outputs}
        if lines := [str(each) for each in breaks if each.where not in caches]:
            raise UserError("\n".join(lines))


def _undeclared(settings: Params, pipeline: Pipeline) -> Iterator[Break]:
    """Yield a break for each stage missing from dvc.yaml, as nothing records its outputs."""
    single = ("download", "preprocess", "evaluate", "compare", "report")
    trained = (f"train@{name}" for name in settings.variants)
    cases = (f"case@{name}" for name in settings.cases)
    declared = {stage.name for stage in pipeline.stages}
    for name in (*single, *trained, *cases):
        if name not in declared:
            remedy = command("git", "checkout", "HEAD", "--", "dvc.yaml")
            yield Break("dvc.yaml", f"no {name}", "every stage of the pipeline", remedy)


def _unmade(pipeline: Pipeline) -> Iterator[Break]:
    """Yield a break for each published file that is not an output of any stage."""
    made = {path for stage in pipeline.stages for path in stage.outputs}
    for path in (
        path for stage in pipeline.stages if not stage.outputs for path in stage.dependencies
    ):
        if not any(path.is_relative_to(each) or each.is_relative_to(path) for each in made):
            remedy = command("git", "checkout", "HEAD", "--", "dvc.yaml")
            yield Break(
                "dvc.yaml",
                f"no stage that makes {path}",
                "every file published made by one",
                remedy,
            )


def _counts(pipeline: Pipeline, digests: Digests) -> list[str]:
    outputs = sum(len(stage.outputs) for stage in pipeline.stages)
    return [
        f"{outputs} outputs and their cache objects ({digests.bytes_read / 1e6:.0f} MB)",
        f"{len(pipeline.stages)} stages",
    ]


@contextmanager
def _progress(what: str, **settings: Any) -> Iterator[tqdm]:
    with tqdm(desc=what, delay=_QUIET_SECONDS, leave=False, disable=None, **settings) as bar:
        yield bar
