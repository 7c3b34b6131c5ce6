"""compare: who leads, which differences are more than noise, and how the variants learn."""

import json

from optledger import params, stages
from optledger.analysis.comparisons import Samples, comparisons, leading_group, samples_of
from optledger.analysis.leaderboard import curves, leaderboard, search_table
from optledger.analysis.markdown import answer, comparisons_text, leaderboard_text
from optledger.analysis.speed import epochs_to_targets, performance_profile
from optledger.analysis.summary import ranking
from optledger.datasets.examples import read_split
from optledger.formats import read_csv, read_npz, write_csv, write_text
from optledger.paths import PREDICTIONS, PREPARED, RESULTS, TRIALS
from optledger.training.records import read_history, read_search


def main() -> None:
    """Run the stage."""
    settings = params.load()
    comparison = settings.comparison
    seeds = read_csv(RESULTS / "seeds.csv")
    ranked = ranking(seeds, comparison.metric)
    samples = read_samples(ranked)
    pairs = comparisons(samples, comparison)
    diverged = set(seeds.loc[seeds["diverged_epoch"].notna(), "variant"])
    sound = [name for name in ranked if name not in diverged]
    leading = leading_group(pairs, comparison.metric, sound)
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
    write_csv(RESULTS / "speed.csv", speed)
    write_csv(RESULTS / "profile.csv", performance_profile(speed))
    write_text(RESULTS / "leaderboard.md", leaderboard_text(table, pairs, comparison))
    write_text(RESULTS / "comparisons.md", comparisons_text(pairs, table, comparison))
    print(answer(table, pairs, comparison))


def read_samples(variants: list[str]) -> Samples:
    """Read the predictions of `variants`, in their order, as what comparisons need of them."""
    classes = json.loads((PREPARED / "summary.json").read_text())["classes"]
    labels = read_split("test").labels
    samples = {}
    for name in variants:
        predictions = read_npz(PREDICTIONS / f"{name}.npz")
        samples[name] = samples_of(labels, predictions["classes"], predictions["losses"], classes)
    return samples


if __name__ == "__main__":
    stages.run(main)
