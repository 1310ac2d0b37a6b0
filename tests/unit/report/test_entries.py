"""The tables: what stands in them, in which order, and what is left out."""

from dataclasses import replace

import pytest

from easyhard.errors import InputError
from easyhard.report.entries import DOCUMENT_TABLES, FOUNDING_TABLES, drawable, strata_kinds
from easyhard.report.metrics import Figures
from easyhard.report.tables import View
from easyhard.report.words import strong

from .conftest import Make

Cells = list[list[str]]


def fair(figures: Figures, name: str, about: str = "") -> Cells:
    """The cells of a table of protocol fair, its header first."""
    table = DOCUMENT_TABLES[name].table(View(figures, about))
    return [list(row) for row in (table.header, *table.rows)]


def founding(figures: Figures, name: str, is_founding_corpus: bool = True) -> Cells:
    """The cells of a founding table, its header first."""
    table = FOUNDING_TABLES[name].table(View(figures, "", is_founding_corpus))
    return [list(row) for row in (table.header, *table.rows)]


def test_data_and_labels(make_fair: Make) -> None:
    assert fair(make_fair(), "data")[-1] == ["test", "56", "6,765", "216,480"]
    labels = fair(make_fair(), "labels")
    assert labels[0] == ["hard", "threshold (nats)", "hard tokens (%)"]
    assert ["loss > median", "6.21", "50.0"] in labels
    assert labels[-1] == ["argmax wrong", "–", "81.0"]


def test_the_best_of_each_class_has_a_row(make_fair: Make, bare_fair: Figures) -> None:
    header, *rows = fair(make_fair(), "best")
    assert header[2:] == [
        "AUROC, loss > 3", "AUGRC (nats)", "oracle share (%)", "of the ceiling (%)", "multiply-adds",
        "of the head's (%)",
    ]  # fmt: skip
    assert [row[0] for row in rows] == ["hidden", "context", "low rank", "head"]
    assert rows[0][1:3] == ["stack of hidden", "0.736 [0.725, 0.747]"]
    assert rows[0][-2:] == ["60,000", "1.3"]
    header, row = fair(bare_fair, "best")
    assert row[:2] == ["own", "mine"]
    assert "of the ceiling (%)" not in header


def test_signals_are_sorted_and_the_chosen_one_is_strong(make_fair: Make) -> None:
    header, *rows = fair(make_fair(), "class_signals", "hidden")
    assert header[1:3] == ["AUROC, loss > 3", "AUPRC, loss > 3 (guessing 0.750)"]
    assert header[-2:] == ["multiply-adds", "of the head's (%)"]
    aurocs = [float(row[1].split(" ")[0]) for row in rows]
    assert aurocs == sorted(aurocs, reverse=True)
    assert strong("stack of hidden") in [row[0] for row in rows]
    assert strong("mlp_easy") not in [row[0] for row in rows]
    changed = {"fair_signals/hidden_norm/auroc_loss_over_3": (0.8, 0.79, 0.81)}
    assert fair(make_fair(changed), "class_signals", "hidden")[1][0] == "norm of the state"


def test_of_low_rank_signals_there_is_the_best_of_each_kind(make_fair: Make) -> None:
    rows = fair(make_fair(), "class_signals", "low_rank")[1:]
    assert len(rows) == 6
    chosen = {"fair_signals/plain/2/entropy/select_auroc": 0.9}
    names = [row[0] for row in fair(make_fair(chosen), "class_signals", "low_rank")]
    assert "entropy, plain rank 2" in names
    assert "entropy, plain rank 32" not in names


def test_every_low_rank_signal_is_in_its_own_table(make_fair: Make) -> None:
    header, *rows = fair(make_fair(), "low_rank_aurocs")
    assert header == ["kind", "rank", "preview", "entropy", "max probability", "max − mean"]
    assert rows[0][:3] == ["plain", "2", "as it is"]
    assert rows[0][3:] == ["0.601 [0.590, 0.612]", "0.577 [0.566, 0.588]", "0.571 [0.560, 0.582]"]
    assert [row[0] for row in rows] == ["plain"] * 10 + ["centred"] * 10 + ["weighted"] * 10
    assert [row[2] for row in rows[:10]] == ["as it is"] * 5 + ["refined"] * 5


