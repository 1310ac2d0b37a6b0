"""How metrics, items and values are printed."""

import pytest

from easyhard.report.labels import (
    Label,
    difference_text,
    hard_title,
    item_title,
    metric_label,
    signal_title,
    value_text,
)

SHARE = Label("share", "%", 1)


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.1234, "12.3"), (-0.0001, "0.0"), (12.0, "1,200.0"), (-0.05, "-5.0")]
)
def test_shares_print_in_percent(value: float | None, text: str) -> None:
    assert value_text(SHARE, value) == text


@pytest.mark.parametrize(
    ("value", "published", "text"),
    [(0.3, 0.25, "+5.0"), (0.2, 0.25, "-5.0"), (0.25, 0.25, "0.0"), (None, 0.25, "–"), (0.25, None, "–")],
)
def test_differences_are_signed_in_the_printed_unit(value: float | None, published: float | None, text: str) -> None:
    assert difference_text(SHARE, value, published) == text


@pytest.mark.parametrize(
    ("section", "metric", "heading"),
    [
        ("high_confidence", "pearson_margin", "r of margin"),
        ("low_rank", "max_logit_pearson", "r of max logit"),
        ("fair_low_rank", "refined_max_logit_pearson", "r of max logit, refined"),
        ("loss_distribution", "mode_2", "mode 2 (nats)"),
        ("loss_distribution", "mean", "mean (nats)"),
        ("separation", "mean", "mean"),
        ("separation", "pearson", "r with loss"),
        ("regression", "pearson", "r with actual"),
        ("fair_signals", "auroc_loss_over_median", "AUROC, loss > median"),
        ("fair_signals", "augrc_argmax_wrong", "AUGRC, argmax wrong"),
        ("anything", "brand_new", "brand new"),
    ],
)
def test_metrics_are_named_after_their_section_signal_mode_or_label(section: str, metric: str, heading: str) -> None:
    assert metric_label(section, metric).heading == heading


def test_words_are_printed_for_0_and_1() -> None:
    label = metric_label("separation", "high_means_easy")
    assert [value_text(label, value) for value in (0.0, 1.0, None)] == ["hard", "easy", "–"]
    assert difference_text(label, 1.0, 0.0) == "other"


def test_items_signals_and_what_is_hard_have_names() -> None:
    assert item_title("plain/32") == "32"
    assert item_title("max_minus_mean") == "max − mean"
    assert signal_title("my_signal") == "my_signal"
    assert hard_title("loss_over_2.5") == "loss > 2.5"
    assert hard_title("argmax_wrong") == "argmax wrong"
