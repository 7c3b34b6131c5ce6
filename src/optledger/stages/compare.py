"""compare: the leaderboard, the search trials and the learning curves of all variants."""

from optledger import params, stages
from optledger.analysis.leaderboard import curves, leaderboard, markdown, search_table
from optledger.formats import read_csv, write_csv, write_text
from optledger.paths import RESULTS, TRIALS
from optledger.training.records import read_history, read_search


def main() -> None:
    """Run the stage."""
    settings = params.load()
    metric = settings.comparison.metric
    searches = {name: read_search(TRIALS / name) for name in settings.variants}
    table = leaderboard(read_csv(RESULTS / "seeds.csv"), settings.variants, searches, metric)
    write_csv(RESULTS / "leaderboard.csv", table)
    write_text(RESULTS / "leaderboard.md", markdown(table, metric))
    write_csv(RESULTS / "search.csv", search_table(searches, table))
    histories = {name: read_history(TRIALS / name) for name in settings.variants}
    write_csv(RESULTS / "curves.csv", curves(histories))


if __name__ == "__main__":
    stages.run(main)
