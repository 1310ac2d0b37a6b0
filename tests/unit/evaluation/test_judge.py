"""The judge: values against scikit-learn and scipy, replicates against the same on rows repeated as a resample says."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from easyhard.evaluation import correlation, drawn
from easyhard.evaluation import judge as module
from easyhard.evaluation.columns import median_split, split_losses
from easyhard.evaluation.judge import RISK_METRICS, Judge
from easyhard.evaluation.ranking import augrc
from easyhard.evaluation.resampling import Clusters, Resamples, draw_resamples, interval


def corpus(tokens: int, clusters: int, decimals: int) -> tuple:
    """Losses with a cluster's effect on them, hardness scores that share it, labels, and clusters of ragged sizes."""
    random = np.random.default_rng(tokens + clusters)
    cluster = np.sort(np.concatenate([np.arange(clusters), random.integers(0, clusters, tokens - clusters)]))
    latent = 0.5 * random.normal(size=clusters)[cluster] + random.normal(size=tokens)
    loss = np.exp(1 + 0.7 * latent).round(decimals)
    hardness = (latent + 0.5 * random.normal(size=clusters)[cluster] + random.normal(size=tokens)).round(decimals)
    labels = {f"loss_over_{threshold}": loss > threshold for threshold in (1, 3, 5)}
    labels["argmax_wrong"] = random.random(tokens) < 1 / (1 + np.exp(-latent))
    return loss, hardness, labels, Clusters(cluster.astype(np.int32), clusters, True)


def plain(hardness: np.ndarray, loss: np.ndarray, labels: dict) -> dict[str, float]:
    """Every figure the slow way."""
    easy, best = (median_split(scores, high_means_easy=False) for scores in (hardness, loss))
    difference, largest = (split_losses(loss, half)["loss_diff"] for half in (easy, best))
    figures = {
        "spearman": spearmanr(hardness, loss).statistic,
        "augrc": augrc(hardness, loss),
        "prr": (loss.mean() / 2 - augrc(hardness, loss)) / (loss.mean() / 2 - augrc(loss, loss)),
        "augrc_argmax_wrong": augrc(hardness, labels["argmax_wrong"]),
        "easy_share": easy.mean(),
        "loss_diff": difference,
        "oracle_share": difference / largest,
        "risk_100": loss.mean(),
    }
    for name, hard in labels.items():
        figures[f"auroc_{name}"] = roc_auc_score(hard, hardness)
        figures[f"auprc_{name}"] = average_precision_score(hard, hardness)
    return figures


@pytest.mark.parametrize(
    ("tokens", "clusters", "decimals", "samples"), [(700, 25, 1, 7), (997, 200, 2, 7), (3001, 31, 9, 0)]
)
def test_values_are_exact_and_replicates_equal_figures_of_repeated_rows(
    tokens: int, clusters: int, decimals: int, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawn, "SAMPLES_AT_ONCE", 3)
    monkeypatch.setattr(correlation, "TOKENS_AT_ONCE", 64)
    loss, hardness, labels, units = corpus(tokens, clusters, decimals)
    resamples = draw_resamples(units, 7, seed=1)
    found = Judge(loss, labels, resamples).measure(hardness)
    expected = plain(hardness, loss, labels)
    assert {name: found[name][0] for name in expected} == pytest.approx(expected, abs=1e-10)
    assert set(found) == set(expected) | set(RISK_METRICS)
    for sample in range(samples):
        rows = np.repeat(np.arange(tokens), resamples.weights[units.index, sample].astype(int))
        expected = plain(hardness[rows], loss[rows], {name: hard[rows] for name, hard in labels.items()})
        assert {name: found[name][1 + sample] for name in expected} == pytest.approx(expected, abs=2e-6)


def test_with_more_scores_than_bins_replicates_are_as_near_as_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    loss, hardness, labels, units = corpus(20_000, 60, 12)
    resamples = draw_resamples(units, 40, seed=2)
    binned = Judge(loss, labels, resamples).measure(hardness)
    monkeypatch.setattr(module, "BINS", len(loss))
    exact = Judge(loss, labels, resamples).measure(hardness)
    assert len(np.unique(hardness)) > 19_000
    for name, estimate in exact.items():
        error = np.abs(binned[name][1:] - estimate[1:]).max()
        assert binned[name][0] == estimate[0]
        if name.startswith(("auroc", "spearman", "augrc", "prr")):
            assert error < 1e-5, name
        elif name != "easy_share":  # one half but for the odd token, on every resample
            assert error < 0.2 * estimate[1:].std(), name
            assert binned[name][1:].std() == pytest.approx(estimate[1:].std(), rel=0.02), name


def test_replicates_centre_on_the_value_however_coarse_the_bins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BINS", 8)
    loss, hardness, labels, units = corpus(3001, 31, 9)
    everything = Resamples(units, np.ones((31, 2), dtype=np.float32), np.zeros(2))
    for name, estimate in Judge(loss, labels, everything).measure(hardness).items():
        assert estimate[1:] == pytest.approx([estimate[0]] * 2, abs=1e-12), name


def test_a_label_that_resamples_can_miss_has_a_value_and_no_interval() -> None:
    loss, hardness, labels, units = corpus(700, 25, 1)
    rare = np.arange(700) == 11
    found = Judge(loss, labels | {"rare": rare}, draw_resamples(units, 100, seed=0)).measure(hardness)
    assert found["auroc_rare"][0] == pytest.approx(roc_auc_score(rare, hardness))
    assert all(math.isnan(bound) for bound in interval(found["auroc_rare"], 25))
    never = Judge(loss, {"never": loss < 0}, draw_resamples(units, 9, seed=0)).measure(hardness)
    assert math.isnan(never["auroc_never"][0])
    assert "augrc_argmax_wrong" not in never
