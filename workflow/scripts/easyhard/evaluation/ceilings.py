"""What a model says of its own losses: how far that gets a score without the target, and whether it is calibrated."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from easyhard.evaluation.columns import Column, Mask, split_at_median
from easyhard.evaluation.correlation import spearman
from easyhard.evaluation.ranking import augrc, auroc
from easyhard.evaluation.rows import Row, make_rows
from easyhard.signals.areas import area

CEILINGS, CALIBRATION = "fair_ceilings", "fair_calibration"
BINS = 15


def ceiling_rows(
    tail_mass: Mapping[str, Column],
    thresholds: Mapping[str, float],
    entropy: Column,
    draws: Sequence[Column],
    cluster: NDArray[np.integer],
) -> list[Row]:
    """Return section `fair_ceilings`: one item a label of `tail_mass`, then `loss`; values are means over the draws.

    draws: (tokens,) each, losses (nats) of targets drawn from the model's own distribution p; cluster: (tokens,),
    numbers from 0 of what is resampled. A model that is
    calibrated in every respect meets losses like these, and no score that does not see the target does better on them:
    - auroc of a label, by tail_mass (tokens,) = Σ p_v · 1[p_v < e^−τ], the probability of a loss over the label's
      threshold τ = thresholds[label] (nats). The order by an event's probability is optimal: Neyman & Pearson, 1933.
      Its interval is that of the area which tail_mass has on average over draws, from the clusters' shares of it.
    - augrc and loss_diff (nats), and oracle_share, of the drawn losses' own oracle, by entropy (tokens,): the order by
      the expected loss is optimal for what is linear in the losses. spearman is not: entropy is only near its best.
    """
    rows = []
    for label, mass in tail_mass.items():
        areas = [auroc(mass, loss > thresholds[label]) for loss in draws]
        value, expected = float(np.mean(areas)), area(mass, mass.clip(0, 1))
        low, high = (bound - expected.value + value for bound in expected.interval(cluster))
        known = (low, high) if np.isfinite(low) else (None, None)
        rows.append(Row(CEILINGS, label, "auroc", value if np.isfinite(value) else None, *known))
    figures = [_loss_figures(entropy, loss) for loss in draws]
    return rows + make_rows(CEILINGS, "loss", {name: float(np.mean([f[name] for f in figures])) for name in figures[0]})


def _loss_figures(entropy: Column, loss: Column) -> dict[str, float]:
    found = {"spearman": spearman(entropy, loss), "augrc": augrc(entropy, loss)}
    halves = split_at_median(entropy, loss, high_means_easy=False)
    return found | {name: halves[name] for name in ("loss_diff", "oracle_share")}


def calibration_rows(models: Mapping[str, tuple[float, Column, Column]], argmax_right: Mask) -> list[Row]:
    """Return section `fair_calibration`: per model `item` its figures, then items `item/bin_00`, … of its reliability.

    models: item → temperature T, max probability (tokens,) and loss (tokens,) in nats, both of logits / T.
    argmax_right: (tokens,), the most probable word is the target; a temperature does not change it. nll is the mean
    loss in nats. ece is Σ share · |accuracy − confidence| over 15 bins of about equally many tokens, by max
    probability; equal ones share a bin, and a bin that stays empty is left out. Naeini et al., 2015,
    doi:10.1609/aaai.v29i1.9602; equal-mass bins: Nixon et al., arXiv:1904.01685. Chance makes it positive even for a
    calibrated model: by about √(2 · 15 · accuracy · (1 − accuracy) / (π · tokens)), were tokens independent.
    """
    rows = []
    for item, (temperature, confidence, loss) in models.items():
        bins = _reliability(confidence, argmax_right.astype(np.float64))
        error = sum(b["tokens"] * abs(b["accuracy"] - b["confidence"]) for b in bins) / len(confidence)
        figures = {"temperature": temperature, "ece": error, "nll": loss.mean()}
        figures |= {"accuracy": argmax_right.mean(), "mean_confidence": confidence.mean()}
        rows += make_rows(CALIBRATION, item, figures)
        for number, figures in enumerate(bins):
            rows += make_rows(CALIBRATION, f"{item}/bin_{number:02d}", figures)
    return rows


def _reliability(confidence: Column, right: Column) -> list[dict[str, float]]:
    """Mean confidence, accuracy and tokens of each bin, the least sure first; mid-ranks keep equal ones together."""
    bins = np.floor((rankdata(confidence) - 0.5) * BINS / len(confidence)).astype(np.int64)
    tokens = np.bincount(bins)
    filled = tokens > 0
    means = [np.bincount(bins, weights=values)[filled] / tokens[filled] for values in (confidence, right)]
    columns = zip(*means, tokens[filled], strict=True)
    return [dict(zip(("confidence", "accuracy", "tokens"), map(float, column), strict=True)) for column in columns]
