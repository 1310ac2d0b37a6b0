"""The protocol `fair` from columns to rows: what is judged, against what, and with which words for it."""

import weakref
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from easyhard.errors import InputError
from easyhard.evaluation.fair import Candidate, Head, PartRows, Settings, fair_rows, learn_orientation, part_rows
from easyhard.evaluation.labels import label_thresholds, label_tokens
from easyhard.evaluation.rows import Row
from easyhard.evaluation.split import oracle_loss_diff

RANDOM = np.random.default_rng(0)
DOCUMENTS = 36


def made_part(documents: range) -> tuple[PartRows, np.ndarray]:
    """Rows of documents of ragged lengths and their latent loss, part of which is the document's."""
    document = np.repeat(np.array(documents), RANDOM.integers(20, 90, len(documents))).astype(np.int32)
    latent = RANDOM.normal(size=documents.stop)[document] / 2 + RANDOM.normal(size=len(document))
    loss = np.exp(1 + 0.7 * latent).astype(np.float32)
    wrong = RANDOM.random(len(loss)) < 0.7
    thresholds = label_thresholds([1, 3], loss)
    sequence = np.arange(len(loss), dtype=np.int32) // 8
    return PartRows(loss, label_tokens(loss, thresholds, wrong), document, sequence), latent


SELECT, SELECT_LATENT = made_part(range(12))
TEST, TEST_LATENT = made_part(range(12, 12 + DOCUMENTS))
SETTINGS = Settings("loss_over_3", label_thresholds([1, 3], TEST.loss), 200, 5, 1, Head(1000, 10), 0.9)


def noisy(noise: float, sign: float = 1.0) -> Callable[[], tuple]:
    select, test = (sign * (z + noise * RANDOM.normal(size=len(z))) for z in (SELECT_LATENT, TEST_LATENT))
    return lambda: (select.astype(np.float32), test.astype(np.float32))


CANDIDATES = [
    Candidate("oracle", "target", False, 10_000, [lambda: (SELECT.loss, TEST.loss)]),
    Candidate("entropy", "head", False, 10_000, [noisy(1.0)]),
    Candidate("max_logit", "head", True, 10_000, [noisy(1.5, -1.0)]),
    Candidate("probe", "hidden", False, 50, [noisy(1.0), noisy(1.0), noisy(1.1)]),
    Candidate("repeat", "context", True, 2, [lambda: (SELECT_LATENT < 0, TEST_LATENT < 0)]),
]


def by_name(rows: list[Row]) -> dict[tuple[str, str, str], Row]:
    named = {(row.section, row.item, row.metric): row for row in rows}
    assert len(named) == len(rows)
    return named


FOUND = by_name(fair_rows(SELECT, TEST, CANDIDATES, SETTINGS))


def test_figures_are_the_signals_own_in_its_own_direction() -> None:
    hard = TEST.labels["loss_over_3"]
    for name, sign in (("entropy", 1), ("max_logit", -1)):
        (load,) = next(candidate.seeds for candidate in CANDIDATES if candidate.name == name)
        select, test = load()
        row = FOUND["fair_signals", name, "auroc_loss_over_3"]
        assert row.value == pytest.approx(roc_auc_score(hard, sign * test))
        assert row.ci_low < row.value < row.ci_high
        on_select = FOUND["fair_signals", name, "select_auroc"]
        assert on_select.value == pytest.approx(roc_auc_score(SELECT.labels["loss_over_3"], sign * select))
        assert on_select.ci_low is None
    assert FOUND["fair_signals", "max_logit", "high_means_easy"].value == 1
    assert FOUND["fair_signals", "oracle", "oracle_share"].value == 1
    assert FOUND["fair_signals", "oracle", "loss_diff"].value == pytest.approx(
        oracle_loss_diff(TEST.loss.astype(np.float64))
    )


def test_costs_and_shares() -> None:
    assert FOUND["fair_signals", "probe", "multiply_adds"].value == 50
    assert FOUND["fair_signals", "probe", "cost_share"].value == 50 / 10_000
    auroc, share = (FOUND["fair_signals", "probe", name] for name in ("auroc_loss_over_3", "ceiling_share"))
    for bound in ("value", "ci_low", "ci_high"):
        assert getattr(share, bound) == pytest.approx((getattr(auroc, bound) - 0.5) / 0.4)
    bare = by_name(fair_rows(SELECT, TEST, CANDIDATES[1:2], replace(SETTINGS, head=None, ceiling_auroc=None)))
    assert ("fair_signals", "entropy", "cost_share") not in bare
    assert ("fair_signals", "entropy", "ceiling_share") not in bare
    assert ("fair_data", "clusters", "dim") not in bare


def test_seeds_are_averaged_and_widen_the_interval() -> None:
    hard, probe = TEST.labels["loss_over_3"], CANDIDATES[3]
    row = FOUND["fair_signals", "probe", "auroc_loss_over_3"]
    assert row.value == pytest.approx(np.mean([roc_auc_score(hard, load()[1]) for load in probe.seeds]))
    assert FOUND["fair_signals", "probe", "seeds"].value == 3
    shuffled = [lambda: (SELECT_LATENT, TEST_LATENT), lambda: (SELECT_LATENT, RANDOM.permutation(TEST_LATENT))]
    wild = by_name(fair_rows(SELECT, TEST, [replace(probe, seeds=shuffled)], SETTINGS))
    wide = wild["fair_signals", "probe", "auroc_loss_over_3"]
    assert wide.ci_high - wide.ci_low > 4 * (row.ci_high - row.ci_low)