def test_fidelity_by_kind_and_rank(make_fair: Make) -> None:
    header, *rows = fair(make_fair(), "previews")
    assert header[:4] == ["kind", "rank", "of the head's (%)", "coverage (%)"]
    assert header[4:8] == ["r of max probability", "r of max logit", "r of entropy", "r of max probability, refined"]
    assert rows[-1][:3] == ["weighted", "32", "50"]
    wide, *by_rank = fair(make_fair(), "preview_kinds")
    assert wide[2:5] == [f"r of max probability, {kind}" for kind in ("plain", "centred", "weighted")]
    assert by_rank[-1][:8] == ["32", "50", "0.460", "0.470", "0.930", "36.6", "37.6", "85.2"]
    assert wide[8:11] == [f"r of max probability, refined, {kind}" for kind in ("plain", "centred", "weighted")]
    assert by_rank[-1][8:11] == ["0.628", "0.636", "0.957"]


def test_every_label_has_its_auroc_and_prevalence(make_fair: Make) -> None:
    header, prevalence, *rows = fair(make_fair(), "label_aurocs")
    labels = ("loss > 1", "loss > 3", "loss > 5", "loss > 8", "loss > median", "argmax wrong")
    assert header[2:] == [f"AUROC, {name}" for name in labels]
    assert prevalence == ["", "hard tokens (%)", "93.0", "75.0", "58.0", "37.0", "50.0", "81.0"]
    assert {row[0] for row in rows} == {"hidden", "context", "low rank", "head", "target"}


def test_differences_have_their_p(make_fair: Make) -> None:
    header, *rows = fair(make_fair(), "differences")
    assert header.count("Holm p") == 3
    by_name = {row[1]: row for row in rows}
    assert by_name["stack of hidden"][2:6] == ["–", "–", "-0.0080 [-0.0119, -0.0041]", "< 0.001"]
    assert by_name["entropy"][2:6] == ["-0.0032 [-0.0069, +0.0005]", "0.600", "–", "–"]
    assert "loss itself" not in by_name


def test_learning_stacks_and_what_they_lean_on(make_fair: Make) -> None:
    assert fair(make_fair(), "learning")[-1][:4] == ["MLP of the entropy", "100", "46", "175,000"]
    assert fair(make_fair(), "stacks")[1][:4] == [
        "stack of hidden", "0.736 [0.725, 0.747]", "1.3", "-0.0080 [-0.0119, -0.0041]"
    ]  # fmt: skip
    assert fair(make_fair(), "importances", "stack_hidden")[1:] == [
        ["MLP of loss > 3", "0.0600 ± 0.0021"],
        ["MLP of the entropy", "0.0300 ± 0.0021"],
        ["std of the logits", "0.0200 ± 0.0021"],
    ]
    turned = {"fair_stacks/stack_hidden/importance_logit_std": 0.1}
    assert fair(make_fair(turned), "importances", "stack_hidden")[1][0] == "std of the logits"


def test_strata(make_fair: Make) -> None:
    assert strata_kinds(make_fair()) == ["target seen in training", "position"]
    frequency, position = (fair(make_fair(), "strata", kind) for kind in strata_kinds(make_fair()))
    assert [row[0] for row in frequency] == [
        "target seen in training", "0", "1", "2–10", "11–100", "101–1000", "over 1000"
    ]  # fmt: skip
    assert [row[0] for row in position] == ["position", "0", "1–3", "4–7", "8–15", "16–31"]
    assert frequency[0][1:4] == ["tokens (%)", "hard (%)", "AUROC, stack of hidden"]
    assert frequency[1][1:4] == ["7.0", "97.0", "0.636 [0.616, 0.656]"]
    assert fair(make_fair(), "within")[1] == [
        "stack of hidden", "0.736 [0.725, 0.747]", "0.732 [0.721, 0.743]", "0.734 [0.723, 0.745]",
        "0.656 [0.645, 0.667]", "33.9 [30.9, 36.9]",
    ]  # fmt: skip


def test_strata_without_known_frequencies(make_fair: Make) -> None:
    made = make_fair()
    names = [(item, metric) for item in made.items("fair_strata") for metric in made.metrics("fair_strata", item)]
    unknown = make_fair(without=tuple(f"fair_strata/{item}/{name}" for item, name in names if "frequency" in name))
    assert strata_kinds(unknown) == ["position"]
    assert "due to frequency (%)" not in fair(unknown, "within")[0]


