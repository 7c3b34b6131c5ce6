"""preprocess: check the raw files and divide them into train, validation and test splits."""

from typing import Any, Literal

import numpy as np

from optledger import stages
from optledger.core import params
from optledger.core.formats import SIGNIFICANT_DIGITS, new_files, write_json
from optledger.core.paths import PREPARED, RAW
from optledger.datasets import registry
from optledger.datasets.examples import Examples
from optledger.datasets.items import divide
from optledger.datasets.prepared import Column, Summary, write_split
from optledger.datasets.reading import read
from optledger.datasets.split import split_train_validation

Part = Literal["train", "validation"]


def main() -> None:
    """Run the stage."""
    settings = params.load()
    dataset = registry.load(settings.dataset)
    items = read(dataset, RAW)
    parts = divide(settings.dataset, dataset, items)
    kind, target = dataset.kind, dataset.target
    strata = kind.strata(parts.train.targets)
    train, validation = split_train_validation(parts.train, settings.split, strata, parts.groups)
    # The summary leaves out the test split, because training reads it.
    seen: dict[Part, Examples] = {"train": train, "validation": validation}
    targets: dict[str, Any] = {name: each.targets for name, each in seen.items()}
    summary = Summary(
        columns=_columns(dataset.column_names, train),
        dataset=settings.dataset,
        examples={name: len(examples.targets) for name, examples in seen.items()},
        image_shape=list(dataset.shape) if dataset.column_names is None else None,
        **kind.summary(target, targets),
    )
    splits: dict[str, Examples] = {"train": train, "validation": validation, "test": parts.test}
    with new_files(PREPARED) as directory:
        for name, examples in splits.items():
            write_split(name, examples, directory)
        write_json(directory / "summary.json", summary.model_dump(exclude_none=True))
    counts = {name: kind.counts(each.targets, target.outputs) for name, each in splits.items()}
    for note in kind.notes(counts, summary.names):
        print(note)


def _columns(names: tuple[str, ...] | None, train: Examples) -> list[Column] | None:
    """Return how to scale each column of a table; None for images."""
    if names is None:
        return None
    means = train.inputs.mean(axis=0, dtype=np.float64)
    deviations = train.inputs.std(axis=0, dtype=np.float64)
    return [
        Column(name=name, mean=_rounded(mean), deviation=_rounded(deviation) or 1.0)
        for name, mean, deviation in zip(names, means, deviations, strict=True)
    ]


def _rounded(value: float) -> float:
    # The last bits of a sum depend on the processor.
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


if __name__ == "__main__":
    stages.run(main)
