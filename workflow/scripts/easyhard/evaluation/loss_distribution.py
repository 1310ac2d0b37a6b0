"""The loss distribution: where it lies, its halves, and whether it has two modes as the founding document says."""

import math

import numpy as np
from scipy.stats import gamma, skew

from easyhard.evaluation.columns import Column, Mask, mean_or_nan, median_split, split_losses
from easyhard.evaluation.density import loss_density
from easyhard.evaluation.dip import Ids, dip, dip_interval, thinned_p_value
from easyhard.evaluation.rows import Row, make_rows

FOUNDING, SHAPE = "loss_distribution", "fair_shape"
SMALLEST_LOSS = 2.0**-24
"""Where log loss is cut off: a float32 probability just below 1 has about this loss, one of exactly 1 has loss 0."""

NORMAL = 2 * math.sqrt(2 / math.pi) / math.sqrt(1 - 2 / math.pi)
"""Cohen's d of the halves of a normal: means ±√(2/π) σ, variance (1 − 2/π) σ²."""
UNIFORM = math.sqrt(12)
"""Of a uniform on 0 … 1: means 1/4 and 3/4, variance 1/48."""
EXPONENTIAL = 2 * math.log(2) / math.sqrt(1 - math.log(2) ** 2)
"""Of an exponential of mean 1, cut at ln 2: means 1 ∓ ln 2, variances 1 − 2 ln² 2 and 1."""


def describe_loss(loss: Column, sequence: Ids, unseen: Mask | None, *, seed: int) -> list[Row]:
    """Return section `loss_distribution`, from losses in nats, ids of sequences, and which targets training never met.

    All (tokens,); `unseen` is None where that is not known. Gives their number, quantiles, the oracle's split with
    Cohen's d (beside a normal's, uniform's and exponential's, and a gamma's), Hartigan's dip on loss and log loss, the
    density's modes, and where unseen targets lie. `seed` draws the tokens of the dip test.
    """
    unseen_figures = {}
    if unseen is not None:
        unseen_figures = {"unseen_target_share": unseen.mean(), "unseen_target_mean_loss": mean_or_nan(loss[unseen])}
    figures = _location(loss) | _dip(loss, sequence, seed) | unseen_figures | _modes(loss, unseen)
    return make_rows(FOUNDING, "loss", figures) + make_rows(FOUNDING, "log_loss", _dip(_log(loss), sequence, seed))


def shape_rows(loss: Column, sequence: Ids, seen: Mask, *, seed: int) -> list[Row]:
    """Return section `fair_shape`: items `loss` and `log_loss` of all tokens, `loss_seen` and `log_loss_seen`.

    loss: (tokens,) nats; sequence: (tokens,) ids; seen: (tokens,), the target is known to occur in training. The items
    of seen targets are left out when fewer than two are. `dip` comes with the limits of `dip_interval`, several modes
    if both are above 0; `dip_p_thinned` is the test on one token a sequence; modes are the density's, in nats.
    Sequences count as independent, also those of one document.
    """
    logarithm = _log(loss)
    rows = []
    for suffix, kept in (("", np.ones(len(loss), dtype=np.bool_)), ("_seen", seen)):
        if kept.sum() >= 2:
            rows += _dip_rows(f"loss{suffix}", loss[kept], sequence[kept], seed)
            rows += make_rows(SHAPE, f"loss{suffix}", _modes(loss[kept]))
            rows += _dip_rows(f"log_loss{suffix}", logarithm[kept], sequence[kept], seed)
    return rows


def _log(loss: Column) -> Column:
    return np.log(np.maximum(loss, SMALLEST_LOSS))


def _location(loss: Column) -> dict[str, float]:
    """Where the losses lie, and the halves of the oracle's cut."""
    q25, q50, q75 = np.quantile(loss, [0.25, 0.5, 0.75])
    easy = median_split(loss, high_means_easy=False)
    halves = split_losses(loss, easy)
    return {
        "tokens": float(len(loss)),
        "mean": loss.mean(),
        "std": loss.std(),
        "min": loss.min(),
        "max": loss.max(),
        "q25": q25,
        "q50": q50,
        "q75": q75,
        "skewness": float(skew(loss)) if np.ptp(loss) else float("nan"),
        "easy_mean": halves["easy_loss"],
        "hard_mean": halves["hard_loss"],
        "loss_diff": halves["loss_diff"],
        "cohens_d": cohens_d(loss, easy),
        "cohens_d_normal": NORMAL,
        "cohens_d_uniform": UNIFORM,
        "cohens_d_exponential": EXPONENTIAL,
        "cohens_d_gamma": gamma_d(loss),
    }


def gamma_d(loss: Column) -> float:
    """Return Cohen's d of the halves of a gamma distribution with the mean and variance of losses (tokens,): one mode,
    as skewed as losses of that spread may well be. NaN where they do not vary.

    Of shape k the sum below a cut is that of shape k + 1 below it, k times; and again for squares.
    """
    mean, variance = float(loss.mean()), float(loss.var())
    if not variance or not mean:
        return float("nan")
    shape = mean**2 / variance
    cut = gamma.ppf(0.5, shape)
    below = [2 * gamma.cdf(cut, shape + power) for power in (1, 2)]
    means = [shape * own for own in (below[0], 2 - below[0])]
    squares = [shape * (shape + 1) * own for own in (below[1], 2 - below[1])]
    variances = [square - own**2 for square, own in zip(squares, means, strict=True)]
    return float((means[1] - means[0]) / math.sqrt(sum(variances) / 2))


def cohens_d(loss: Column, easy: Mask) -> float:
    """Return the hard tokens' mean loss minus the easy tokens', over the root of the mean of the parts' variances.

    loss, easy: (tokens,). Population variances, as the founding analysis has it. NaN when a part is empty or neither
    part varies.
    """
    if easy.all() or not easy.any():
        return float("nan")
    spread = math.sqrt((loss[easy].var() + loss[~easy].var()) / 2)
    return float((loss[~easy].mean() - loss[easy].mean()) / spread) if spread else float("nan")


def _dip(values: Column, sequence: Ids, seed: int) -> dict[str, float]:
    return {"dip": dip(values), "dip_p_thinned": thinned_p_value(values, sequence, seed=seed)}


def _dip_rows(item: str, values: Column, sequence: Ids, seed: int) -> list[Row]:
    low, high = dip_interval(values, sequence, seed=seed)
    found = _dip(values, sequence, seed)
    limits = (low, high) if np.isfinite(low) else (None, None)
    return [Row(SHAPE, item, "dip", found.pop("dip"), *limits), *make_rows(SHAPE, item, found)]


def _modes(loss: Column, unseen: Mask | None = None) -> dict[str, float]:
    """How many modes the density has and where they lie, in nats; nothing for losses that are all equal.

    With `unseen` also the bandwidth, and per mode the share of tokens in its basin and of unseen targets among those.
    """
    if not np.ptp(loss):
        return {}
    density = loss_density(loss)
    figures = {"modes": float(len(density.modes))} | ({} if unseen is None else {"bandwidth": density.bandwidth})
    basin = np.searchsorted(density.borders, loss, side="right")
    for index, position in enumerate(density.modes):
        figures[f"mode_{index + 1}"] = position
        if unseen is not None:
            inside = basin == index
            figures[f"mode_{index + 1}_share"] = float(inside.mean())
            figures[f"mode_{index + 1}_unseen_share"] = mean_or_nan(unseen[inside].astype(np.float64))
    return figures
