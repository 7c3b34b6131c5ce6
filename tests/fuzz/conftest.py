"""The folder that commands are tried in, and the count of what became of each input."""

from collections import Counter
from collections.abc import Iterator

import profiles  # noqa: F401 # registers them
import pytest
from hypothesis import settings
from programs import Checkout, Programs

from project import Project

settings.load_profile("test")

Tally = Counter[str]


@pytest.fixture
def tally(
    record_property: pytest.FixtureRequest, request: pytest.FixtureRequest
) -> Iterator[Tally]:
    """Counts the inputs that are accepted, and those that are refused, for the summary."""
    counted: Tally = Counter()
    yield counted
    record_property("fuzz", [request.node.name, counted["accepted"], counted["refused"]])


@pytest.fixture(scope="session")
def checkout(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the finished project, which each example damages and puts back."""
    copy = finished.copy(tmp_path_factory.mktemp("fuzz") / "project")
    # Whoever opens the store of a copy first corrects where its artifacts are.
    copy.run("optledger", "verify")
    return Checkout(copy.path)


@pytest.fixture(scope="session")
def programs(checkout: Checkout) -> Iterator[Programs]:
    """The commands of that checkout."""
    started = Programs(checkout.path)
    yield started
    started.close()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the seed, and what became of the inputs of each property."""
    rows = [
        value
        for report in terminalreporter.getreports("")
        for name, value in report.user_properties
        if name == "fuzz" and report.when == "teardown"
    ]
    print_line = terminalreporter.write_line
    for name, accepted, refused in sorted(rows):
        print_line(f"{accepted:6} accepted {refused:6} refused  {name}")
    accepted, refused = (sum(row[column] for row in rows) for column in (1, 2))
    seed = config.getoption("hypothesis_seed")
    print_line(f"{accepted:6} accepted {refused:6} refused  of {accepted + refused}, seed {seed}")
