"""Classification figures against scikit-learn, the majority row, and both cuts."""

import numpy as np
import pytest
from sklearn import metrics

from easyhard.evaluation.classification import classification_rows
from easyhard.evaluation.rows import Row


def figures(rows: list[Row], item: str) -> dict[str, float | None]:
    return {row.metric: row.value for row in rows if row.item == item}


def test_against_scikit_learn() -> None:
    random = np.random.default_rng(0)
    loss = random.gamma(2.0, 3.0, size=800)
    probability = (1 / (1 + np.exp(loss - 3 + random.normal(size=800)))).round(2)  # with ties
    found = figures(classification_rows({"mlp2": probability}, loss, 3.0), "mlp2")
    easy, called = loss <= 3, probability >= 0.5
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(easy, called))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(easy, called))
    assert found["auroc"] == pytest.approx(metrics.roc_auc_score(~easy, 1 - probability))
    assert found["auprc"] == pytest.approx(metrics.average_precision_score(easy, probability))
    assert found["f1"] == pytest.approx(metrics.f1_score(~easy, ~called))
    assert found["prevalence"] == easy.mean()


def test_both_cuts_by_hand() -> None:
    loss = np.array([1.0, 2.0, 6.0, 11.0])
    found = figures(classification_rows({"linear": [0.9, 0.4, 0.3, 0.1]}, loss, 3.0), "linear")
    assert (found["easy_loss"], found["hard_loss"], found["loss_diff"]) == (1.0, 19 / 3, 16 / 3)
    assert found["easy_share"] == 0.25
    assert found["loss_diff_median"] == 7.0
    assert (found["accuracy"], found["balanced_accuracy"], found["auroc"]) == (0.75, 0.75, 1.0)
    assert found["f1"] == pytest.approx(0.8)


def test_majority_of_hard_tokens_is_what_the_founding_classifiers_reach() -> None:
    loss = np.concatenate([np.linspace(0.1, 3.0, 25), np.linspace(3.1, 20.0, 75)])
    found = figures(classification_rows({}, loss, 3.0), "majority")
    assert (found["accuracy"], found["balanced_accuracy"], found["auroc"]) == (0.75, 0.5, 0.5)
    assert found["f1"] == pytest.approx(2 * 0.75 / 1.75)
    assert found["auprc"] == found["prevalence"] == 0.25
    assert found["hard_loss"] == pytest.approx(loss.mean())
    assert (found["easy_loss"], found["loss_diff"], found["loss_diff_median"]) == (None, None, None)
    assert found["easy_share"] == 0.0


def test_majority_of_easy_tokens() -> None:
    found = figures(classification_rows({}, [1.0, 1.5, 2.0, 9.0], 3.0), "majority")
    assert (found["accuracy"], found["f1"], found["easy_share"]) == (0.75, 0.0, 1.0)
    assert found["hard_loss"] is None


def test_one_class_alone() -> None:
    found = figures(classification_rows({"linear": [0.9, 0.2]}, [5.0, 6.0], 3.0), "linear")
    assert found["accuracy"] == 0.5
    assert (found["balanced_accuracy"], found["auroc"], found["auprc"]) == (None, None, None)
