import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from optledger.analysis import preview
from optledger.figures.style import DARK, PAPER
from optledger.report import page as report
from reports import make

KINDS = {
    "several": {"names": ["adam", "sgd", "gd"], "far": ["gd"]},
    "twenty": {"names": [f"variant_{number}" for number in range(20)]},
    "preview": {"names": ["adam", "sgd", "gd"], "far": ["gd"], "seeds": 2},
    "one": {"names": ["adam"]},
    "diverged": {"names": ["adam", "sgd"], "diverged": ["sgd"]},
    "none_leads": {"names": ["adam", "sgd"], "diverged": ["adam", "sgd"]},
    "one_seed": {"names": ["adam", "sgd"], "seeds": 1},
    # Of its seeds, one of which is lost, the mean is still the highest.
    "lost_is_first": {"names": ["adam", "gd"], "seeds": 12, "diverged": ["adam"], "far": ["gd"]},
    "two": {"names": ["adam", "gd"], "far": ["gd"]},
    "mostly_lost": {"names": ["adam", "sgd"], "diverged": ["adam", "sgd"], "lost": 4},
    # What Matplotlib and the page call their own things.
    "taken": {"names": ["axes_1", "figure_1", "leading", "answer", "1e3", "null"]},
    "long": {"names": ["adam_with_decoupled_weight_decay_and_cosine_schedule", "sgd"]},
}

# A desktop's window, and a phone's.
WIDTHS = (1280, 390)


class Elements(HTMLParser):
    """The elements of a page with their attributes, and that each ends where it should."""

    VOID = ("br", "img", "link", "meta")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it."""
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it."""
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """End what was opened last."""
        assert self.open.pop() == tag


@pytest.fixture(scope="module", params=KINDS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of each kind of results."""
    folder = tmp_path_factory.mktemp("report")
    results, params = make(folder, **KINDS[request.param])  # type: ignore[arg-type]
    path = folder / "report.html"
    path.write_text(report.html(results, params))
    return path


def test_a_page_is_whole_and_needs_no_other_file(written: Path) -> None:
    """Every element is closed, every identifier is one, every reference stays within the page."""
    text = written.read_text()
    elements = Elements(text)
    assert elements.open == []
    ids = [each["id"] for _, each in elements.found if "id" in each]
    assert len(ids) == len(set(ids))
    inside = re.findall(r'(?:href="|url\()#([^")]+)', text)
    assert set(inside) <= set(ids)
    addresses = re.findall(r'(?:src|href|xlink:href)="([^"]+)"|url\(([^)]+)\)', text)
    assert all(first.startswith(("#", "data:")) or rest for first, rest in addresses)


def test_whoever_cannot_see_it_is_told(written: Path) -> None:
    """Every picture has a text."""
    elements = Elements(written.read_text())
    pictures = [
        each.get("alt") or each.get("aria-label") or each.get("aria-hidden")
        for tag, each in elements.found
        if tag in ("img", "svg")
    ]
    assert pictures
    assert all(pictures)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_fits_its_window(written: Path, browser: Browser, width: int) -> None:
    """Only what scrolls by itself is wider than a phone; nothing is fetched, nothing fails."""
    window = browser.new_page(viewport={"width": width, "height": 900})
    said: list[str] = []
    asked: list[str] = []
    window.on("console", lambda message: said.append(message.text))
    window.on("pageerror", lambda error: said.append(str(error)))
    window.on("request", lambda request: asked.append(request.url))
    window.goto(written.as_uri())
    assert window.evaluate("document.documentElement.scrollWidth") == width
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [written.as_uri()]
    window.close()


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a few variants."""
    folder = tmp_path_factory.mktemp("report")
    results, params = make(folder, ["adam", "sgd", "gd"], far=["gd"])
    path = folder / "report.html"
    path.write_text(report.html(results, params))
    return path


def column(window: Page, place: int) -> list[str]:
    """Return the texts of a column of the leaderboard."""
    return window.locator(f"#leaderboard tbody tr > :nth-child({place})").all_inner_texts()


def test_tables_sort_by_a_click(several: Path, browser: Browser) -> None:
    """The best first; a second click turns the order, and the head says which it is."""
    window = browser.new_page()
    window.goto(several.as_uri())
    before = column(window, 3)
    assert before == sorted(before, reverse=True)
    head = window.locator("#leaderboard thead th").nth(2)
    head.get_by_role("button").click()
    assert column(window, 3) == before
    assert head.get_attribute("aria-sort") == "descending"
    head.get_by_role("button").click()
    assert column(window, 3) == sorted(before)
    assert head.get_attribute("aria-sort") == "ascending"
    window.close()


def test_nothing_is_lost_without_a_script(several: Path, browser: Browser) -> None:
    """A page that may run none says the same, and offers no button."""
    texts = []
    for allowed in (True, False):
        context = browser.new_context(java_script_enabled=allowed)
        window = context.new_page()
        window.goto(several.as_uri())
        assert bool(window.get_by_role("button").count()) == allowed
        texts.append(window.locator("main").inner_text())
        context.close()
    assert texts[0] == texts[1]


@pytest.mark.parametrize(("scheme", "colour"), [("light", PAPER), ("dark", DARK[PAPER])])
def test_the_reader_chooses_light_or_dark(
    several: Path, browser: Browser, scheme: str, colour: str
) -> None:
    """Page and figures have that paper."""
    window = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    window.goto(several.as_uri())
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    expected = f"rgb({red}, {green}, {blue})"
    assert window.evaluate("getComputedStyle(document.body).backgroundColor") == expected
    paper = "getComputedStyle(document.querySelector('figure svg path')).fill"
    assert window.evaluate(paper) == expected
    window.close()


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    """Page and text."""
    results, params = make(tmp_path, ["adam", "sgd"], diverged=["sgd"])
    assert report.html(results, params) == report.html(results, params)
    assert report.markdown(results, params) == report.markdown(results, params)


def test_the_text_says_the_answer_first(tmp_path: Path) -> None:
    """Then what to do, then the ranks."""
    results, params = make(tmp_path, ["adam", "sgd", "gd"], far=["gd"])
    text = report.markdown(results, params)
    parts = ["gd is worse than", "**Choose:**", "**How sure:**", "**Try next:**", "| rank "]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


CONCLUSIONS = re.compile(r"\b(leads?|better|worse|equivalent|inconclusive|champion|choose)\b", re.I)


def test_a_preview_is_described_and_advises_nothing(tmp_path: Path) -> None:
    """It says what it is first, and what a verdict takes; nobody is marked."""
    results, params = make(tmp_path, ["adam", "sgd", "gd"], far=["gd"], seeds=2)
    text = report.markdown(results, params)
    assert text.splitlines()[2].startswith("Preview of 2 seeds a variant: sgd has a mean accuracy")
    assert "- More seeds, for a verdict: `seeds.count: 5` in params.yaml" in text
    page = report.html(results, params)
    seen = re.sub("<(style|script).*?</\\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    assert "Preview of 2 seeds a variant: no verdicts yet" in seen
    assert 'class="badge"' not in page
    for each in (text, seen):
        assert preview.NOTE in each
        assert not CONCLUSIONS.search(each.replace(preview.NOTE, ""))


def test_names_are_text_and_no_markup(tmp_path: Path) -> None:
    """Whatever a parameter says, it is shown as it is."""
    results, params = make(tmp_path, ["adam", "sgd"])
    nasty = params.model_copy(update={"dataset": "<script>alert(1)</script>"})
    text = report.html(results, nasty)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
