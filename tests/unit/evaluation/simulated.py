"""What several tests of evaluation need: rows by name, simulated samples and losses, a head by brute force."""

import math
from collections.abc import Iterable

import numpy as np
from scipy.stats import gamma, norm

from easyhard.evaluation.ranking import Curve, Sums, coarsen, equal_scores, make_curve, sums_of
from easyhard.evaluation.rows import Row

LENGTH = 16
GRID = np.linspace(0, 40, 20_001)
SHAPES = {
    "gamma": gamma(3, scale=2).cdf(GRID),
    "uniform": np.clip(GRID / 10, 0, 1),
    "mixture": 0.6 * norm(4, 1.2).cdf(GRID) + 0.4 * norm(10, 1.5).cdf(GRID),
}


def by_item(rows: Iterable[Row], item: str) -> dict[str, Row]:
    """The rows of an item by metric."""
    return {row.metric: row for row in rows if row.item == item}


def figures(rows: Iterable[Row], item: str) -> dict[str, float | None]:
    """The values of an item by metric."""
    return {metric: row.value for metric, row in by_item(rows, item).items()}


def sampled(hardness: np.ndarray, values: np.ndarray, times: np.ndarray, bins: int = 10_000) -> tuple[Curve, Sums]:
    """Curve, and sums of values, of samples that hold each token so many times, (samples, tokens)."""
    groups = coarsen(equal_scores(hardness), bins)
    tokens = np.stack([groups.sums(weights) for weights in times], axis=1)
    own = np.stack([groups.sums(weights * values) for weights in times], axis=1)
    return make_curve(sums_of(tokens), groups.mixed), sums_of(own)


def head_metrics(logits: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics of logits (tokens, words), by brute force."""
    top = np.sort(logits, axis=1)
    p = np.exp(logits - top[:, -1:])
    p /= p.sum(axis=1, keepdims=True)
    return {
        "max_probability": p.max(axis=1),
        "max_logit": top[:, -1],
        "max_minus_mean": top[:, -1] - logits.mean(axis=1),
        "margin": top[:, -1] - top[:, -2],
        "entropy": -(p * np.log(p)).sum(axis=1),
        "argmax": logits.argmax(axis=1),
    }


def tail_mass(p: np.ndarray, threshold: float) -> np.ndarray:
    """How probable a loss over so many nats is, (tokens,), for probabilities (tokens, words)."""
    return np.where(-np.log(p) > threshold, p, 0).sum(axis=1)


def quantile(shape: str, u: np.ndarray) -> np.ndarray:
    return np.interp(u, SHAPES[shape], GRID)


def correlated_losses(shape: str, sequences: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Losses of this distribution whose normal scores correlate by 0.2 within a sequence; and the sequences."""
    random = np.random.default_rng(seed)
    scores = math.sqrt(0.2) * random.normal(size=(sequences, 1)) + math.sqrt(0.8) * random.normal(
        size=(sequences, LENGTH)
    )
    return quantile(shape, norm.cdf(scores)).ravel(), np.repeat(np.arange(sequences), LENGTH)