def test_ceilings_calibration_and_shape(make_fair: Make) -> None:
    assert fair(make_fair(), "ceilings")[2][:2] == ["loss > 3", "0.754 [0.751, 0.757]"]
    assert fair(make_fair(), "calibration")[2][:3] == ["at the fitted temperature", "1.13", "0.80 [0.50, 1.10]"]
    bins = fair(make_fair(), "reliability")[1:]
    assert len(bins) == 28, "empty bins are left out"
    assert bins[0] == ["as it is", "1", "60,000", "3.0", "4.6"]
    shape = fair(make_fair(), "shape")
    assert shape[0] == ["of the", "tokens", "dip", "one token a sequence", "modes", "near (nats)"]
    assert shape[1] == ["loss", "all", "0.0110 [0.0080, 0.0140]", "p = 0.004", "3", "1.8, 7.0, 17.0"]
    assert shape[2] == ["log of the loss", "all", "0.0040 [0.0000, 0.0060]", "p = 0.210", "–", "–"]
    assert shape[3][1] == "target seen in training"


def test_a_listing_compares_and_marks_what_leaves_its_band(make_figures: Make) -> None:
    changed = make_figures({"loss_distribution/loss/mean": 7.5})
    header, mean, std, *_ = founding(changed, "loss")
    assert header == ["figure", "this run", "published", "difference"]
    assert mean == ["mean (nats)", "7.50 †", "6.82", "+0.68"]
    assert std == ["std (nats)", "4.48", "4.48", "0.00"]
    header, mean, *_ = founding(changed, "loss", is_founding_corpus=False)
    assert header[2] == "published (WikiText-2)"
    assert mean[1] == "7.50"


def test_a_grid_has_published_rows_only_where_something_is_published(make_figures: Make) -> None:
    rows = founding(make_figures(), "separation")
    sources = {name: [row[1] for row in rows[index : index + 3]] for index, (name, *_) in enumerate(rows) if name}
    assert sources["margin"] == ["this run", "published", "difference"]
    assert sources["entropy"][:2] == ["this run", "this run"]
    assert rows[-3][0] == "oracle (loss itself)"


def test_a_grid_takes_a_metric_that_only_some_items_have_but_not_one_that_none_has(make_figures: Make) -> None:
    missing = "high_confidence/0.9/pearson_margin"
    assert founding(make_figures(without=(missing,)), "high_confidence")[-3][-1] == "–"
    gone = tuple(f"thresholds/{item}/loss_diff" for item in make_figures().items("thresholds"))
    with pytest.raises(InputError, match=r"no figure thresholds/.*/loss_diff"):
        founding(make_figures(without=gone), "thresholds")


def test_the_final_comparison_is_sorted_and_keeps_the_cuts_apart(make_figures: Make) -> None:
    figures = make_figures({"separation/margin/loss_diff": 3.655})
    header, *median = founding(figures, "median_cut")
    assert header[2:] == ["Loss Diff (nats)", "published", "difference", "oracle share (%)", "published, share (%)"]
    assert median[2] == ["margin", "from the logits", "3.65 †", "0.46", "+3.19", "50.0", "6.3"]
    assert median[-1][0] == "exit classifier"
    header, *own = founding(figures, "own_cut")
    assert [row[0] for row in own] == [
        "MLP-2 classifier", "MLP-2-wide classifier", "MLP-3 classifier", "linear classifier", "exit classifier"
    ]  # fmt: skip
    assert own[0][:3] == ["MLP-2 classifier", "9.0", "3.05"]
    assert all("3.05" not in row for row in median)


def test_bands_say_inside_or_outside(make_figures: Make) -> None:
    rows = founding(make_figures({"low_rank/plain/32/max_probability_pearson": 0.7}), "bands")
    assert ["low rank", "32", "r of max probability", "0.700 †", "0.276", "below 0.650", "outside †"] in rows
    assert sum(row[-1] == "inside" for row in rows) == 24


def test_a_run_draws_the_figures_that_it_has_sections_for(make_fair: Make, bare_fair: Figures) -> None:
    assert drawable(bare_fair) == ["risk_coverage", "differences"]
    assert set(drawable(make_fair())) - set(drawable(bare_fair)) == {
        "pareto", "low_rank_kinds", "learning_curve", "reliability"
    }  # fmt: skip
    assert "learning_curve" not in drawable(make_fair(without=("fair_learning",)))


def test_rows_are_as_wide_as_the_header(make_fair: Make, make_figures: Make) -> None:
    views = [
        (entry, View(figures, about))
        for tables, figures in ((DOCUMENT_TABLES, make_fair()), (FOUNDING_TABLES, make_figures()))
        for name, entry in tables.items()
        for about in [{"class_signals": "head", "importances": "stack_head", "strata": "position"}.get(name, "")]
    ]
    for entry, view in views:
        table = entry.table(replace(view, founding=True))
        assert {len(row) for row in table.rows} == {len(table.header)}
        assert 0 < table.left < len(table.header)
