"""report: the results as a page that opens anywhere, as a short text, and as one figure."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from optledger import stages
from optledger.analysis.results import class_notes
from optledger.analysis.schemas import RESIDUALS, read_results
from optledger.core import params
from optledger.core.formats import file_digest, write_text
from optledger.core.packages import version
from optledger.core.params import Params
from optledger.core.paths import CASES, RAW, RESULTS, TEST, TRIALS
from optledger.core.tables import read
from optledger.datasets import registry
from optledger.datasets.prepared import read_summary
from optledger.figures import differences
from optledger.report import page
from optledger.report.cost import costs
from optledger.report.gallery import read_gallery
from optledger.stages import undeclared
from optledger.trials.records import read_weights

_PACKAGES = ("keras", "numpy", "pandas", "scikit-learn", "scipy", "tensorflow")

_TABLES = (
    *("leaderboard", "comparisons", "curves", "profile", "power"),
    *("search", "seeds", "per_class", "confusion"),
)


def main() -> None:
    """Run the stage."""
    settings = params.load()
    summary = read_summary()
    undeclared.remove_undeclared("case", CASES, settings.cases)
    tables = read_results(*_TABLES, variants=settings.variants)
    results = page.Results(
        **tables,
        cases=[CASES / name / "figure.svg" for name in settings.cases],
        costs=list(
            costs(settings, summary.strata, tables["seeds"], tables["search"], _weights(tables))
        ),
        gallery=read_gallery(TEST / "gallery.npz", summary.names, summary.kind),
        checksums=dict(_checksums(settings)),
        versions={name: version(name) for name in _PACKAGES},
        class_notes=class_notes(),
        residuals=_residuals(),
        number=summary.names[0],
    )
    drawn = differences.draw(tables["leaderboard"], tables["comparisons"], settings.comparison)
    write_text(RESULTS / "answer.svg", drawn)
    write_text(RESULTS / "report.md", page.markdown(results, settings))
    write_text(RESULTS / "report.html", page.html(results, settings))


def _weights(tables: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    """Return the number of weights of each variant's model, the best variant first."""
    return {
        name: sum(array.size for array in read_weights(TRIALS / name)[0].values())
        for name in tables["leaderboard"]["variant"]
    }


def _residuals() -> pd.DataFrame:
    """Return true and predicted numbers; no rows if the target is not a number."""
    path = TEST / "residuals.csv"
    return read(path, RESIDUALS) if path.exists() else pd.DataFrame(columns=["variant"])


def _checksums(settings: Params) -> Iterator[tuple[str, str]]:
    """Yield paths with the SHA-256 that data files must have, and that results have."""
    for file in registry.load(settings.dataset).files.values():
        yield (RAW / file.name).as_posix(), file.sha256
    for path in [
        *(RESULTS / f"{name}.csv" for name in _TABLES),
        *(Path(CASES / name / "methods.csv") for name in settings.cases),
    ]:
        yield path.as_posix(), file_digest(path)


if __name__ == "__main__":
    stages.run(main)
