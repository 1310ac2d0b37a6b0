"""Signals from columns to rows: what is judged, against what, and with which words for it."""

import weakref
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from easyhard.errors import InputError
from easyhard.evaluation.judging import Candidate, Documents, judged_rows
from easyhard.evaluation.rows import Row
from easyhard.signals.registry import Sizes
from easyhard.signals.tokens import TokenTable

RANDOM = np.random.default_rng(0)
DOCUMENT = np.repeat(np.arange(60), RANDOM.integers(20, 90, 60)).astype(np.int32)
LATENT = RANDOM.normal(size=60)[DOCUMENT] / 2 + RANDOM.normal(size=len(DOCUMENT))
LOSS = np.exp(1 + 0.7 * LATENT).astype(np.float32)
ROWS = np.arange(len(LOSS))
TOKENS = TokenTable(DOCUMENT, ROWS // 8, ROWS % 8, LOSS, (DOCUMENT >= 10) + 1 * (DOCUMENT >= 24), ROWS % 50)
WRONG = RANDOM.random(len(LOSS)) < 0.7
SETTINGS = {"thresholds": [1, 3], "main_threshold": 3, "resamples": 200}
DOCUMENTS = Documents(TOKENS, WRONG, SETTINGS, seed=5)
SIZES, WHOLE, CEILING = Sizes(dim=10, words=1000, refined=1, references=1), 40_000.0, 0.9
ADVICE = {"budget": 1, "budgets": [0.001, 0.01, 1], "margin": 0.005}
SELECT, TEST = DOCUMENTS.select, DOCUMENTS.test
HARD = LOSS > 3


def noisy(noise: float) -> np.ndarray:
    return (LATENT + noise * RANDOM.normal(size=len(LATENT))).astype(np.float32)


COLUMNS = {"entropy": [noisy(1.0)], "max_logit": [-noisy(1.5)], "probe": [noisy(1.0), noisy(1.0), noisy(1.1)]}


def candidate(name: str, needs: str, columns: Sequence[np.ndarray], high_means_easy: bool = False) -> Candidate:
    costs = {"head": 10_000, "hidden": 50}
    loads = [lambda column=column: column for column in columns]
    return Candidate(name, needs, high_means_easy, costs.get(needs, 2), loads)


CANDIDATES = [
    candidate("oracle", "target", [LOSS]),
    candidate("entropy", "head", COLUMNS["entropy"]),
    candidate("max_logit", "head", COLUMNS["max_logit"], high_means_easy=True),
    candidate("probe", "hidden", COLUMNS["probe"]),
    replace(candidate("repeat", "context", [LATENT < 0], high_means_easy=True), stratified=False),
]


Rows = dict[tuple[str, str, str], Row]


def judge(own: Sequence[Candidate], documents: Documents = DOCUMENTS, threads: int = 1, known: bool = True) -> Rows:
    of_head = (SIZES, WHOLE, CEILING) if known else (None, None, None)
    rows = judged_rows(documents, own, *of_head, ADVICE, threads)
    named = {(row.section, row.item, row.metric): row for row in rows}
    assert len(named) == len(rows)
    return named


FOUND = judge(CANDIDATES)


def test_figures_are_the_signals_own_in_its_own_direction() -> None:
    for name, sign in (("entropy", 1), ("max_logit", -1)):
        row, (column,) = FOUND["fair_signals", name, "auroc_loss_over_3"], COLUMNS[name]
        assert row.value == pytest.approx(roc_auc_score(HARD[TEST], sign * column[TEST]))
        assert row.ci_low < row.value < row.ci_high
        on_select = FOUND["fair_signals", name, "select_auroc"]
        assert on_select.value == pytest.approx(roc_auc_score(HARD[SELECT], sign * column[SELECT]))
        assert on_select.ci_low is None
    for name, metric in (("max_logit", "high_means_easy"), ("max_logit", "needs_head"), ("oracle", "oracle_share")):
        assert FOUND["fair_signals", name, metric].value == 1
    low, high = np.split(np.sort(LOSS[TEST].astype(np.float64)), [(len(TEST) + 1) // 2])
    assert FOUND["fair_signals", "oracle", "loss_diff"].value == pytest.approx(high.mean() - low.mean())


def test_costs_and_shares() -> None:
    assert FOUND["fair_signals", "probe", "multiply_adds"].value == 50
    assert FOUND["fair_signals", "probe", "cost_share"].value == 50 / 10_000
    assert FOUND["fair_signals", "probe", "model_share"].value == 50 / 40_000
    auroc, share = (FOUND["fair_signals", "probe", name] for name in ("auroc_loss_over_3", "ceiling_share"))
    for bound in ("value", "ci_low", "ci_high"):
        assert getattr(share, bound) == pytest.approx((getattr(auroc, bound) - 0.5) / 0.4)
    lacking = {name[1:] for name in FOUND.keys() - judge(CANDIDATES, known=False).keys()}
    sizes = {("clusters", name) for name in ("dim", "vocabulary_size", "head_multiply_adds")}
    shares = {(own.name, name) for own in CANDIDATES for name in ("cost_share", "model_share", "ceiling_share")}
    assert lacking - {name for name in lacking if name[1].startswith("budget_")} == sizes | shares


def test_seeds_are_averaged() -> None:
    row = FOUND["fair_signals", "probe", "auroc_loss_over_3"]
    assert row.value == pytest.approx(np.mean([roc_auc_score(HARD[TEST], own[TEST]) for own in COLUMNS["probe"]]))
    assert FOUND["fair_signals", "probe", "seeds"].value == 3


def test_the_background() -> None:
    clusters = {metric: row.value for (_, item, metric), row in FOUND.items() if item == "clusters"}
    expected = {"count": 36, "are_documents": 1, "resamples": 200, "vocabulary_size": 1000, "dim": 10}
    expected |= {"head_multiply_adds": 10_000, "main_threshold": 3, "median_loss": np.median(LOSS[TEST])}
    assert clusters == pytest.approx(expected | {"loss_mean": LOSS[TEST].mean(dtype=np.float64)})
    labels = {"loss_over_1": LOSS > 1, "loss_over_3": HARD, "argmax_wrong": WRONG}
    labels["loss_over_median"] = np.median(LOSS[TEST]) < LOSS
    assert {item for section, item, _ in FOUND if section == "fair_labels"} == set(labels)
    for label, hard in labels.items():
        row = FOUND["fair_labels", label, "prevalence"]
        assert row.value == pytest.approx(hard[TEST].mean())
        assert row.ci_low < row.value < row.ci_high
    assert FOUND["fair_labels", "loss_over_1", "threshold"].value == 1
    assert FOUND["fair_labels", "argmax_wrong", "threshold"].value is None
    for number, name in enumerate(("fit", "select", "test")):
        inside = TOKENS.part == number
        counts = [FOUND["fair_data", name, metric].value for metric in ("documents", "tokens")]
        assert counts == [len(set(DOCUMENT[inside])), inside.sum()]
    places = {(DOCUMENT[row], row // 8) for row in ROWS[TOKENS.part == 0]}
    assert FOUND["fair_data", "fit", "sequences"].value == len(places)


def test_differences_and_strata_come_from_the_same_resamples() -> None:
    row = FOUND["fair_differences", "max_logit", "auroc_from_class_best"]
    parts = [FOUND["fair_signals", name, "auroc_loss_over_3"].value for name in ("max_logit", "entropy")]
    assert row.ci_high < 0
    assert row.value == pytest.approx(parts[0] - parts[1])
    assert ("fair_differences", "oracle", "is_class_best") not in FOUND
    stratified = {item for section, item, _ in FOUND if section == "fair_strata"}
    assert stratified == {"tokens", "oracle", "entropy", "max_logit", "probe"}
    within = TEST[TOKENS.position[TEST] == 0]
    expected = roc_auc_score(HARD[within], COLUMNS["entropy"][0][within])
    assert FOUND["fair_strata", "entropy", "auroc_position_0"].value == pytest.approx(expected)


def test_neither_the_number_of_threads_nor_the_company_matters() -> None:
    assert judge(CANDIDATES, threads=3) == FOUND
    alone = judge(CANDIDATES[1:2])
    assert all(FOUND[name] == row for name, row in alone.items() if name[0] not in ("fair_differences", "advice"))


def test_columns_are_loaded_one_at_a_time_and_not_kept() -> None:
    loaded: list[weakref.ref] = []

    def load() -> np.ndarray:
        assert not any(column() is not None for column in loaded)
        column = noisy(1.0)
        loaded.append(weakref.ref(column))
        return column

    judge([Candidate(f"signal {i}", "hidden", False, 1, [load, load]) for i in range(3)])
    assert len(loaded) == 6


def test_with_few_documents_sequences_are_resampled_and_fit_rows_alone_tell_the_orientation() -> None:
    found = judge(CANDIDATES[1:2], Documents(replace(TOKENS, document=DOCUMENT // 4), WRONG, SETTINGS, seed=5))
    assert found["fair_data", "clusters", "are_documents"].value == 0
    assert found["fair_data", "clusters", "count"].value > len(TEST) / 8
    values = np.where(TOKENS.part == 0, -LATENT, LATENT)
    assert [DOCUMENTS.high_means_easy(own) for own in (values, -values)] == [True, False]


def test_what_does_not_do_is_named() -> None:
    for wrong in ({"main_threshold": 7}, {"thresholds": [3, 3.0000001]}):
        with pytest.raises(InputError, match="each to six digits once, and main_threshold too"):
            Documents(TOKENS, WRONG, SETTINGS | wrong, seed=5)
    easy = np.where(TOKENS.part == 1, 0.5, LOSS).astype(np.float32)
    with pytest.raises(
        InputError,
        match=r"fair\.main_threshold: 3, .* losses that vary in fit, select and test",
    ):
        Documents(replace(TOKENS, loss=easy), WRONG, SETTINGS, seed=5)
    with pytest.raises(InputError, match=r"hunch: 1 of \d+ values are not finite"):
        judge([candidate("hunch", "hidden", [np.where(TEST[7] == ROWS, np.nan, LATENT)])])
