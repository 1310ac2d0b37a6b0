"""Simulated corpora whose answer is known: intervals cover it, and nothing is called different that is not.

Tokens of a document share an effect on their loss and one on their score; documents differ in length. Each limit was
set before looking: the issue's for coverage, the binomial's for levels.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import binom, norm

from easyhard.evaluation import judge
from easyhard.evaluation.judge import Judge
from easyhard.evaluation.ranking_metrics import auroc
from easyhard.evaluation.resampling import (
    Clusters,
    Estimate,
    difference,
    draw_resamples,
    interval,
    make_clusters,
    p_value,
)

CORPORA = 400
DOCUMENTS = 60
RESAMPLES = 300
CORRELATION = 0.5
SHARED = 0.4
"""Share of the variance, of the loss as of the score's own part, that is the document's."""

HARD_OVER = -0.5
"""Latent loss from which on a token is hard: 69 % are."""

AUROC = "auroc_hard"
LEVEL = 0.05
MOST_REJECTIONS = int(binom.ppf(0.999, CORPORA, LEVEL))
"""A test that keeps its level rejects more often than this in one of a thousand campaigns."""


@dataclass(frozen=True)
class Corpus:
    document: np.ndarray
    latent: np.ndarray

    @property
    def hard(self) -> np.ndarray:
        return self.latent > HARD_OVER

    def score(self, random: np.random.Generator, correlation: float) -> np.ndarray:
        """A standard normal score with this correlation to the latent loss, the rest shared in part by the document."""
        return correlation * self.latent + np.sqrt(1 - correlation**2) * shared_noise(random, self.document)


def shared_noise(random: np.random.Generator, document: np.ndarray) -> np.ndarray:
    of_document = random.normal(size=document.max() + 1)[document]
    return np.sqrt(SHARED) * of_document + np.sqrt(1 - SHARED) * random.normal(size=len(document))


def simulate(seed: int) -> tuple[Corpus, np.random.Generator]:
    random = np.random.default_rng(seed)
    document = np.repeat(np.arange(DOCUMENTS), random.integers(5, 40, DOCUMENTS))
    return Corpus(document, shared_noise(random, document)), random


def make_judge(corpus: Corpus, clusters: Clusters, seed: int) -> Judge:
    return Judge(np.exp(corpus.latent), {"hard": corpus.hard}, draw_resamples(clusters, RESAMPLES, seed))


def true_auroc() -> float:
    """Of tokens of different documents, by quadrature over the latent losses of a hard one and an easy one.

    Given both latent losses the difference of scores is normal, its mean CORRELATION · their difference.
    """
    border = norm.cdf(HARD_OVER)
    middle = (np.arange(1500) + 0.5) / 1500
    hard, easy = norm.ppf(border + (1 - border) * middle), norm.ppf(border * middle)
    gap = CORRELATION * (hard[:, None] - easy)
    return float(norm.cdf(gap / np.sqrt(2 * (1 - CORRELATION**2))).mean())


@pytest.fixture(scope="module")
def campaign() -> dict[str, int]:
    """In how many corpora an interval covers the truth or a test rejects what is true."""
    truth = true_auroc()
    found: Counter[str] = Counter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "BINS", 256)  # moves an AUROC by less than a thousandth of its standard error
        for seed in range(CORPORA):
            found.update(verdicts(seed, truth))
    return found


def verdicts(seed: int, truth: float) -> dict[str, int]:
    corpus, random = simulate(seed)
    tokens = np.arange(len(corpus.document), dtype=np.int32)
    good, equal = corpus.score(random, CORRELATION), corpus.score(random, CORRELATION)
    null = corpus.score(random, 0.0)
    by_document = make_judge(corpus, make_clusters(corpus.document, tokens), seed)
    by_token = make_judge(corpus, Clusters(tokens, len(tokens), False), seed)
    one, other, chance = (by_document.measure(score)[AUROC] for score in (good, equal, null))
    return {
        "documents cover": covers(one, DOCUMENTS, truth),
        "tokens cover": covers(by_token.measure(good)[AUROC], len(tokens), truth),
        "null differs": p_value(chance, 0.5, DOCUMENTS) < LEVEL,
        "equals differ": p_value(difference(one, other), 0.0, DOCUMENTS) < LEVEL,
    }


def covers(estimate: Estimate, clusters: int, truth: float) -> bool:
    low, high = interval(estimate, clusters)
    return low <= truth <= high


def test_the_truth_is_that_of_a_very_large_corpus() -> None:
    random = np.random.default_rng(0)
    latent, own = random.normal(size=(2, 1_000_000))
    score = CORRELATION * latent + np.sqrt(1 - CORRELATION**2) * own
    assert true_auroc() == pytest.approx(auroc(score, latent > HARD_OVER), abs=0.002)


def test_intervals_from_documents_cover_as_often_as_they_say(campaign: dict[str, int]) -> None:
    assert 0.92 <= campaign["documents cover"] / CORPORA <= 0.98


def test_intervals_from_tokens_do_not(campaign: dict[str, int]) -> None:
    assert campaign["tokens cover"] / CORPORA < 0.8


def test_a_signal_that_knows_nothing_passes_for_one_as_often_as_the_level_says(campaign: dict[str, int]) -> None:
    assert campaign["null differs"] <= MOST_REJECTIONS


def test_two_signals_as_good_as_each_other_differ_as_often_as_the_level_says(campaign: dict[str, int]) -> None:
    assert campaign["equals differ"] <= MOST_REJECTIONS
