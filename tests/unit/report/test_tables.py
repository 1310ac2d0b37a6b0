"""Markdown tables: their form, and what stands in them."""

from collections.abc import Callable

import pytest

from easyhard.errors import InputError
from easyhard.report.labels import Label, difference_text, item_title, metric_label, value_text
from easyhard.report.metrics import Figures
from easyhard.report.tables import Comparison, markdown

Make = Callable[..., Figures]


def test_markdown_is_padded_and_aligned() -> None:
    table = markdown(["name", "n"], [["a|b", "1"], ["c", "1,000"]])
    assert table.splitlines() == [
        "| name |     n |",
        "| ---- | ----: |",
        "| a\\|b |     1 |",
        "| c    | 1,000 |",
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.1234, "12.3"), (-0.0001, "0.0"), (12.0, "1,200.0"), (-0.05, "-5.0")]
)
def test_shares_print_in_percent(value: float | None, text: str) -> None:
    assert value_text(Label("share", "%", 1), value) == text


def test_differences_are_signed_in_the_printed_unit() -> None:
    label = Label("share", "%", 1)
    assert difference_text(label, 0.3, 0.25) == "+5.0"
    assert difference_text(label, 0.2, 0.25) == "-5.0"
    assert difference_text(label, 0.25, 0.25) == "0.0"
    assert difference_text(label, None, 0.25) == "–"
    assert difference_text(label, 0.25, None) == "–"


def test_metrics_are_named_after_their_signal_and_mode() -> None:
    assert metric_label("high_confidence", "pearson_margin").heading == "r of margin"
    assert metric_label("low_rank", "max_logit_pearson").heading == "r of max logit"
    assert metric_label("loss_distribution", "mode_2").heading == "mode 2 (nats)"
    assert metric_label("anything", "brand_new").heading == "brand new"
    assert item_title("plain/32") == "32"
    assert item_title("max_minus_mean") == "max − mean"


def test_listing_compares_and_marks_what_leaves_its_band(make_figures: Make) -> None:
    tables = Comparison(make_figures({("loss_distribution", "loss", "mean"): 7.5}), is_founding_corpus=True)
    mean, std = tables.listing("loss_distribution", "loss", ["mean", "std"]).splitlines()[2:]
    assert [cell.strip() for cell in mean.split("|")] == ["", "mean (nats)", "7.50 †", "6.82", "+0.68", ""]
    assert [cell.strip() for cell in std.split("|")] == ["", "std (nats)", "4.48", "4.48", "0.00", ""]


def test_another_corpus_is_labelled_and_not_marked(make_figures: Make) -> None:
    tables = Comparison(make_figures({("loss_distribution", "loss", "mean"): 7.5}), is_founding_corpus=False)
    table = tables.listing("loss_distribution", "loss", ["mean"])
    assert "published (WikiText-2)" in table
    assert "†" not in table


def test_grid_has_published_rows_only_where_something_is_published(make_figures: Make) -> None:
    tables = Comparison(make_figures(), is_founding_corpus=True)
    rows = tables.grid("separation", ["margin", "entropy"], ["loss_diff", "oracle_share"], "signal").splitlines()[2:]
    sources = [row.split("|")[2].strip() for row in rows]
    assert sources == ["this run", "published", "difference", "this run"]


def test_grid_takes_a_metric_that_only_some_items_have_but_not_one_that_none_has(make_figures: Make) -> None:
    missing = ("high_confidence", "0.9", "pearson_margin")
    tables = Comparison(make_figures(without=(missing,)), is_founding_corpus=True)
    assert "–" in tables.grid("high_confidence", ["0.8", "0.9"], ["pearson_margin"], "threshold")
    with pytest.raises(InputError, match=r"no figure high_confidence/0.9/pearson_margin"):
        tables.grid("high_confidence", ["0.9"], ["pearson_margin"], "threshold")


def test_final_comparison_is_sorted_and_keeps_the_cuts_apart(make_figures: Make) -> None:
    tables = Comparison(make_figures({("separation", "margin", "loss_diff"): 5.0}), is_founding_corpus=True)
    median = [row.split("|")[1].strip() for row in tables.median_cut().splitlines()[2:]]
    own = [row.split("|")[1].strip() for row in tables.own_cut().splitlines()[2:]]
    assert median[2] == "margin"
    assert median[-1] == "exit classifier"
    assert own == [
        "MLP-2 classifier",
        "MLP-2-wide classifier",
        "MLP-3 classifier",
        "linear classifier",
        "exit classifier",
    ]
    assert "3.05" not in tables.median_cut()