def test_the_background() -> None:
    clusters = {metric: row.value for (_, item, metric), row in FOUND.items() if item == "clusters"}
    assert clusters == pytest.approx(
        {
            "count": DOCUMENTS,
            "are_documents": 1,
            "resamples": 200,
            "vocabulary_size": 1000,
            "dim": 10,
            "head_multiply_adds": 10_000,
            "main_threshold": 3,
            "median_loss": np.median(TEST.loss),
            "loss_mean": TEST.loss.mean(dtype=np.float64),
        }
    )
    for label, hard in TEST.labels.items():
        row = FOUND["fair_labels", label, "prevalence"]
        assert row.value == pytest.approx(hard.mean())
        assert row.ci_low < row.value < row.ci_high
    assert FOUND["fair_labels", "loss_over_1", "threshold"].value == 1
    assert FOUND["fair_labels", "argmax_wrong", "threshold"].value is None


def test_risk_rises_with_coverage_up_to_the_mean_loss() -> None:
    risks = [FOUND["fair_risk", "entropy", f"risk_{percent:02d}"].value for percent in range(5, 101, 5)]
    assert all(low < high for low, high in pairwise(risks))
    assert risks[-1] == pytest.approx(TEST.loss.mean(dtype=np.float64))
    assert not any(metric.startswith("risk") for section, _, metric in FOUND if section == "fair_signals")


def test_differences_come_from_the_same_resamples() -> None:
    row = FOUND["fair_differences", "max_logit", "auroc_from_class_best"]
    assert row.ci_high < 0
    assert FOUND["fair_differences", "max_logit", "auroc_from_class_best_p"].value < 0.05
    parts = [FOUND["fair_signals", name, "auroc_loss_over_3"].value for name in ("max_logit", "entropy")]
    assert row.value == pytest.approx(parts[0] - parts[1])
    assert FOUND["fair_differences", "entropy", "is_class_best"].value == 1
    assert ("fair_differences", "oracle", "is_class_best") not in FOUND


def test_neither_the_number_of_threads_nor_the_company_matters() -> None:
    threaded = by_name(fair_rows(SELECT, TEST, iter(CANDIDATES), replace(SETTINGS, threads=3)))
    assert threaded == FOUND
    alone = by_name(fair_rows(SELECT, TEST, CANDIDATES[1:2], SETTINGS))
    assert all(FOUND[name] == row for name, row in alone.items() if name[0] != "fair_differences")


def test_columns_are_loaded_one_at_a_time_and_not_kept() -> None:
    loaded: list[weakref.ref] = []

    def load() -> tuple:
        assert not any(column() is not None for column in loaded)
        columns = TEST_LATENT + RANDOM.normal(size=len(TEST.loss))
        loaded.append(weakref.ref(columns))
        return SELECT_LATENT, columns

    fair_rows(SELECT, TEST, (Candidate(f"signal {i}", "hidden", False, 1, [load, load]) for i in range(3)), SETTINGS)
    assert len(loaded) == 6


def test_with_few_documents_sequences_are_resampled() -> None:
    few = replace(TEST, document=TEST.document // 4)
    found = by_name(fair_rows(SELECT, few, CANDIDATES[1:2], SETTINGS))
    assert found["fair_data", "clusters", "are_documents"].value == 0
    assert found["fair_data", "clusters", "count"].value > len(TEST.loss) / 8


def test_part_rows_count_what_there_is() -> None:
    part = np.array([0, 0, 0, 2, 2, 2, 1], dtype=np.int8)
    rows = by_name(part_rows(part, np.array([4, 4, 5, 7, 7, 7, 8]), np.array([0, 1, 0, 0, 0, 1, 0])))
    counts = {
        name: [rows["fair_data", name, metric].value for metric in ("documents", "tokens", "sequences")]
        for name in ("fit", "select", "test")
    }
    assert counts == {"fit": [2, 3, 3], "select": [1, 1, 1], "test": [1, 3, 2]}


def test_orientation_is_learnt_from_the_sign() -> None:
    assert learn_orientation(-TEST_LATENT, TEST.loss) is True
    assert learn_orientation(TEST_LATENT, TEST.loss) is False


def test_what_does_not_do_is_named() -> None:
    with pytest.raises(InputError, match="main_label: 'loss_over_7' on select"):
        fair_rows(SELECT, TEST, CANDIDATES, replace(SETTINGS, main_label="loss_over_7"))
    none = replace(SELECT, labels={name: np.zeros_like(hard) for name, hard in SELECT.labels.items()})
    with pytest.raises(InputError, match=r"loss_over_3: 0 of \d+ select tokens are hard"):
        fair_rows(none, TEST, CANDIDATES, SETTINGS)
    broken = Candidate("hunch", "hidden", False, 1, [lambda: (SELECT_LATENT, np.full(len(TEST.loss), np.nan))])
    with pytest.raises(InputError, match=r"hunch: .* values are not finite"):
        fair_rows(SELECT, TEST, [broken], SETTINGS)
    short = Candidate("hunch", "hidden", False, 1, [lambda: (SELECT_LATENT[1:], TEST_LATENT)])
    with pytest.raises(InputError, match=r"hunch: .* as many as loss of the select rows has"):
        fair_rows(SELECT, TEST, [short], SETTINGS)
