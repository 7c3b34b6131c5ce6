"""compare: the leaderboard and the learning curves of all variants."""

from optledger import errors, params
from optledger.analysis.leaderboard import curves, leaderboard, markdown
from optledger.formats import read_csv, write_csv, write_text
from optledger.paths import RESULTS, TRIALS
from optledger.training.records import read_history


def main() -> None:
    """Run the stage."""
    settings = params.load()
    metric = settings.comparison.metric
    table = leaderboard(read_csv(RESULTS / "seeds.csv"), settings.variants, metric)
    write_csv(RESULTS / "leaderboard.csv", table)
    write_text(RESULTS / "leaderboard.md", markdown(table, metric))
    histories = {name: read_history(TRIALS / name) for name in settings.variants}
    write_csv(RESULTS / "curves.csv", curves(histories))


if __name__ == "__main__":
    errors.run(main)
