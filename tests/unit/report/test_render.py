"""The whole report as Markdown: every figure in it, well-formed tables, links, plain words for what is missing."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from easyhard.errors import InputError
from easyhard.evaluation.rows import ROW_SCHEMA
from easyhard.report.metrics import Figures
from easyhard.report.render import fill, markdown, names_of
from easyhard.report.setup import Setup
from easyhard.report.tables import Table
from easyhard.report.words import strong

from . import made_up
from .conftest import Make

TEMPLATE = Path(__file__).parents[3] / "workflow" / "scripts" / "easyhard" / "report" / "report.md.j2"
NAMES = ("pareto", "policies", "exits", "risk_coverage", "differences", "reliability", "strata", "separation")
CHARTS = {name: SimpleNamespace(title=f"What of {name}?", says=f"It says {name}.") for name in NAMES}
PARTS = ["The answer", "Where to stop", "Layer by layer", "How good, how sure", "The founding author's exits"]
PARTS += ["The founding experiments, repeated", "How it was measured"]
MOST_LINES = 250


NOTHING = Figures(pl.DataFrame(schema=ROW_SCHEMA), "all_rows")


def render(
    published: Figures | None, fair: Figures | None, own: Setup, charts: Mapping[str, Any], brought: Figures = NOTHING
) -> str:
    """The report as Markdown."""
    return fill(TEMPLATE, names_of(published, fair, brought, own, charts))


def headings(text: str, level: int) -> list[str]:
    """The headings of that level."""
    return re.findall(rf"^{'#' * level} (.+)$", text, flags=re.M)


def links(text: str) -> set[str]:
    """The names of the figures that are shown."""
    return set(re.findall(r"!\[[^\]]+\]\(figures/(\w+)\.svg\)", text))


def check_form(text: str) -> None:
    """Well-formed tables, no word of the machine, no template or mark left over."""
    blocks = [block.strip().splitlines() for block in re.split(r"\n\s*\n", text) if block.lstrip().startswith("|")]
    assert blocks
    for lines in blocks:
        assert len({len(line) for line in lines}) == 1
        assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
        assert re.fullmatch(r"\|( -+:? \|)+", lines[1])
    assert not re.search(r"\b(nan|None|-?inf|True|False)\b|\{\{|\{%|\n{3,}|[\ue000\ue001]", text)
    assert text.endswith(".\n")
    for line, after in zip(text.splitlines(), text.splitlines()[1:], strict=False):
        assert not (line.startswith("|") and after and not after.startswith("|")), line


def test_markdown_is_padded_aligned_and_escaped() -> None:
    assert markdown(Table(["name", "n"], [["a|b", "1"], [strong("c"), "1,000"]])).splitlines() == [
        "| name  |     n |",
        "| ----- | ----: |",
        "| a\\|b  |     1 |",
        "| **c** | 1,000 |",
    ]


def test_what_a_column_is_called_opens_no_tag(make_fair: Make, run_setup: Setup) -> None:
    hostile = "<script>alert(1)</script>"
    text = render(None, make_fair({f"leaks/{hostile}/reason_traced": 1.0}), run_setup, CHARTS)
    assert r"\<script>alert(1)\</script> (a function of the loss)" in text
    assert not re.search(r"(?<!\\)<[a-z/]", text)
    assert markdown(Table(["name", "n"], [["<b>", "< 0.1"]])).splitlines()[-1] == r"| \<b> | < 0.1 |"


def test_the_answer_comes_first_and_the_founding_experiment_last(
    make_fair: Make, make_figures: Make, run_setup: Setup
) -> None:
    text = render(make_figures(), make_fair(), run_setup, CHARTS)
    check_form(text)
    assert headings(text, 1) == ["Easy and hard tokens: run `wikitext2`"]
    assert headings(text, 2) == PARTS
    assert links(text) == set(CHARTS)
    assert len(text.splitlines()) <= MOST_LINES
    assert (
        text.index("To tell tokens with loss > 3 nats") < text.index("What of pareto?") < text.index("It says pareto.")
    )
    assert "\n- **“Two modes”: falls.** Of the loss: a single mode" in text
    for words in ("CC BY-SA", "ab" * 32, "CPU, 2 threads", "2.13.0", "2026-11-27: 19.2 minutes of jobs"):
        assert words in text


def test_a_run_without_the_founding_experiments_says_nothing_of_them(
    make_fair: Make, bare_fair: Figures, run_setup: Setup
) -> None:
    without = ("founding_exits", "saturation")
    text = render(None, make_fair(without=without), replace(run_setup, tokens={}), CHARTS)
    check_form(text)
    assert not re.search("founding|faithful|WikiText-2 and|published", text)
    bare = render(None, bare_fair, replace(run_setup, tokens={}), {})
    check_form(bare)
    assert links(bare) == set()
    assert headings(bare, 2) == ["The answer", "How good, how sure", "How it was measured"]


def test_what_one_has_to_know_comes_before_the_first_picture(make_fair: Make, run_setup: Setup) -> None:
    changed = {"leaks/mine/reason_traced": 1.0, "causality/states/checked": 0.0}
    text = render(None, make_fair(changed), run_setup, CHARTS)
    check_form(text)
    pareto = text.index("What of pareto?")
    assert text.index("**Know the answer and are left out") < text.index("seen later tokens can't be told") < pareto


def test_all_rows_of_what_was_brought_along(bare_fair: Figures, make_brought: Make, run_setup: Setup) -> None:
    text = render(None, bare_fair, replace(run_setup, tokens={}), {}, make_brought())
    check_form(text)
    assert "All rows" in headings(text, 2)
    assert re.search(r"^\| mine +\| +0\.610 \|", text, flags=re.M)


def test_a_run_of_the_founding_experiments_alone(make_figures: Make, run_setup: Setup) -> None:
    text = render(make_figures(), None, run_setup, CHARTS)
    check_form(text)
    assert headings(text, 2) == PARTS[-2:]
    assert "All 25 figures that have a band for a faithful run are inside it." in text


@pytest.mark.parametrize("share", [0.35, 1.0])
def test_null_values_print_as_a_dash(
    make_fair: Make, make_figures: Make, complete: dict[str, Any], run_setup: Setup, share: float
) -> None:
    """Some or all undefined but what the report is built on: it still stands, without a word from the machine."""
    random = np.random.default_rng(5)
    kept = ("is_class_best", "main_threshold", "budget")
    names = ["/".join(name) for name in made_up.table() if name[2] not in kept and random.random() < share]
    nulls = {name: None for name in complete if not name.startswith("model/") and random.random() < share}
    assert len(names) > 1000
    text = render(make_figures(nulls), make_fair(dict.fromkeys(names)), run_setup, CHARTS)
    check_form(text)
    assert "–" in text


def test_another_corpus_has_no_bands(make_figures: Make, run_setup: Setup) -> None:
    figures = make_figures({"loss_distribution/loss/mean": 9.9})
    other = replace(run_setup, tokens=dict(run_setup.tokens) | {"tokens_sha256": "another"})
    text, founding = (render(figures, None, own, CHARTS) for own in (other, run_setup))
    assert "published (WikiText-2)" in text
    assert "published (WikiText-2)" not in founding
    assert "have a band" in founding
    assert "have a band" not in text


@pytest.mark.parametrize("name", ["regression/mlp2/loss_diff", "classification/majority/accuracy", "low_rank"])
def test_a_missing_figure_or_section_is_named(
    make_figures: Make, complete: dict[str, Any], run_setup: Setup, name: str
) -> None:
    section, metric = name.partition("/")[0], name.partition("/")[2].rpartition("/")[2]
    gone = tuple(other for other in complete if other.startswith(f"{section}/") and other.endswith(metric))
    with pytest.raises(InputError, match=f"no figure {section}/.*{metric}" if metric else f"no section {section}"):
        render(make_figures(without=gone), None, run_setup, CHARTS)


def test_a_broken_template_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.md.j2"
    with pytest.raises(InputError, match=r"own.md.j2: cannot be read"):
        fill(path, {})
    for text in ("{{ nothing_of_that_name }}", "{% if %}"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"own.md.j2: .*wanted: a name that the report provides"):
            fill(path, {})
