"""The report with its fair part: alone, before the published sections, and for a run of bare signals."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.report.fair_names import figure_names
from easyhard.report.metrics import Figures
from easyhard.report.render import render

from .made_up_fair import SIGNALS, table

Make = Callable[..., Figures]

SECTIONS = {
    "fair_low_rank": "Low rank, done right",
    "fair_learning": "Would more text to fit on help",
    "fair_stacks": "Stacks",
    "fair_strata": "Strata: is it only the rare word",
    "fair_ceilings": "Ceilings",
    "fair_calibration": "Calibration",
    "fair_shape": "Shape of the loss",
}


def headings(text: str, level: int) -> list[str]:
    """The headings of that level."""
    return re.findall(rf"^{'#' * level} (.+)$", text, flags=re.M)


def links(text: str) -> set[str]:
    """The names of the figures that are shown."""
    return set(re.findall(r"!\[[^\]]+\]\(figures/(\w+)\.svg\)", text))


def check_form(text: str) -> None:
    """Well-formed tables, no word of the machine, no template left over."""
    blocks = [block.strip().splitlines() for block in re.split(r"\n\s*\n", text) if block.lstrip().startswith("|")]
    for lines in blocks:
        assert len({len(line) for line in lines}) == 1
        assert re.fullmatch(r"\|( -+:? \|)+", lines[1])
    assert not re.search(r"\b(nan|None|-?inf|True|False)\b", text)
    assert "{{" not in text
    assert "{%" not in text
    assert not re.search(r"\n{3,}", text)
    for line, after in zip(text.splitlines(), text.splitlines()[1:], strict=False):
        assert not (line.startswith("|") and after and not after.startswith("|")), line


def test_the_first_page_comes_first_and_the_published_sections_last(
    make_fair: Make, make_figures: Make, run_setup: dict[str, Any], template: Path
) -> None:
    text = render(make_figures(), run_setup, template, make_fair())
    check_form(text)
    assert headings(text, 1) == [
        "Easy and hard tokens: run `wikitext2`", "Fair evaluation", "The founding experiments, repeated"
    ]  # fmt: skip
    second = headings(text, 2)
    assert second[:4] == [
        "Which signal to use", "The two marks", "How far from the ceiling",
        "What the founding document concluded, examined again",
    ]  # fmt: skip
    assert second[4:15] == ["Data and split", "Signals", "Differences", *SECTIONS.values(), "What was found"]
    assert second[-1] == "Configuration"
    assert second.count("Set-up") == 1
    assert links(text) > set(figure_names("trained"))
    assert "How centred and weighted low ranks fare stands under “Low rank, done right” above." in text
    published = render(make_figures(), run_setup, template)
    assert "done right" not in published
    for line in published.splitlines()[2:]:
        assert line in text


def test_a_run_without_the_founding_experiments(make_fair: Make, run_setup: dict[str, Any], template: Path) -> None:
    text = render(None, run_setup | {"tokens": None}, template, make_fair())
    check_form(text)
    assert "The founding experiments" not in text
    assert headings(text, 2)[-2:] == ["Set-up", "Configuration"]
    for words in ("WikiText-2 raw", "CC BY-SA", "2.13.0", "CPU, 2 threads", "1,110.4", "low_rank.ranks"):
        assert words in text
    assert links(text) == set(figure_names("activations"))


def test_a_run_of_bare_signals(bare_fair: Figures, run_setup: dict[str, Any], template: Path) -> None:
    text = render(None, run_setup | {"tokens": None}, template, bare_fair)
    check_form(text)
    assert links(text) == set(figure_names("signals"))
    assert headings(text, 2) == [
        "Which signal to use", "What the founding document concluded, examined again", "Data and split", "Signals",
        "Differences", "Shape of the loss", "Set-up", "Configuration",
    ]  # fmt: skip


@pytest.mark.parametrize(("section", "heading"), SECTIONS.items())
def test_a_section_without_figures_is_left_out(
    make_fair: Make, run_setup: dict[str, Any], template: Path, section: str, heading: str
) -> None:
    whole = render(None, run_setup, template, make_fair())
    text = render(None, run_setup, template, make_fair(without=(section,)))
    check_form(text)
    assert set(headings(whole, 2)) - set(headings(text, 2)) == {heading}


def test_every_figure_of_a_signal_is_printed(make_fair: Make, run_setup: dict[str, Any], template: Path) -> None:
    """Give every figure a value that nothing else has, and look for each in the report."""
    metrics = [f"auroc_loss_over_{name}" for name in (1, 3, 5, 8, "median")] + ["auroc_argmax_wrong", "multiply_adds"]
    metrics += ["auprc_loss_over_3", "spearman", "augrc", "prr", "loss_diff", "oracle_share"]
    names = [("fair_signals", item, metric) for item in SIGNALS for metric in metrics]
    values = {name: 7000.0 + index for index, name in enumerate(names)}
    shares = {name: value / 100 for name, value in values.items() if name[2] == "oracle_share"}
    changed = {name: (value, None, None) for name, value in (values | shares).items()}
    text = render(None, run_setup, template, make_fair(changed)).replace(",", "")
    before = render(None, run_setup, template, make_fair()).replace(",", "")
    assert len(names) > 300
    for value in values.values():
        assert not re.search(rf"\b{value:.0f}\b", before)
        assert re.search(rf"\b{value:.0f}\b", text)


@pytest.mark.parametrize("share", [0.35, 1.0])
def test_null_values_print_as_a_dash(make_fair: Make, run_setup: dict[str, Any], template: Path, share: float) -> None:
    """Some or all undefined but what the report is built on: it still stands, without a word from the machine."""
    random = np.random.default_rng(5)
    kept = {"is_class_best", "main_threshold"}
    nulls = {name: (None, None, None) for name in table() if name[2] not in kept and random.random() < share}
    assert len(nulls) > 1000
    text = render(None, run_setup, template, make_fair(nulls))
    check_form(text)
    assert "–" in text


def test_a_missing_template_beside_the_first_is_named(
    make_fair: Make, run_setup: dict[str, Any], template: Path, tmp_path: Path
) -> None:
    alone = tmp_path / template.name
    alone.write_text(template.read_text())
    with pytest.raises(InputError, match=r"fair\.md\.j2: cannot be read"):
        render(None, run_setup, alone, make_fair())
