"""The whole report: every figure in it, well-formed tables, links, plain words for what is missing."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from easyhard.errors import InputError
from easyhard.report.labels import metric_label, value_text
from easyhard.report.metrics import Figures
from easyhard.report.render import render

Make = Callable[..., Figures]
Name = tuple[str, str, str]


@pytest.fixture
def report(make_figures: Make, run_setup: dict[str, Any], template: Path) -> str:
    """The complete report on WikiText-2."""
    return render(make_figures(), run_setup, template)


def tables_of(text: str) -> list[list[str]]:
    """The tables of a Markdown text, each a list of its lines."""
    blocks = re.split(r"\n\s*\n", text)
    return [block.strip().splitlines() for block in blocks if block.lstrip().startswith("|")]


def test_every_measured_figure_is_printed(
    report: str, complete: dict[Name, float | None], make_figures: Make, run_setup: dict[str, Any], template: Path
) -> None:
    """Give every figure a value that nothing else has, and look for each in the report."""
    fixed = {("loss_distribution", "loss", "modes")}
    fixed |= {name for name in complete if name[2] == "high_means_easy"}
    fixed |= {("separation", "oracle", metric) for metric in ("pearson", "spearman", "mean", "std")}
    fixed |= {name for name in complete if name[2] == "prevalence" and name[1] != "majority"}
    names = [name for name, value in complete.items() if value is not None and name not in fixed]
    values = {name: (7000.0 + index) / metric_label(name[0], name[2]).scale for index, name in enumerate(names)}
    text = render(make_figures(values), run_setup, template).replace(",", "")
    assert len(names) > 300
    for section, item, metric in names:
        printed = value_text(metric_label(section, metric), values[section, item, metric]).replace(",", "")
        assert printed not in report.replace(",", "")
        assert printed in text, (section, item, metric)


def test_tables_are_well_formed(report: str) -> None:
    tables = tables_of(report)
    assert len(tables) >= 20
    for lines in tables:
        assert len({len(line) for line in lines}) == 1
        assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
        assert re.fullmatch(r"\|( -+:? \|)+", lines[1])


def test_links_lead_to_the_figures(report: str) -> None:
    links = re.findall(r"!\[[^\]]+\]\(figures/(\w+)\.svg\)", report)
    assert sorted(links) == sorted(
        ["training_curve", "loss_histogram", "signals_against_loss", "separation", "low_rank", "regression"]
    )


def test_no_value_of_the_machine_shows(report: str) -> None:
    assert not re.search(r"\b(nan|None|inf|True|False)\b", report)
    assert "{{" not in report
    assert "{%" not in report
    assert not re.search(r"\n{3,}", report)
    assert report.endswith("|\n")


def test_findings_come_first_and_sections_in_order(report: str) -> None:
    headings = re.findall(r"^## (.+)$", report, flags=re.M)
    assert headings[:3] == ["What was found", "How to read this report", "Set-up"]
    numbers = [int(heading.split(".")[0]) for heading in headings if heading[0].isdigit()]
    assert numbers == list(range(1, 10))


def test_corrections_stand_beside_their_tables(report: str) -> None:
    sections = dict(re.findall(r"^## (\d)\..*?$(.*?)(?=^## )", report, flags=re.M | re.S))
    assert "no evidence of two modes" in sections["1"]
    assert "breast cancer" in sections["1"]
    assert "majority class" in sections["4"]
    assert "balanced accuracy" in sections["4"]
    assert "Two cuts" in sections["4"]
    assert "tautology" in sections["5"]


def test_another_corpus_has_no_bands(make_figures: Make, run_setup: dict[str, Any], template: Path) -> None:
    changed = {("loss_distribution", "loss", "mean"): 9.9}
    other = render(make_figures(changed), run_setup | {"is_founding_corpus": False}, template)
    assert "published (WikiText-2)" in other
    assert "†" not in other
    assert "Bands of a faithful run" not in other
    founding = render(make_figures(changed), run_setup, template)
    assert "9.900 †" in founding or "9.90 †" in founding
    assert "Bands of a faithful run" in founding
    assert "published (WikiText-2)" not in founding


def test_null_values_print_as_a_dash(
    make_figures: Make, complete: dict[Name, float | None], run_setup: dict[str, Any], template: Path
) -> None:
    """Everything undefined but the counts: the report still stands, without a word from the machine."""
    nulls = {name: None for name in complete if name[0] not in {"model"}}
    text = render(make_figures(nulls), run_setup, template)
    assert not re.search(r"\b(nan|None|inf)\b", text)
    assert "–" in text


@pytest.mark.parametrize(
    "name",
    [
        ("regression", "mlp2", "pearson"),
        ("thresholds", "median", "loss_diff"),
        ("loss_distribution", "log_loss", "dip"),
        ("classification", "majority", "f1"),
        ("separation", "oracle", "loss_diff"),
    ],
)
def test_a_missing_figure_is_named(
    make_figures: Make, complete: dict[Name, float | None], run_setup: dict[str, Any], template: Path, name: Name
) -> None:
    section, _, metric = name
    gone = tuple(other for other in complete if other[0] == section and other[2] == metric)
    with pytest.raises(InputError, match=f"no figure {section}/.*{metric}"):
        render(make_figures(without=gone), run_setup, template)


def test_a_run_too_small_for_confident_tokens_still_has_a_report(
    make_figures: Make, complete: dict[Name, float | None], run_setup: dict[str, Any], template: Path
) -> None:
    gone = tuple(name for name in complete if name[0] == "high_confidence" and name[2].startswith("pearson_"))
    text = render(make_figures(without=gone), run_setup, template)
    assert "| threshold | source     | tokens | share (%) |" in text


def test_a_missing_section_is_named(
    make_figures: Make, complete: dict[Name, float | None], run_setup: dict[str, Any], template: Path
) -> None:
    gone = tuple(name for name in complete if name[0] == "low_rank")
    with pytest.raises(InputError, match="low_rank"):
        render(make_figures(without=gone), run_setup, template)


def test_a_missing_key_of_the_setup_is_named(make_figures: Make, run_setup: dict[str, Any], template: Path) -> None:
    del run_setup["device"]
    with pytest.raises(InputError, match="the set-up lacks device"):
        render(make_figures(), run_setup, template)


def test_a_broken_template_is_named(make_figures: Make, run_setup: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "template.md.j2"
    with pytest.raises(InputError, match=r"template.md.j2: cannot be read"):
        render(make_figures(), run_setup, path)
    for text in ("{{ nothing_of_that_name }}", "{% if %}"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"template.md.j2"):
            render(make_figures(), run_setup, path)


def test_setup_is_printed(report: str) -> None:
    for words in (
        "CC BY-SA",
        "ab" * 32,
        "69,830",
        "2,051,910",
        "torch",
        "2.13.0",
        "CPU, 2 threads",
        "1,110.4",
        "1,203",
    ):
        assert words in report
    assert "low_rank.ranks" in report
    assert "1, 2, 5" in report
