"""Every link from raw data to runs, looked at."""

from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from optledger import params
from optledger.datasets import registry
from optledger.verification.breaks import Break
from optledger.verification.chain import Chain, data_breaks
from optledger.verification.digests import Digests
from optledger.verification.outputs import Outputs
from optledger.verification.pipeline import Pipeline, opened

_QUIET_SECONDS = 3


class Verification:
    """Walks data, outputs, cache, dvc.lock and runs.

    Attributes:
        counts: what was looked at, in words, once `breaks` is through.
    """

    def __init__(self) -> None:
        """Look at nothing yet."""
        self.counts: list[str] = []

    def breaks(self) -> Iterator[Break]:
        """Yield every break and note, as they are found.

        Raises:
            UserError: the pipeline has never run, or params.yaml or dvc.yaml has a mistake.
        """
        settings = params.load()
        dataset = registry.load(settings.dataset)
        with opened() as pipeline, _progress() as bar:
            digests = Digests(pipeline.files_below, bar.update)
            chain = Chain(pipeline, digests)
            outputs = Outputs(pipeline, digests, chain.is_current)
            yield from outputs.breaks()
            yield from chain.breaks(outputs.broken)
            yield from data_breaks(dataset, outputs.broken)
            self.counts += _counts(pipeline, digests)
        self.counts.append(f"{len(dataset.files.by_role())} data files")


def _counts(pipeline: Pipeline, digests: Digests) -> list[str]:
    outputs = sum(len(stage.outputs) for stage in pipeline.stages)
    return [
        f"{outputs} outputs and their cache objects ({digests.bytes_read / 1e6:.0f} MB)",
        f"{len(pipeline.stages)} stages",
    ]


@contextmanager
def _progress() -> Iterator[tqdm]:
    with tqdm(
        desc="reading", unit="B", unit_scale=True, delay=_QUIET_SECONDS, leave=False, disable=None
    ) as bar:
        yield bar
