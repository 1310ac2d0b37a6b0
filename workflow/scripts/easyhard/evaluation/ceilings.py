"""How far a score that does not see the target can get: the model's best scores on targets drawn from itself."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from easyhard.errors import InputError
from easyhard.evaluation.augrc import augrc
from easyhard.evaluation.auroc import auroc
from easyhard.evaluation.columns import Column, check_columns
from easyhard.evaluation.correlation import spearman
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.split import median_split, oracle_loss_diff, split_losses

SECTION = "fair_ceilings"


def ceiling_rows(
    tail_mass: Mapping[str, ArrayLike], thresholds: Mapping[str, float], entropy: ArrayLike, drawn_losses: ArrayLike
) -> list[Row]:
    """Return section `fair_ceilings`: one item a label of `tail_mass`, then `loss`; values are means over the draws.

    drawn_losses: (tokens, draws), losses (nats) of targets drawn from the model's own distribution p. A model that is
    calibrated in every respect meets losses like these, and no score that does not see the target does better on them:
    - auroc of a label, by tail_mass (tokens,) = Σ p_v · 1[p_v < e^−τ], the probability of a loss over the label's
      threshold τ = thresholds[label] (nats). The order by an event's probability is optimal: Neyman & Pearson, 1933.
    - augrc and loss_diff (nats), and oracle_share, of the drawn losses' own oracle, by entropy (tokens,): the order by
      the expected loss is optimal for what is linear in the losses. spearman is not: entropy is only near its best.

    Raises InputError naming a column that `check_columns` refuses, or a label without threshold.
    """
    drawn = np.asarray(drawn_losses, dtype=np.float64)
    if drawn.ndim != 2 or drawn.shape[1] == 0:
        raise InputError(f"drawn_losses: shape {drawn.shape}; (tokens, draws) with at least one draw is wanted")
    columns = {f"drawn_losses {draw}": drawn[:, draw] for draw in range(drawn.shape[1])}
    checked_entropy, *rest = check_columns({"entropy": entropy, **columns, **tail_mass})
    draws, masses = rest[: drawn.shape[1]], rest[drawn.shape[1] :]
    rows = []
    for label, mass in zip(tail_mass, masses, strict=True):
        if label not in thresholds:
            raise InputError(f"thresholds: none for {label}; there are {', '.join(thresholds)}")
        areas = [auroc(mass, loss > thresholds[label]) for loss in draws]
        rows += make_rows(SECTION, label, {"auroc": float(np.mean(areas))})
    figures = [_loss_figures(checked_entropy, loss) for loss in draws]
    return rows + make_rows(SECTION, "loss", {name: float(np.mean([f[name] for f in figures])) for name in figures[0]})


def _loss_figures(entropy: Column, loss: Column) -> dict[str, float]:
    difference = split_losses(loss, median_split(entropy, high_means_easy=False))["loss_diff"]
    return {
        "spearman": spearman(entropy, loss),
        "augrc": augrc(entropy, loss),
        "loss_diff": difference,
        "oracle_share": difference / oracle_loss_diff(loss),
    }
