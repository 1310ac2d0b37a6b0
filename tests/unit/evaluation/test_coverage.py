"""Simulated corpora whose answer is known: intervals cover it, and nothing is called different that is not.

Tokens of a document share an effect on their loss and one on their score; documents differ in length. Each limit was
set before looking: the issue's for coverage, the binomial's for levels.
"""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import binom

from easyhard.evaluation import judge, resampling
from easyhard.evaluation.judge import Judge
from easyhard.evaluation.ranking import auroc
from easyhard.evaluation.resampling import Clusters, Estimate, draw_resamples, interval, make_clusters

CORPORA, DOCUMENTS, RESAMPLES = 250, 60, 200
CORRELATION = 0.5
SHARED = 0.4  # of the variance, of the loss as of the score's own part, that is the document's
HARD_OVER = -0.5  # latent loss from which on a token is hard: 69 % are
LEVEL = 0.05
MOST_REJECTIONS = int(binom.ppf(0.999, CORPORA, LEVEL))  # exceeded in one of a thousand campaigns that keep the level


def shared_noise(random: np.random.Generator, document: np.ndarray) -> np.ndarray:
    of_document = random.normal(size=document.max() + 1)[document]
    return np.sqrt(SHARED) * of_document + np.sqrt(1 - SHARED) * random.normal(size=len(document))


def true_auroc() -> float:
    """Of a very large corpus whose tokens are each of a document of their own."""
    random = np.random.default_rng(0)
    latent, own = random.normal(size=(2, 2_000_000))
    return auroc(CORRELATION * latent + np.sqrt(1 - CORRELATION**2) * own, latent > HARD_OVER)


def verdicts(seed: int, truth: float) -> dict[str, bool]:
    """Whether an interval of this corpus covers the truth, or a test rejects what is true."""
    random = np.random.default_rng(seed)
    document = np.repeat(np.arange(DOCUMENTS), random.integers(5, 40, DOCUMENTS))
    latent = shared_noise(random, document)
    tokens = np.arange(len(document), dtype=np.int32)

    def score(correlation: float) -> np.ndarray:
        """Standard normal, with this correlation to the latent loss, the rest shared in part by the document."""
        return correlation * latent + np.sqrt(1 - correlation**2) * shared_noise(random, document)

    def measure(clusters: Clusters, *scores: np.ndarray) -> list[Estimate]:
        own = Judge(np.exp(latent), {"hard": latent > HARD_OVER}, draw_resamples(clusters, RESAMPLES, seed))
        return [own.measure(values)["auroc_hard"] for values in scores]

    good, equal, null = (score(correlation) for correlation in (CORRELATION, CORRELATION, 0.0))
    one, other, chance = measure(make_clusters(document, tokens), good, equal, null)
    (by_token,) = measure(Clusters(tokens, len(tokens), False), good)
    (low, high), (token_low, token_high) = interval(one, DOCUMENTS), interval(by_token, len(tokens))
    return {
        "documents cover": low <= truth <= high,
        "tokens cover": token_low <= truth <= token_high,
        "null differs": resampling.p_value(chance - 0.5, DOCUMENTS) < LEVEL,
        "equals differ": resampling.p_value(one - other, DOCUMENTS) < LEVEL,
    }


def test_intervals_from_documents_cover_and_what_is_not_different_is_not_called_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judge, "BINS", 256)  # moves an AUROC by less than a thousandth of its standard error
    truth = true_auroc()
    campaign: Counter[str] = Counter()
    for seed in range(CORPORA):
        campaign.update(verdicts(seed, truth))
    assert 0.92 <= campaign["documents cover"] / CORPORA <= 0.98
    assert campaign["tokens cover"] / CORPORA < 0.8  # tokens are no clusters
    assert campaign["null differs"] <= MOST_REJECTIONS
    assert campaign["equals differ"] <= MOST_REJECTIONS
