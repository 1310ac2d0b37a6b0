"""The page in a real browser: from disk, without a network, pointed at, sorted, searched, small, dark and printed."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.unit.report import made_up

from easyhard.report.catalogue import tables_of
from easyhard.report.gallery import charts_of
from easyhard.report.page import write_page
from easyhard.report.render import names_of

CHROMIUM = Path("/usr/bin/chromium")
TEMPLATE = Path(__file__).parents[2] / "workflow" / "scripts" / "easyhard" / "report" / "page.html.j2"
HOSTILE = "<script>alert(1)</script>"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
MOST_BYTES = 5_000_000

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium; apt-get install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def file(
    make_fair: Any,
    make_figures: Any,
    make_brought: Any,
    run_setup: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Path:
    """A page of both protocols, of which one signal, the run and a token have hostile names."""
    monkeypatch.setitem(made_up.SIGNALS, "entropy", (HOSTILE, *made_up.SIGNALS["entropy"][1:]))
    fair, published = make_fair(), make_figures()
    object.__setattr__(run_setup, "run", HOSTILE)
    token = ["</script><script>alert(2)</script>", "first", 3.5, 2, [1.5, 0.2], [70, 20]]
    easy = [" easy", None, 0.1, None, [0.5, 0.9], [10, 5]]
    text = {"signals": [["entropy", HOSTILE], ["margin", "margin"]], "documents": [[easy, token], [easy]], "layers": 4}
    names = names_of(published, fair, make_brought(), run_setup, charts_of(fair, published))
    page = write_page(TEMPLATE, names, tables_of(fair, published, make_brought(), True), text)
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    assert len(page.encode()) < MOST_BYTES
    return path


@pytest.fixture
def opened(browser: Browser, file: Path) -> Iterator[Page]:
    """The page at 1,280 pixels; it may say nothing on the console and ask for nothing but itself."""
    yield from _open(browser, file, 1280, "light")


def _open(browser: Browser, file: Path, width: int, scheme: Any) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, said, asked = context.new_page(), list[str](), list[str]()
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.locator("[data-chart=pareto]").scroll_into_view_if_needed()
    page.wait_for_selector("[data-chart=pareto] svg")
    page.wait_for_selector("#ranked .dt-container")
    yield page
    assert said == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
    context.close()


def test_pointing_at_a_mark_tells_of_it(opened: Page) -> None:
    mark = opened.locator("[data-chart=pareto] svg .mark-symbol path").first
    mark.scroll_into_view_if_needed()
    mark.hover(force=True)
    tip = opened.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    words = tip.inner_text()
    for word in ("signal", "AUROC", "multiply-adds", "[0."):
        assert word in words


def test_the_legend_hides_and_shows_classes(opened: Page) -> None:
    marks = opened.locator("[data-chart=pareto] svg .mark-symbol.role-mark path")
    before = marks.count()
    opened.locator("[data-chart=pareto] svg .role-legend-label text", has_text="a low-rank head").click()
    opened.wait_for_function(
        f"document.querySelectorAll('[data-chart=pareto] svg .mark-symbol.role-mark path').length < {before}"
    )
    opened.locator("[data-chart=pareto] svg .role-legend-label text", has_text="a low-rank head").click()
    opened.wait_for_function(
        f"document.querySelectorAll('[data-chart=pareto] svg .mark-symbol.role-mark path').length == {before}"
    )


def test_the_table_is_sorted_searched_and_filtered(opened: Page) -> None:
    first = opened.locator("#ranked tbody tr").first
    assert first.locator("td").nth(1).inner_text() == "stack of hidden and context"
    head = opened.locator("#ranked thead th", has_text="AUROC")
    for way, turned in (("ascending", False), ("descending", True)):
        head.click()
        opened.wait_for_selector(f"#ranked thead th[aria-sort={way}]")
        opened.wait_for_timeout(300)
        values = [float(own.split()[0]) for own in opened.locator("#ranked tbody td:nth-child(5)").all_inner_texts()]
        assert values == sorted(values, reverse=turned)
    opened.locator("#ranked input[type=search]").fill("Gaussian log-sum")
    opened.wait_for_function("document.querySelectorAll('#ranked tbody tr').length == 1")
    assert first.locator("td").nth(1).inner_text() == "Gaussian log-sum-exp"
    opened.locator("#ranked input[type=search]").fill("")
    opened.locator("#needs").select_option("earlier tokens too")
    opened.wait_for_timeout(300)
    kinds = set(opened.locator("#ranked tbody td:nth-child(3)").all_inner_texts())
    assert kinds == {"earlier tokens too"}


def test_the_text_is_shaded_and_told_of(opened: Page) -> None:
    token = opened.locator("#text span").nth(1)
    assert token.inner_text() == "</script><script>alert(2)</script>"
    shade = "el => getComputedStyle(el).getPropertyValue('--share')"
    assert float(token.evaluate(shade)) == pytest.approx(3.5 / 12)
    assert opened.locator("#high").inner_text() == "12 nats or more"
    opened.locator("#by").select_option("entropy")
    assert float(token.evaluate(shade)) == pytest.approx(0.7)
    assert opened.locator("#low").inner_text() == "easiest"
    opened.locator("#by").select_option("exit")
    assert float(token.evaluate(shade)) == pytest.approx(0.5)
    assert opened.locator("#high").inner_text() == "after layer 4"
    token.hover()
    told = opened.locator("#told").inner_text()
    for words in ("first choice", '"first"', "3.5 nats", "leaves after layer", HOSTILE, "1.5 (harder than 70 %)"):
        assert words in told
    opened.locator("#text").focus()
    opened.keyboard.press("ArrowRight")
    told = opened.locator("#told").inner_text()
    assert '" easy"' in told
    assert "no true pass here" in told


def test_a_wide_table_is_reached_and_moved_by_keys(browser: Browser, file: Path) -> None:
    for page in _open(browser, file, 390, "light"):
        table = page.locator("#how ~ details .wide").first
        table.evaluate("own => { own.closest('details').open = true; }")
        table.evaluate("own => { own.querySelector('td').style.minWidth = '60rem'; own.focus(); }")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.activeElement.scrollLeft > 0")
        assert table.evaluate("own => own === document.activeElement")


def test_hostile_names_are_shown_as_text(opened: Page) -> None:
    assert HOSTILE in opened.locator("h1").inner_text()
    assert opened.title() == f"{HOSTILE}: easy and hard tokens"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_small_page_has_no_sideways_scrolling(browser: Browser, file: Path, scheme: str) -> None:
    for page in _open(browser, file, 390, scheme):
        for place in page.locator("[data-chart]").all():
            place.scroll_into_view_if_needed()
            place.locator("svg").first.wait_for()
        for details in page.locator("details").all():
            details.evaluate("own => own.open = true")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_every_chart_is_drawn_and_has_its_table(opened: Page) -> None:
    places = opened.locator("[data-chart]").all()
    assert len(places) >= 12
    for place in places:
        place.scroll_into_view_if_needed()
        place.locator("svg").first.wait_for()
        assert place.get_attribute("aria-label")
        assert place.locator("xpath=following-sibling::details//table").count() == 1
    headings = opened.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(own => own.tagName)")
    levels = [int(own[1]) for own in headings]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels[1:]))


def test_words_stand_out_from_their_paper(browser: Browser, file: Path) -> None:
    """Contrast of 4.5 at least, of words of either kind and of the darkest shade under the text: WCAG 2.1."""
    for scheme in ("light", "dark"):
        for page in _open(browser, file, 1280, scheme):
            page.locator("#by").select_option("entropy")
            found = page.evaluate(
                """() => {
                  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
                  const light = (colours) => {
                    canvas.clearRect(0, 0, 1, 1);
                    for (const one of colours) { canvas.fillStyle = one; canvas.fillRect(0, 0, 1, 1); }
                    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((own) => own / 255)
                      .map((own) => own <= 0.04045 ? own / 12.92 : ((own + 0.055) / 1.055) ** 2.4);
                    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
                  };
                  const paper = getComputedStyle(document.body).backgroundColor;
                  const span = document.querySelector("#text span");
                  span.style.setProperty("--share", 1);
                  const pairs = [[".run", []], ["p", []], ["a", []], ["summary", []]]
                    .map(([own]) => [getComputedStyle(document.querySelector(own)).color, [paper]]);
                  pairs.push([getComputedStyle(span).color, [paper, getComputedStyle(span).backgroundColor]]);
                  return pairs.map(([ink, below]) => {
                    const [a, b] = [light([...below, ink]), light(below)].sort((x, y) => y - x);
                    return (a + 0.05) / (b + 0.05);
                  });
                }"""
            )
            assert min(found) >= 4.5, (scheme, found)


def test_it_prints(opened: Page) -> None:
    """With charts that nobody has scrolled to."""
    opened.wait_for_function(
        "[...document.querySelectorAll('[data-chart]')].every((place) => place.querySelector('svg'))"
    )
    printed = opened.pdf(format="A4")
    assert printed[:5] == b"%PDF-"
    assert len(printed) > 100_000
