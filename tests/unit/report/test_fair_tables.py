"""The fair tables: what stands in them, in which order, and what is left out."""

from collections.abc import Callable

import pytest

from easyhard.errors import InputError
from easyhard.report import fair_remarks as remark
from easyhard.report import fair_tables as tables
from easyhard.report.fair_items import low_rank
from easyhard.report.fair_names import figure_names
from easyhard.report.fair_words import percent, standing
from easyhard.report.labels import hard_title, metric_label, signal_title
from easyhard.report.metrics import Figure, Figures

Make = Callable[..., Figures]


def cells(table: str) -> list[list[str]]:
    """A table's cells, the rule under the heading left out."""
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()]
    return [rows[0], *rows[2:]]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        *((None, "–"), (0.0, "0"), (1e-6, "< 0.001"), (1.4e-5, "0.001"), (0.00046, "0.046"), (0.0037, "0.37")),
        *((0.0156, "1.6"), (0.312, "31"), (1.011, "101"), (12.5, "1,250")),
    ],
)
def test_costs_print_the_digits_that_count(share: float | None, text: str) -> None:
    assert percent(share) == text


def test_the_standing_turns_with_the_direction() -> None:
    lead = Figure(0.02, 0.01, 0.03, None, None, None)
    assert standing(lead, low_is_good=False) == "better"
    assert standing(lead, low_is_good=True) == "worse"
    touching = Figure(0.02, 0.0, 0.04, None, None, None)
    assert {standing(touching, low_is_good=False), standing(touching, low_is_good=True)} == {"not worse"}


def test_what_is_hard_is_named_by_its_label() -> None:
    assert hard_title("loss_over_2.5") == "loss > 2.5"
    assert hard_title("argmax_wrong") == "argmax wrong"
    assert metric_label("fair_signals", "auroc_loss_over_median").heading == "AUROC, loss > median"
    assert metric_label("fair_signals", "augrc_argmax_wrong").heading == "AUGRC, argmax wrong"


def test_a_users_own_signal_keeps_its_name(make_fair: Make) -> None:
    make_fair()
    assert signal_title("my_signal") == "my_signal"
    assert signal_title("entropy") == "entropy"
    assert low_rank("my/3/signal") is None
    assert low_rank("weighted/20/refined_entropy") == ("weighted", 20, "entropy", True)


def test_data_and_labels(make_fair: Make) -> None:
    assert cells(tables.data_table(make_fair()))[-1] == ["test", "56", "6,765", "216,480"]
    assert ["loss > median", "6.21", "50.0"] in cells(tables.labels_table(make_fair()))
    assert cells(tables.labels_table(make_fair()))[-1] == ["argmax wrong", "–", "81.0"]


def test_signals_are_sorted_and_the_chosen_one_is_bold(make_fair: Make) -> None:
    header, *rows = cells(tables.class_signals(make_fair(), "hidden"))
    assert header[1:3] == ["AUROC, loss > 3", "AUPRC, loss > 3 (guessing 0.750)"]
    assert header[-2:] == ["multiply-adds", "of the head's (%)"]
    aurocs = [float(row[1].split(" ")[0]) for row in rows]
    assert aurocs == sorted(aurocs, reverse=True)
    assert [row[0] for row in rows if row[0].startswith("**")] == ["**stack of hidden**"]
    changed = {("fair_signals", "hidden_norm", "auroc_loss_over_3"): (0.8, 0.79, 0.81)}
    assert cells(tables.class_signals(make_fair(changed), "hidden"))[1][0] == "norm of the state"


def test_of_low_rank_signals_there_is_the_best_of_each_kind(make_fair: Make) -> None:
    rows = cells(tables.class_signals(make_fair(), "low_rank"))[1:]
    assert len(rows) == 6
    assert {row[0].strip("*").split(", ")[1].split(" ")[0] for row in rows} == {"plain", "centred", "weighted"}
    chosen = {("fair_signals", "plain/2/entropy", "select_auroc"): (0.9, None, None)}
    names = [row[0] for row in cells(tables.class_signals(make_fair(chosen), "low_rank"))]
    assert "entropy, plain rank 2" in names
    assert "entropy, plain rank 32" not in names


def test_every_low_rank_signal_is_in_its_own_table(make_fair: Make) -> None:
    header, *rows = cells(tables.low_rank_aurocs(make_fair()))
    assert header == ["kind", "rank", "preview", "entropy", "max probability", "max − mean"]
    assert len(rows) == 30
    assert rows[0][:3] == ["plain", "2", "as it is"]
    assert rows[0][3:] == ["0.601 [0.590, 0.612]", "0.577 [0.566, 0.588]", "0.571 [0.560, 0.582]"]
    assert [row[0] for row in rows] == ["plain"] * 10 + ["centred"] * 10 + ["weighted"] * 10


def test_fidelity_by_kind_and_rank(make_fair: Make) -> None:
    header, *rows = cells(tables.fidelity_table(make_fair()))
    assert header[:4] == ["kind", "rank", "of the head's (%)", "coverage (%)"]
    assert header[4:8] == ["r of max probability", "r of max logit", "r of entropy", "r of max probability, refined"]
    assert rows[-1][:3] == ["weighted", "32", "50"]
    wide, *by_rank = cells(tables.kept_table(make_fair()))
    assert wide[2:5] == [f"r of max probability, {kind}" for kind in ("plain", "centred", "weighted")]
    assert by_rank[-1][:8] == ["32", "50", "0.460", "0.470", "0.930", "36.6", "37.6", "85.2"]
    assert wide[8:11] == [f"r of max probability, refined, {kind}" for kind in ("plain", "centred", "weighted")]
    assert by_rank[-1][8:11] == ["0.628", "0.636", "0.957"]


