"""The whole report as Markdown: every figure in it, well-formed tables, links, plain words for what is missing."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.report.figures import drawable
from easyhard.report.metrics import Figures
from easyhard.report.render import fill, markdown, render
from easyhard.report.setup import Setup
from easyhard.report.tables import Table
from easyhard.report.words import metric_label, strong, value_text

from . import made_up
from .conftest import Make, Value

TEMPLATE = Path(__file__).parents[3] / "workflow" / "scripts" / "easyhard" / "report" / "report.md.j2"
SECTIONS = {
    "fair_low_rank": "Low rank, done right",
    "fair_learning": "Would more text to fit on help",
    "fair_stacks": "Stacks",
    "fair_strata": "Strata: is it only the rare word",
    "fair_ceilings": "Ceilings",
    "fair_calibration": "Calibration",
    "fair_shape": "Shape of the loss",
}
OF_EXITS = [
    "What each exit is worth", "Which signal tells whether a token may leave", "Which layers could be left out",
    "Which tokens are settled early",
    *("Everything counted", "Layers alone counted", "Baselines and oracles", "All policies", "In truth"),
    *("With a guarantee", "As a draft", "Which tokens leave where"), "Blocks trained one after another", "Saturation",
]  # fmt: skip
TOKEN_FIGURES = {"training_curve", "loss_histogram", "signals_against_loss", "regression"}


def headings(text: str, level: int) -> list[str]:
    """The headings of that level."""
    return re.findall(rf"^{'#' * level} (.+)$", text, flags=re.M)


def links(text: str) -> set[str]:
    """The names of the figures that are shown."""
    return set(re.findall(r"!\[[^\]]+\]\(figures/(\w+)\.svg\)", text))


def check_form(text: str) -> None:
    """Well-formed tables, no word of the machine, no template or mark left over."""
    blocks = [block.strip().splitlines() for block in re.split(r"\n\s*\n", text) if block.lstrip().startswith("|")]
    assert len(blocks) > 5
    for lines in blocks:
        assert len({len(line) for line in lines}) == 1
        assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
        assert re.fullmatch(r"\|( -+:? \|)+", lines[1])
    assert not re.search(r"\b(nan|None|-?inf|True|False)\b|\{\{|\{%|\n{3,}|[\ue000\ue001]", text)
    assert text.endswith("|\n")
    for line, after in zip(text.splitlines(), text.splitlines()[1:], strict=False):
        assert not (line.startswith("|") and after and not after.startswith("|")), line


def test_markdown_is_padded_aligned_and_escaped() -> None:
    assert markdown(Table(["name", "n"], [["a|b", "1"], [strong("c"), "1,000"]])).splitlines() == [
        "| name  |     n |",
        "| ----- | ----: |",
        "| a\\|b  |     1 |",
        "| **c** | 1,000 |",
    ]


def test_the_first_page_comes_first_and_the_founding_sections_last(
    make_fair: Make, make_figures: Make, run_setup: Setup
) -> None:
    text = render(make_figures(), make_fair(), run_setup, TEMPLATE)
    check_form(text)
    assert headings(text, 1) == [
        "Easy and hard tokens: run `wikitext2`", "Fair evaluation", "Layer by layer",
        "Where to stop",
        "The founding author's exits", "The founding experiments, repeated",
    ]  # fmt: skip
    second = headings(text, 2)
    assert second[:4] == [
        "Which signal to use", "The two marks", "How far from the ceiling",
        "What the founding document concluded, examined again",
    ]  # fmt: skip
    parts = ["Data and split", "Signals", "Differences", *SECTIONS.values(), *OF_EXITS, "What was found"]
    assert second[4 : 4 + len(parts)] == parts
    assert second[-2:] == ["Bands of a faithful run", "Configuration"]
    assert second.count("Set-up") == 1
    assert links(text) == {*drawable(make_fair()), *drawable(make_figures()), *TOKEN_FIGURES}
    assert "How centred and weighted low ranks fare stands under “Low rank, done right” above." in text
    assert re.search(r"^1\. Is a signal without a pass .* \*\*No\.\*\* The best", text, flags=re.M)
    assert "\n- **“Two modes”: falls.** Of the loss: a single mode" in text
    published = render(make_figures(), None, run_setup, TEMPLATE)
    check_form(published)
    assert "done right" not in published
    assert all(line in text for line in published.splitlines()[2:])


def test_a_run_without_the_founding_experiments_says_nothing_of_them(
    make_fair: Make, bare_fair: Figures, run_setup: Setup
) -> None:
    text = render(None, make_fair(), replace(run_setup, tokens={}), TEMPLATE)
    check_form(text)
    assert not re.search("founding (document|experiment)|faithful|WikiText-2 and", text)
    assert "Low rank, kind against kind" in text
    assert headings(text, 2)[-2:] == ["Set-up", "Configuration"]
    assert links(text) == set(drawable(make_fair()))
    bare = render(None, bare_fair, replace(run_setup, tokens={}), TEMPLATE)
    check_form(bare)
    assert links(bare) == {"risk_coverage", "differences"}
    assert headings(bare, 2) == [
        "Which signal to use", "Data and split", "Signals", "Differences", "Shape of the loss", "Set-up",
        "Configuration",
    ]  # fmt: skip


@pytest.mark.parametrize(("section", "heading"), SECTIONS.items())
def test_a_section_without_figures_is_left_out(make_fair: Make, run_setup: Setup, section: str, heading: str) -> None:
    whole = render(None, make_fair(), run_setup, TEMPLATE)
    text = render(None, make_fair(without=(section,)), run_setup, TEMPLATE)
    check_form(text)
    assert set(headings(whole, 2)) - set(headings(text, 2)) == {heading}


def check_printed(names: list[str], report: Callable[[dict[str, Value]], str]) -> None:
    """Give every figure a value that nothing else has, and look for each in the report."""
    labels = {name: metric_label(name.partition("/")[0], name.rpartition("/")[2]) for name in names}
    values: dict[str, Value] = {name: (7000.0 + index) / labels[name].scale for index, name in enumerate(names)}
    before, text = (report(made).replace(",", "") for made in ({}, values))
    assert len(names) > 300
    for name in names:
        printed = rf"\b{value_text(labels[name], values[name]).replace(',', '')}\b"
        assert not re.search(printed, before), name
        assert re.search(printed, text), name


def test_every_figure_of_a_signal_is_printed(make_fair: Make, run_setup: Setup) -> None:
    metrics = [f"auroc_loss_over_{name}" for name in (1, 3, 5, 8, "median")] + ["auroc_argmax_wrong", "multiply_adds"]
    metrics += ["auprc_loss_over_3", "spearman", "augrc", "prr", "loss_diff", "oracle_share"]
    names = [f"fair_signals/{item}/{metric}" for item in made_up.SIGNALS for metric in metrics]
    check_printed(names, lambda made: render(None, make_fair(made), run_setup, TEMPLATE))


def test_every_founding_figure_is_printed(make_figures: Make, complete: dict[str, Any], run_setup: Setup) -> None:
    fixed = ("loss/modes", "oracle/pearson", "oracle/spearman", "oracle/mean", "oracle/std")
    fixed += ("/high_means_easy", "/prevalence")
    names = [name for name, value in complete.items() if value is not None and not name.endswith(fixed)]
    check_printed(names, lambda made: render(make_figures(made), None, run_setup, TEMPLATE))


@pytest.mark.parametrize("share", [0.35, 1.0])
def test_null_values_print_as_a_dash(
    make_fair: Make, make_figures: Make, complete: dict[str, Any], run_setup: Setup, share: float
) -> None:
    """Some or all undefined but what the report is built on: it still stands, without a word from the machine."""
    random = np.random.default_rng(5)
    kept = ("is_class_best", "main_threshold")
    names = ["/".join(name) for name in made_up.table() if name[2] not in kept and random.random() < share]
    nulls = {name: None for name in complete if not name.startswith("model/") and random.random() < share}
    assert len(names) > 1000
    text = render(make_figures(nulls), make_fair(dict.fromkeys(names)), run_setup, TEMPLATE)
    check_form(text)
    assert "–" in text


def test_another_corpus_has_no_bands(make_figures: Make, run_setup: Setup) -> None:
    figures = make_figures({"loss_distribution/loss/mean": 9.9})
    other = replace(run_setup, tokens=dict(run_setup.tokens) | {"tokens_sha256": "another"})
    text, founding = (render(figures, None, own, TEMPLATE) for own in (other, run_setup))
    assert "published (WikiText-2)" in text
    assert "published (WikiText-2)" not in founding
    for words in ("†", "Bands of a faithful run", "have a band"):
        assert words in founding
        assert words not in text


@pytest.mark.parametrize("name", ["regression/mlp2/pearson", "classification/majority/f1", "low_rank"])
def test_a_missing_figure_or_section_is_named(
    make_figures: Make, complete: dict[str, Any], run_setup: Setup, name: str
) -> None:
    section, metric = name.partition("/")[0], name.partition("/")[2].rpartition("/")[2]
    gone = tuple(other for other in complete if other.startswith(f"{section}/") and other.endswith(metric))
    with pytest.raises(InputError, match=f"no figure {section}/.*{metric}" if metric else f"no section {section}"):
        render(make_figures(without=gone), None, run_setup, TEMPLATE)


def test_a_run_too_small_for_confident_tokens_still_has_a_report(
    make_figures: Make, complete: dict[str, Any], run_setup: Setup
) -> None:
    gone = tuple(name for name in complete if name.startswith("high_confidence/") and "/pearson_" in name)
    text = render(make_figures(without=gone), None, run_setup, TEMPLATE)
    assert "| threshold | source     | tokens | share (%) |" in text


def test_a_broken_template_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.md.j2"
    with pytest.raises(InputError, match=r"own.md.j2: cannot be read"):
        fill(path, {})
    for text in ("{{ nothing_of_that_name }}", "{% if %}"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"own.md.j2: .*wanted: a name that the report provides"):
            fill(path, {})


def test_corrections_and_setup_are_printed(make_figures: Make, run_setup: Setup) -> None:
    report = render(make_figures(), None, run_setup, TEMPLATE)
    sections = dict(re.findall(r"^## (\d)\..*?$(.*?)(?=^## )", report, flags=re.M | re.S))
    assert list(sections) == list("123456789")
    assert "\n**A large Cohen's d is no evidence of two modes.** Cutting" in sections["1"]
    for words in ("CC BY-SA", "ab" * 32, "69,830", "2,051,910", "2.13.0", "CPU, 2 threads", "1,110.4", "1,203"):
        assert words in report
    assert re.search(r"low_rank\.ranks +\| 1, 2, 5 ", report)
    assert re.search(r"corpus\.hub\.config +\| – ", report)
    assert re.search(r"all: sum, highest +\| +1,152\.4 \| +1,203 ", report)
