"""What a person sees in MLflow's own pages, in a headless Chromium."""

import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect

from project import Project
from servers import mlflow_server

# Milliseconds that anything may take to be seen, on a busy machine.
PATIENCE = 30_000

TRAINING = "workflowType=machine_learning"

LEADERBOARD = f"{TRAINING}&viewStateShareKey=leaderboard"


@pytest.fixture(scope="module")
def server(judged: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of the digits' results."""
    store = f"sqlite:///{judged.path / 'mlflow.db'}"
    with mlflow_server(tmp_path_factory.mktemp("server"), store) as address:
        yield address


@pytest.fixture(scope="module")
def context(browser: Browser, server: str) -> Iterator[BrowserContext]:
    """A browser that has MLflow's scripts, which it takes seconds to load."""
    # Wide, as a table has only those columns that are in sight.
    context = browser.new_context(base_url=server, viewport={"width": 2600, "height": 1000})
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page of a browser that remembers no choice."""
    page = context.new_page()
    page.goto("/health")
    page.evaluate("localStorage.clear()")
    yield page
    page.close()


@pytest.fixture(scope="module")
def experiment(server: str) -> str:
    """Where the pages of the experiment are."""
    url = f"{server}/api/2.0/mlflow/experiments/get-by-name"
    answer = requests.get(url, {"experiment_name": "optledger-digits"}, timeout=30)
    return f"/#/experiments/{answer.json()['experiment']['experiment_id']}"


def test_the_leaderboard_ranks_the_variants(page: Page, experiment: str) -> None:
    """A new user's table: the variants by accuracy, and the parameters that they differ in."""
    page.goto(f"{experiment}/runs?{LEADERBOARD}")
    names = page.locator(".ag-row [col-id='attributes.`Run Name`'] a")
    expect(names).to_have_text(["adam · 5 seeds", "gd · 5 seeds"])
    columns = page.locator(".ag-header-cell")
    places = []
    for name in ("accuracy", "accuracy_95", "verdict", "learning_rate", "batch_size"):
        column = columns.filter(has_text=re.compile(rf"^\s*{name}\s*$"))
        expect(column).to_be_visible()
        places.append(column.bounding_box()["x"])
    assert places == sorted(places)
    expect(columns.get_by_text("dataset", exact=True)).to_have_count(0)


def test_the_answer_stands_above_every_page(page: Page, experiment: str) -> None:
    """Even of prompts and traces, which MLflow opens first, and in the list of experiments."""
    for address in (experiment, "/#/experiments"):
        page.goto("about:blank")
        page.goto(address)
        expect(page.get_by_text("in accuracy").first).to_be_visible()


def test_curves_are_drawn_over_each_other(page: Page, experiment: str) -> None:
    """The charts begin with the learning curves, a line for each variant."""
    page.goto(f"{experiment}/runs?{LEADERBOARD}&compareRunsMode=CHART")
    first = page.get_by_test_id("experiment-view-compare-runs-card").first
    for variant in ("adam", "gd"):
        name = f"{variant} · 5 seeds (curves/train_accuracy)"
        expect(first.get_by_text(name)).to_be_visible()


def test_the_variants_side_by_side(page: Page, experiment: str) -> None:
    """The description links them in the order of rank; one switch leaves what differs."""
    page.goto(f"{experiment}/runs?{TRAINING}")
    link = page.get_by_role("link", name="the variants side by side")
    expect(link).to_be_attached()
    address = f"/{link.get_attribute('href')}"
    # In this one, what the run table still puts into the address would follow.
    page = page.context.new_page()
    page.goto(address)
    expect(page.get_by_text("Comparing 2 Runs from 1 Experiment")).to_be_visible()
    names = page.get_by_role("row").filter(has_text="Run Name:").get_by_role("cell")
    expect(names).to_contain_text(["adam · 5 seeds", "gd · 5 seeds"])
    expect(page.get_by_text("dataset", exact=True)).to_be_visible()
    page.get_by_text("Show diff only").first.click()
    expect(page.get_by_text("dataset", exact=True)).to_have_count(0)
    expect(page.get_by_text("batch_size", exact=True).first).to_be_visible()


def test_a_run_says_what_it_is(page: Page, experiment: str) -> None:
    """In words, with its metrics below; and a seed's run leads to it."""
    page.goto(f"{experiment}/runs?{LEADERBOARD}")
    page.get_by_role("link", name="adam · 5 seeds", exact=True).click()
    expect(page.get_by_text("Adam, learning rate 0.01")).to_be_visible()
    expect(page.get_by_role("link", name="accuracy", exact=True)).to_be_attached()
    page.get_by_role("link", name="adam seed 1").click()
    expect(page.get_by_role("link", name="adam · 5 seeds", exact=True)).to_be_visible()


def test_the_comparison_shows_the_leaderboard(page: Page, experiment: str) -> None:
    """As a table among its artifacts; its description begins with the answer."""
    page.goto(f"{experiment}/runs?{TRAINING}")
    page.get_by_role("link", name="comparison · 2 variants").click()
    expect(page.get_by_role("columnheader", name="rank")).to_be_attached()
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("leaderboard.json").click()
    for rank in ("1 adam", "2 gd"):
        expect(page.get_by_role("row", name=re.compile(f"^{rank} "))).to_be_visible()


def test_the_report_opens(page: Page, experiment: str) -> None:
    """The description links it; MLflow shows it as it is."""
    page.goto(f"{experiment}/runs?{TRAINING}")
    link = page.get_by_role("link", name="The report")
    expect(link).to_be_attached()
    address = f"/{link.get_attribute('href')}"
    page = page.context.new_page()
    page.goto(address)
    report = page.frame_locator("iframe[src^='blob:']")
    expect(report.get_by_role("heading", level=1)).to_contain_text("in accuracy")


def test_the_champion_is_a_registered_model(page: Page) -> None:
    """Its only version has the alias, and says why."""
    page.goto("/#/models/optledger-digits")
    row = page.get_by_role("row").filter(has_text="Version 1")
    expect(row.get_by_text("@ champion")).to_be_visible()
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_text("Champion: yes, the first: there was no champion.")).to_be_visible()
