"""What knows nothing: expected values, ranges against many random columns, and the best of several."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from easyhard.evaluation.chance import (
    chance_rows,
    exit_chance_rows,
    expected_maximum,
    first_choice_rows,
    prediction_rows,
)
from easyhard.evaluation.judging import Documents
from easyhard.signals.tokens import TokenTable

RANDOM = np.random.default_rng(0)
DOCUMENT = np.repeat(np.arange(60), 50).astype(np.int32)
LOSS = np.exp(1 + 0.5 * RANDOM.normal(size=60)[DOCUMENT] + 0.6 * RANDOM.normal(size=3000)).astype(np.float32)
TOKENS = TokenTable(DOCUMENT, np.arange(3000) // 10, np.arange(3000) % 10, LOSS, DOCUMENT % 3, DOCUMENT)
SETTINGS = {"thresholds": [1, 3], "main_threshold": 3, "resamples": 100}
DOCUMENTS = Documents(TOKENS, RANDOM.random(3000) < 0.7, SETTINGS, seed=5)
ROWS = {(row.item, row.metric): row for row in chance_rows(DOCUMENTS, 30, seed=1)}
HARD = LOSS[DOCUMENTS.test] > 3


def test_a_random_order_has_the_values_of_guessing() -> None:
    loss = LOSS[DOCUMENTS.test].astype(np.float64)
    wanted = {"auroc_loss_over_3": 0.5, "auprc_loss_over_3": HARD.mean(), "augrc": loss.mean() / 2}
    wanted |= dict.fromkeys(("spearman", "prr", "loss_diff", "oracle_share"), 0.0)
    for metric, value in wanted.items():
        assert ROWS["random_token", metric].value == pytest.approx(value)
    assert {row.section for row in chance_rows(DOCUMENTS, 30, seed=1)} == {"chance"}


@pytest.mark.parametrize("item", ["random_token", "random_document"])
def test_ranges_hold_most_random_columns(item: str) -> None:
    places = np.arange(1000) if item == "random_token" else np.unique(DOCUMENT[DOCUMENTS.test], return_inverse=True)[1]
    columns = [RANDOM.random(places.max() + 1)[places] for _ in range(400)]
    for metric, measure in (("auroc_loss_over_3", roc_auc_score), ("auprc_loss_over_3", average_precision_score)):
        row = ROWS[item, metric]
        held = np.mean([row.ci_low <= measure(HARD, column) <= row.ci_high for column in columns])
        assert 0.85 <= held <= 0.999


def test_documents_are_further_apart_than_tokens() -> None:
    widths = [ROWS[item, "auroc_loss_over_3"] for item in ("random_token", "random_document")]
    token, document = (row.ci_high - row.ci_low for row in widths)
    assert document > 2 * token


def test_the_best_of_many_random_columns_is_no_news() -> None:
    best = [max(roc_auc_score(HARD, RANDOM.random(1000)) for _ in range(30)) for _ in range(60)]
    assert ROWS["random_token", "best_auroc"].value == pytest.approx(np.mean(best), abs=0.006)
    draws = RANDOM.normal(size=(20_000, 30)).max(axis=1)
    assert expected_maximum(30) == pytest.approx(draws.mean(), abs=0.03)
    assert expected_maximum(1) == 0


def test_exits_have_ranges_of_their_own() -> None:
    labels = {"agrees": RANDOM.random(2000) < 0.2, "never": np.zeros(2000, dtype=bool)}
    rows = {row.metric: row for row in exit_chance_rows("2", labels)}
    assert set(rows) == {"auroc_agrees", "auprc_agrees"}
    assert rows["auprc_agrees"].value == labels["agrees"].mean()
    own = rows["auroc_agrees"]
    found = [roc_auc_score(labels["agrees"], RANDOM.random(2000)) for _ in range(400)]
    assert 0.92 <= np.mean([own.ci_low <= value <= own.ci_high for value in found]) <= 0.98


def test_one_word_for_all_and_one_loss_for_all() -> None:
    (row,) = first_choice_rows(np.array([3, 3, 1, 3]))
    assert (row.item, row.metric, row.value) == ("first_choice", "most_common", 0.75)
    found = {row.metric: row.value for row in prediction_rows(np.array([1.0, 3.0]))}
    assert found == {"mse": 1.0, "r2": 0.0, "loss_diff": 0.0}
