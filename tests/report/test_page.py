import csv
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request

from golden import document
from optledger.analysis import preview
from optledger.figures.style import DARK, GRID, PAPER
from optledger.report import page as report
from reports import make

KINDS = {
    "several": {"names": ["adam", "sgd", "gd"], "far": ["gd"]},
    "twenty": {"names": [f"variant_{number}" for number in range(20)], "seeds": 10},
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

# A wide screen's window, a laptop's, and a phone's.
WIDTHS = (1920, 1280, 390)


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


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """A window for one page after the other, as a new one takes half a second."""
    tab = browser.new_page()
    yield tab
    tab.close()


@contextmanager
def watched(tab: Page) -> Iterator[list[str]]:
    """Empty a window and give it its size; yield what a page in it says from then on."""
    tab.goto("about:blank")
    tab.set_viewport_size({"width": 1280, "height": 720})
    said: list[str] = []

    def note(message: object) -> None:
        said.append(getattr(message, "text", str(message)))

    for event in ("console", "pageerror"):
        tab.on(event, note)  # type: ignore[call-overload]
    yield said
    for event in ("console", "pageerror"):
        tab.remove_listener(event, note)


def faults(window: Page) -> list[tuple[str, str]]:
    """Return what axe-core takes for a serious fault of contrasts, names and roles."""
    found = Axe().run(window).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    return [(each["id"], each["nodes"][0]["html"]) for each in serious]


def test_a_page_fits_its_window_and_can_be_read(written: Path, tab: Page) -> None:
    """Only what scrolls by itself is wider than a phone; nothing is fetched, nothing fails."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    with watched(tab) as said:
        tab.on("request", note)
        tab.goto(written.as_uri())
        for width in WIDTHS:
            tab.set_viewport_size({"width": width, "height": 900})
            assert tab.evaluate("document.documentElement.scrollWidth") == width
        assert said == []
        assert [url for url in asked if not url.startswith("data:")] == [written.as_uri()]
        tab.remove_listener("request", note)
        tab.set_viewport_size({"width": 1280, "height": 900})
        assert faults(tab) == []


def test_a_dark_page_can_be_read(several: Path, browser: Browser) -> None:
    """Whose colours are those of every kind."""
    window = browser.new_page(color_scheme="dark", viewport={"width": 1280, "height": 900})
    window.goto(several.as_uri())
    assert faults(window) == []
    window.close()


def test_a_print_has_no_controls(several: Path, browser: Browser) -> None:
    """But every figure and table, and what is folded; seeds stay folded, as there are many."""
    window = browser.new_page()
    window.goto(several.as_uri())
    window.emulate_media(media="print")
    controls = "button:not(th button), input, select, label, .seeds, .contents"
    for control in window.locator(controls).all():
        assert not control.is_visible()
    for shown in window.locator("main > section, main figure, #pairs, .reading p").all():
        assert shown.is_visible()
    heads = window.locator(".ranks thead").first.inner_text()
    assert all(head in heads for head in ("variant", "accuracy", "against adam", "learning rate"))
    window.close()


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a few variants."""
    folder = tmp_path_factory.mktemp("report")
    results, params = make(folder, ["adam", "sgd", "gd"], far=["gd"])
    path = folder / "report.html"
    path.write_text(report.html(results, params))
    return path


@pytest.fixture
def window(several: Path, tab: Page) -> Iterator[Page]:
    """That page in a window, which must say nothing that is wrong."""
    with watched(tab) as said:
        tab.goto(several.as_uri())
        yield tab
        assert said == []


ROWS = "#leaderboard tbody[data-variant] > tr:first-child"


def column(window: Page, place: int) -> list[str]:
    """Return the first lines of a column of the leaderboard."""
    cells = window.locator(f"{ROWS} > :nth-child({place})").all_inner_texts()
    return [cell.strip().splitlines()[0] for cell in cells]


def texts(window: Page, selector: str) -> list[str]:
    """Return what is seen of some elements."""
    return [each.inner_text() for each in window.locator(selector).all() if each.is_visible()]


def axes(window: Page) -> str:
    """Return the axes of the first chart."""
    return window.locator(".axes").first.inner_html()


def test_tables_sort_by_a_click(window: Page) -> None:
    """The best first; a second click turns the order, and the head says which it is."""
    before = column(window, 3)
    assert before == sorted(before, reverse=True)
    head = window.locator("#leaderboard thead th").nth(2)
    head.get_by_role("button").click()
    assert column(window, 3) == before
    assert head.get_attribute("aria-sort") == "descending"
    head.get_by_role("button").click()
    assert column(window, 3) == sorted(before)
    assert head.get_attribute("aria-sort") == "ascending"


def test_nothing_is_lost_without_a_script(several: Path, browser: Browser) -> None:
    """A page that may run none says the same, and offers no button."""
    said = []
    controls = "main :is(.tool, select, #run, p:has(> label))"
    for allowed in (True, False):
        context = browser.new_context(java_script_enabled=allowed)
        window = context.new_page()
        window.goto(several.as_uri())
        assert bool(window.locator("button, input, select").count()) == allowed
        window.evaluate(f"document.querySelectorAll('{controls}').forEach((each) => each.remove())")
        said.append(window.locator("main").text_content().split())  # type: ignore[union-attr]
        context.close()
    assert said[0] == said[1]


def test_any_variant_is_held_against_the_others(window: Page, several: Path) -> None:
    """Sentence, verdicts, differences and seeds follow; the address brings it back."""
    assert texts(window, "#sentence") == ["Against adam: sgd inconclusive; gd worse."]
    first = window.locator(".ranks").inner_html()
    straight = texts(window, "[data-variant=sgd] .range small")
    window.get_by_label("Against", exact=True).select_option("sgd")
    assert texts(window, "#sentence") == ["Against sgd: adam inconclusive; gd worse."]
    turned = texts(window, "[data-variant=adam] .range small")
    numbers = [
        [float(x) for x in re.findall(r"[+-]\d+\.\d+", text.replace("\N{MINUS SIGN}", "-"))]
        for text in (straight[0], turned[0])
    ]
    difference, low, high = numbers[0]
    assert numbers[1] == [-difference, -high, -low]
    assert texts(window, "[data-variant=sgd] .verdict") == ["reference"]
    assert texts(window, "#needed th[scope]") == ["adam", "gd"]
    assert window.url == f"{several.as_uri()}#against=sgd"
    window.reload()
    assert texts(window, "#sentence") == ["Against sgd: adam inconclusive; gd worse."]
    window.get_by_label("Against", exact=True).select_option("gd")
    assert texts(window, "#sentence") == ["Against gd: adam, sgd better."]
    window.get_by_role("button", name="reset").click()
    assert window.url == several.as_uri()
    again = window.locator(".ranks").inner_html()
    words = [re.sub(r"<[^>]*>", " ", html).split() for html in (first, again)]
    assert words[0] == words[1]
    # The script draws what the page had before it ran.
    places = [
        [float(x) for x in re.findall(r"(?:left|width):\s*([\d.]+)%", html)]
        for html in (first, again)
    ]
    assert places[1] == pytest.approx(places[0], abs=0.2)


def test_what_is_hidden_is_nowhere_and_axes_adapt(window: Page, several: Path) -> None:
    """In tables, panels, matrix and charts; what was far away has room when it is alone."""
    before = axes(window)
    for name in ("adam", "sgd"):
        window.get_by_role("button", name=name, exact=True).click()
    assert window.url == f"{several.as_uri()}#hide=adam,sgd"
    assert texts(window, f"{ROWS} th[scope]") == ["gd"]
    assert texts(window, ".pairs thead th") == ["gd"]
    panels = window.locator("figure[data-of]").all()
    assert {each.get_attribute("data-of") for each in panels if each.is_visible()} == {"gd"}
    assert axes(window) != before
    window.reload()
    assert texts(window, f"{ROWS} th[scope]") == ["gd"]
    window.get_by_role("button", name="reset").click()
    assert len(texts(window, f"{ROWS} th[scope]")) == 3
    assert axes(window) == before


def test_patterns_show_and_highlight(window: Page) -> None:
    """A text or a regular expression; what is none is a text."""
    window.get_by_label("show: text or pattern").fill("^(adam|gd)$")
    assert [text.split()[0] for text in texts(window, f"{ROWS} th[scope]")] == ["adam", "gd"]
    window.get_by_label("show: text or pattern").fill("(")
    assert texts(window, f"{ROWS} th[scope]") == []
    window.get_by_label("show: text or pattern").fill("")
    before = axes(window)
    window.get_by_label("highlight: text or pattern").fill("AD")
    # What is highlighted was shown before: the script's axes are the page's.
    assert axes(window) == before
    assert window.locator("figure .dim").count()
    assert window.locator("tbody.marked").count() == 1
    window.get_by_label("highlight: text or pattern").fill("^gd$")
    assert axes(window) != before


def test_a_row_opens_to_its_seeds(window: Page) -> None:
    """Each with its metrics and epochs."""
    row = window.locator("tbody[data-variant=adam] .seeds")
    assert not row.locator("table").is_visible()
    row.locator("summary").click()
    assert row.locator("tbody tr").count() == 5
    assert "accuracy" in row.locator("thead").inner_text()


def test_values_are_told_to_pointer_and_keyboard(window: Page) -> None:
    """The nearest point; arrows go from point to point, and from line to line."""
    figure = window.locator("#learning figure").first
    figure.hover()
    said = window.get_by_role("status").and_(window.locator("#tip"))
    assert re.fullmatch(r"(adam|sgd|gd) · epoch \d: [\d.]+", said.inner_text())
    figure.press("ArrowRight")
    assert said.inner_text().startswith("adam · epoch 1: ")
    figure.press("ArrowRight")
    assert said.inner_text().startswith("adam · epoch 2: ")
    figure.press("ArrowDown")
    assert said.inner_text().startswith("sgd · epoch 2: ")
    figure.press("ArrowLeft")
    assert said.inner_text().startswith("sgd · epoch 1: ")
    figure.press("End")
    assert said.inner_text().startswith("sgd · epoch 6: ")
    figure.press("ArrowDown")
    assert said.inner_text().endswith(", above the axis")
    figure.press("Escape")
    assert not said.is_visible()


def test_the_difference_that_matters_has_its_seeds(window: Page, several: Path) -> None:
    """And the command that trains them."""
    window.get_by_label("The difference that matters").select_option("0.5")
    most = max(int(text) for text in texts(window, "#needed td.chosen") if text.isdigit())
    assert texts(window, "#run code") == [f"dvc exp run -S seeds.count={most}"]
    assert window.url == f"{several.as_uri()}#size=4"
    window.reload()
    assert texts(window, "#run code") == [f"dvc exp run -S seeds.count={most}"]


def test_tables_and_figures_are_downloaded(window: Page) -> None:
    """As CSV and SVG, which need nothing of the page."""
    with window.expect_download() as wait:
        window.locator("#leaderboard > .tool, #leaderboard .ranks + .tool").click()
    text = wait.value.path().read_text(encoding="utf-8-sig")
    lines = list(csv.reader(text.splitlines()))
    assert wait.value.suggested_filename == "leaderboard.csv"
    assert [line[1] for line in lines] == ["variant", "adam leading champion", "sgd leading", "gd"]
    assert re.fullmatch(r"0\.\d{4} ± 0\.\d{4} 0\.\d{4} to 0\.\d{4}", lines[1][2])
    figure = window.locator("#learning figure").first
    figure.hover()
    with window.expect_download() as wait:
        figure.get_by_role("button", name="SVG").click()
    text = wait.value.path().read_text()
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert not re.findall(r"var\(--(?!line)", text)
    assert text.count("<path") > 3
    # It names what it shows.
    assert "Validation error (1 - accuracy)" in text
    assert all(re.search(f">{name} [\\d.]+</text>", text) for name in ("adam", "sgd", "gd"))
    assert "here" not in re.findall(r'class="(\w+)"', text)


def test_an_odd_address_is_none(window: Page, several: Path) -> None:
    """The page is as it is without one."""
    for address in (
        "#hide=%ZZ",
        "#mark=%",
        "#against=nobody",
        "#size=99",
        "#size=x",
        "#&&",
        "#power",
    ):
        window.goto("about:blank")
        window.goto(f"{several.as_uri()}{address}")
        assert texts(window, "#sentence") == ["Against adam: sgd inconclusive; gd worse."], address
        assert len(texts(window, f"{ROWS} th[scope]")) == 3, address


def test_a_page_inside_another_works(several: Path, browser: Browser) -> None:
    """Notebooks and viewers show it so, where it has no address."""
    window = browser.new_page()
    window.set_content('<iframe sandbox="allow-scripts" style="width:100%;height:900px"></iframe>')
    window.locator("iframe").evaluate("(frame, text) => (frame.srcdoc = text)", several.read_text())
    frame = window.frame_locator("iframe")
    frame.get_by_role("button", name="gd", exact=True).click()
    assert not frame.locator("tbody[data-variant=gd]").is_visible()
    window.close()


@pytest.mark.parametrize(
    ("scheme", "paper", "grid"),
    [("light", PAPER, GRID), ("dark", DARK[PAPER], DARK[GRID])],
)
def test_the_reader_chooses_light_or_dark(
    several: Path, browser: Browser, scheme: str, paper: str, grid: str
) -> None:
    """Page and figures have those colours."""
    window = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    window.goto(several.as_uri())
    expected = [
        f"rgb({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))})"
        for colour in (paper, grid)
    ]
    looks = "(of) => getComputedStyle(document.querySelector(of))"
    assert window.evaluate(f"({looks})('body').backgroundColor") == expected[0]
    assert window.evaluate(f"({looks})('.chart figure use').stroke") is not None
    assert window.evaluate(f"({looks})('defs .grid').stroke") == expected[1]
    window.close()


SCRIPT = 25 * 1024
"""So many bytes a page's script may have at the most."""


def test_a_page_stays_small(written: Path) -> None:
    """Also of twenty variants, each with ten seeds and several panels; lines stand in it once."""
    text = written.read_text()
    (script,) = re.findall(r"<script>(.*)</script>", text, flags=re.DOTALL)
    assert len(script) <= SCRIPT
    assert len(text) < 450_000


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    """Page and text."""
    results, params = make(tmp_path, ["adam", "sgd"], diverged=["sgd"])
    assert report.html(results, params) == report.html(results, params)
    assert report.markdown(results, params) == report.markdown(results, params)


def test_the_words_of_the_text(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    """They are those of tests/golden/report.md."""
    names = ["adam", "gd", "sgd"]
    said = {
        "Verdicts": report.markdown(*make(tmp_path, names, far=["gd"])),
        "A preview": report.markdown(*make(tmp_path, names, seeds=2)),
    }
    golden("report.md", document(said))


CONCLUSIONS = re.compile(r"\b(leads?|better|worse|equivalent|inconclusive|champion|choose)\b", re.I)


def test_a_preview_is_described_and_advises_nothing(tmp_path: Path) -> None:
    """It says what it is first, and what a verdict takes; nobody is marked."""
    results, params = make(tmp_path, ["adam", "sgd", "gd"], far=["gd"], seeds=2)
    text = report.markdown(results, params)
    assert text.splitlines()[2].startswith("Preview of 2 seeds ")
    assert "`seeds.count: 5`" in text
    page = report.html(results, params)
    seen = re.sub("<(style|script).*?</\\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    assert "no verdicts yet" in seen
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
