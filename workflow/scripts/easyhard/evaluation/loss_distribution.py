"""The loss distribution: where it lies, its halves, and whether it has two modes as the founding document says."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import skew

from easyhard.errors import InputError
from easyhard.evaluation import cohens_d
from easyhard.evaluation.columns import Column, check_columns
from easyhard.evaluation.density import Density, basin_of, loss_density
from easyhard.evaluation.dip import dip, thinned_p_value
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.split import Mask, mean_or_nan, median_split, split_losses

SECTION = "loss_distribution"
ROUNDING = 1e-4
"""How far below 0 float32 rounding may bring a loss."""
SMALLEST_LOSS = 2.0**-24
"""Where log loss is cut off: a float32 probability just below 1 has about this loss, one of exactly 1 has loss 0."""


@dataclass(frozen=True)
class LossDistribution:
    """The rows of section `loss_distribution`, and the density for the figure (None when all losses are equal)."""

    rows: list[Row]
    density: Density | None


def describe_loss(loss: ArrayLike, sequence: ArrayLike, unseen_target: ArrayLike, *, seed: int) -> LossDistribution:
    """Describe losses (tokens,) in nats; sequence: (tokens,) ids; unseen_target: (tokens,) bool, never met in training.

    Gives quantiles, the oracle's split with Cohen's d (beside a normal's, uniform's and exponential's), Hartigan's dip
    on loss and log loss, the density's modes, and where unseen targets lie. `seed` draws the tokens of the dip test.
    Raises InputError naming a column that `check_columns` refuses.
    """
    losses, _, unseen_numbers = check_columns({"loss": loss, "sequence": sequence, "unseen_target": unseen_target})
    if losses.min() < -ROUNDING:
        raise InputError(f"loss: the lowest is {losses.min():g}; losses of 0 nats or more are wanted")
    unseen = unseen_numbers > 0
    density = loss_density(losses) if np.ptp(losses) else None
    figures = _location(losses) | _halves(losses) | _dip(losses, sequence, seed) | _unseen(losses, unseen)
    rows = make_rows(SECTION, "loss", figures | (_modes(losses, unseen, density) if density else {}))
    rows += make_rows(SECTION, "log_loss", _dip(np.log(np.maximum(losses, SMALLEST_LOSS)), sequence, seed))
    return LossDistribution(rows, density)


def _location(loss: Column) -> dict[str, float]:
    q25, q50, q75 = np.quantile(loss, [0.25, 0.5, 0.75])
    skewness = float(skew(loss)) if np.ptp(loss) else float("nan")
    extent = {"mean": loss.mean(), "std": loss.std(), "min": loss.min(), "max": loss.max()}
    return extent | {"q25": q25, "q50": q50, "q75": q75, "skewness": skewness}


def _halves(loss: Column) -> dict[str, float]:
    easy = median_split(loss, high_means_easy=False)
    losses = split_losses(loss, easy)
    return {
        "easy_mean": losses["easy_loss"],
        "hard_mean": losses["hard_loss"],
        "loss_diff": losses["loss_diff"],
        "cohens_d": cohens_d.cohens_d(loss, easy),
        "cohens_d_normal": cohens_d.NORMAL,
        "cohens_d_uniform": cohens_d.UNIFORM,
        "cohens_d_exponential": cohens_d.EXPONENTIAL,
    }


def _dip(values: Column, sequence: ArrayLike, seed: int) -> dict[str, float]:
    return {"dip": dip(values), "dip_p_thinned": thinned_p_value(values, sequence, seed=seed)}


def _unseen(loss: Column, unseen: Mask) -> dict[str, float]:
    return {"unseen_target_share": float(unseen.mean()), "unseen_target_mean_loss": mean_or_nan(loss[unseen])}


def _modes(loss: Column, unseen: Mask, density: Density) -> dict[str, float]:
    """Per mode its position, the share of tokens in its basin, and the share of those whose target is unseen."""
    figures = {"modes": float(len(density.modes)), "bandwidth": density.bandwidth}
    basin = basin_of(loss, density)
    for index, position in enumerate(density.modes):
        inside = basin == index
        figures[f"mode_{index + 1}"] = position
        figures[f"mode_{index + 1}_share"] = float(inside.mean())
        figures[f"mode_{index + 1}_unseen_share"] = mean_or_nan(unseen[inside].astype(np.float64))
    return figures
