"""compare: who leads, which differences are more than noise, and how the variants learn."""

from optledger import stages
from optledger.analysis.comparisons import comparisons
from optledger.analysis.leaderboard import curves, leaderboard, search_table
from optledger.analysis.leading import leaders
from optledger.analysis.markdown import answer, comparisons_text, leaderboard_text
from optledger.analysis.planning import needed_seeds
from optledger.analysis.results import class_notes, read_samples
from optledger.analysis.schemas import read_results
from optledger.analysis.speed import epochs_to_targets, performance_profile
from optledger.analysis.summary import ranking
from optledger.core import params
from optledger.core.errors import UserError
from optledger.core.formats import write_csv, write_text
from optledger.core.paths import RESULTS, TRIALS
from optledger.datasets.prepared import read_summary
from optledger.trials.fitting import comparison_mistakes
from optledger.trials.records import read_history, read_search


def main() -> None:
    """Run the stage."""
    settings = params.load()
    comparison = settings.comparison
    if lines := list(comparison_mistakes(settings, read_summary().kind)):
        raise UserError("\n".join(lines))
    seeds = read_results("seeds", variants=settings.variants)["seeds"]
    ranked = ranking(seeds, comparison.metric)
    samples = read_samples(ranked, comparison.looks, settings.seeds.block)
    pairs = comparisons(samples, comparison)
    leading = leaders(samples, pairs, comparison, seeds)
    searches = {name: read_search(TRIALS / name) for name in ranked}
    histories = {name: read_history(TRIALS / name) for name in ranked}
    speed = epochs_to_targets(histories, seeds, comparison.targets)
    table = leaderboard(
        seeds, settings.variants, searches, samples, speed, leading, comparison.confidence
    )
    write_csv(RESULTS / "leaderboard.csv", table)
    write_csv(RESULTS / "comparisons.csv", pairs)
    write_csv(RESULTS / "search.csv", search_table(searches, table))
    write_csv(RESULTS / "curves.csv", curves(histories))
    lost = set(table.loc[table["diverged_seeds"] > 0, "variant"])
    write_csv(RESULTS / "power.csv", needed_seeds(samples, comparison, pairs, lost))
    write_csv(RESULTS / "speed.csv", speed)
    write_csv(RESULTS / "profile.csv", performance_profile(speed))
    write_text(
        RESULTS / "leaderboard.md", leaderboard_text(table, pairs, comparison, class_notes())
    )
    write_text(RESULTS / "comparisons.md", comparisons_text(pairs, table, comparison))
    print(answer(table, pairs, comparison))


if __name__ == "__main__":
    stages.run(main)