def test_every_label_has_its_auroc_and_prevalence(make_fair: Make) -> None:
    header, prevalence, *rows = cells(tables.label_aurocs(make_fair()))
    assert header[2:] == [
        f"AUROC, {name}" for name in ("loss > 1", "loss > 3", "loss > 5", "loss > 8", "loss > median", "argmax wrong")
    ]
    assert prevalence[1:3] == ["hard tokens (%)", "93.0"]
    assert {row[0] for row in rows} == {"hidden", "context", "low rank", "head", "target"}


def test_differences_have_their_p(make_fair: Make) -> None:
    header, *rows = cells(tables.differences_table(make_fair()))
    assert header.count("Holm p") == 3
    by_name = {row[1]: row for row in rows}
    assert by_name["stack of hidden"][2:6] == ["–", "–", "-0.0080 [-0.0119, -0.0041]", "< 0.001"]
    assert by_name["entropy"][2:6] == ["-0.0032 [-0.0069, +0.0005]", "0.600", "–", "–"]
    assert "loss itself" not in by_name


def test_learning_and_its_remark(make_fair: Make) -> None:
    assert cells(tables.learning_table(make_fair()))[-1][:4] == ["MLP of the entropy", "100", "46", "175,000"]
    assert "cannot be told" in remark.learning(make_fair())
    risen = {("fair_learning", "mlp_easy/1", "auroc"): (0.76, 0.75, 0.77)}
    assert "Beyond the intervals it helped MLP of loss > 3, so" in remark.learning(make_fair(risen))
    single = tuple(f"fair_learning/{probe}/{part}/auroc" for probe in ("linear_easy", "mlp_easy") for part in (0.1,))
    assert "MLP of loss > 3 0.0067" in remark.learning(make_fair(without=single))


def test_stacks_and_what_they_lean_on(make_fair: Make) -> None:
    rows = cells(tables.stacks_table(make_fair()))
    assert rows[1][:3] == ["stack of hidden", "0.736 [0.725, 0.747]", "1.3"]
    leaned = cells(tables.importances(make_fair(), "stack_hidden"))
    assert leaned[1:] == [
        ["MLP of loss > 3", "0.0600 ± 0.0021"],
        ["MLP of the entropy", "0.0300 ± 0.0021"],
        ["std of the logits", "0.0200 ± 0.0021"],
    ]
    turned = {("fair_stacks", "stack_hidden", "importance_logit_std"): (0.1, None, None)}
    assert cells(tables.importances(make_fair(turned), "stack_hidden"))[1][0] == "std of the logits"


def test_strata(make_fair: Make) -> None:
    frequency, position = (cells(table) for table in tables.strata_tables(make_fair()))
    assert [row[0] for row in frequency[1:]] == ["0", "1", "2–10", "11–100", "101–1000", "over 1000"]
    assert [row[0] for row in position[1:]] == ["0", "1–3", "4–7", "8–15", "16–31"]
    assert frequency[0][3] == "AUROC, stack of hidden"
    assert frequency[1][:4] == ["0", "7.0", "97.0", "0.636 [0.616, 0.656]"]
    within = cells(tables.within_table(make_fair()))
    assert within[1] == [
        "stack of hidden", "0.736 [0.725, 0.747]", "0.732 [0.721, 0.743]", "0.734 [0.723, 0.745]",
        "0.656 [0.645, 0.667]", "33.9 [30.9, 36.9]",
    ]  # fmt: skip
    assert "stack of hidden 33.9 [30.9, 36.9] %" in remark.rare_words(make_fair())


def test_strata_without_known_frequencies(make_fair: Make) -> None:
    made = make_fair()
    unknown = tuple(
        f"fair_strata/{item}/{metric}"
        for item in made.items("fair_strata")
        for metric in made.metrics("fair_strata", item)
        if "frequency" in metric
    )
    figures = make_fair(without=unknown)
    assert len(tables.strata_tables(figures)) == 1
    assert remark.rare_words(figures) == "How often training saw the targets is not known for this run."
    assert "due to frequency" not in tables.within_table(figures)


def test_ceilings_calibration_and_shape(make_fair: Make) -> None:
    assert cells(tables.ceilings_table(make_fair()))[2][:2] == ["loss > 3", "0.754 [0.751, 0.757]"]
    assert cells(tables.calibration_table(make_fair()))[2][:3] == [
        "at the fitted temperature",
        "1.13",
        "0.80 [0.50, 1.10]",
    ]
    bins = cells(tables.reliability_table(make_fair()))[1:]
    assert len(bins) == 28
    assert bins[0] == ["as it is", "1", "60,000", "3.0", "4.6"]
    shape = cells(tables.shape_table(make_fair()))[1:]
    assert shape[0] == ["loss", "all", "0.0110 [0.0080, 0.0140]", "p = 0.004", "3", "1.8, 7.0, 17.0"]
    assert shape[1][:2] == ["log of the loss", "all"]
    assert shape[2][1] == "target seen in training"


def test_the_kinds_of_runs_and_their_figures() -> None:
    assert set(figure_names("signals")) < set(figure_names("activations")) == set(figure_names("trained"))
    with pytest.raises(
        InputError, match="'other' is not known; wanted one of trained, huggingface, activations, signals"
    ):
        figure_names("other")
