"""Which signals to advise: the best within each budget, and the cheapest that is not worse than the best.

Whatever is chosen is chosen on the select rows; the test rows say whether it holds.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from scipy.stats import t

from easyhard.evaluation.differences import HEAD_CLASS, ORACLE_CLASS, Standing
from easyhard.evaluation.resampling import Estimate, estimate_row, interval, standard_error
from easyhard.evaluation.rows import Row, make_rows

SECTION: Final = "advice"
LEVEL: Final = 0.05
CHANCE: Final = 0.5
READS_LOGITS: Final = (HEAD_CLASS, "all")
"""The classes that read a pass over the vocabulary; others are there to spare it."""


def advice_rows(
    standings: Sequence[Standing], head: float | None, whole: float | None, settings: Mapping[str, Any], clusters: int
) -> list[Row]:
    """Return section `advice`. Flags, value 1, of signals: best_<label>, the best on select; recommended_<label>, the
    cheapest not worse; budget_<share>, the best on select for the first label within that share of the whole model.

    `head` and `whole` are multiply-adds of a pass over the vocabulary and of the whole model, None where unknown;
    budgets are shares of the head where the whole is. settings: `budget`, the share that a recommendation may cost,
    `budgets`, and `margin` (AUROC). from_best_<label> is the difference in AUROC from the best, not_worse_p_<label> the
    one-sided p of its lying at −margin or below: the lower half of TOST, since being better does no harm.

    From the best down the signals that are best at their cost on select are tested one after another, until one can't
    be shown to be not worse: a fixed sequence, so that one of the run's recommendations is wrong in 5 % of runs at most
    (Maurer et al., 1995). Nothing is recommended that looks at the target, that costs as much as a pass over the
    vocabulary beside the one that it may read, or whose AUROC on test is not above chance by its interval.
    """
    limit = whole if whole is not None else head
    allowed = [own for own in standings if _allowed(own, head)]
    kept = [own for own in allowed if not math.isfinite(own.cost) or _within(own, settings["budget"], limit)]
    rows = make_rows(SECTION, "settings", {"margin": settings["margin"], "budget": settings["budget"]})
    for label in kept[0].select if kept else ():
        rows += _label_rows([own for own in kept if math.isfinite(own.select[label])], label, settings, clusters)
    for budget in settings["budgets"]:
        affordable = [own for own in allowed if limit is not None and _within(own, budget, limit)]
        known = [own for own in affordable if math.isfinite(own.select_auroc)]
        best = max(known, key=lambda own: own.select_auroc, default=None)
        rows += [] if best is None else [Row(SECTION, best.name, f"budget_{budget:g}", 1.0)]
    return rows


def not_worse_p(difference: Estimate, margin: float, clusters: int) -> float:
    """Return the one-sided p of a difference of at most −margin, from t with clusters − 1 degrees of freedom.

    NaN where the difference is undefined. Without any spread it is 0 or 1.
    """
    distance, error = float(difference[0]) + margin, standard_error(difference)
    if error == 0:
        return float(distance <= 0)
    return float(t.sf(distance / error, clusters - 1))


def _label_rows(standings: Sequence[Standing], label: str, settings: Mapping[str, Any], clusters: int) -> list[Row]:
    front = _front(standings, label)
    if not front:
        return []
    best = picked = front[0]
    rows = [Row(SECTION, best.name, f"best_{label}", 1.0)]
    for own in front[1:]:
        difference = own.aurocs[label] - best.aurocs[label]  # paired: on the same resamples
        p = not_worse_p(difference, settings["margin"], clusters)
        rows.append(estimate_row(SECTION, own.name, f"from_best_{label}", difference, clusters))
        rows.append(Row(SECTION, own.name, f"not_worse_p_{label}", None if math.isnan(p) else p))
        if not p < LEVEL:
            break
        picked = own
    if interval(picked.aurocs[label], clusters)[0] > CHANCE:
        rows.append(Row(SECTION, picked.name, f"recommended_{label}", 1.0))
    return rows


def _front(standings: Sequence[Standing], label: str) -> list[Standing]:
    """The signals than which none that costs no more is better on select, the best first."""
    ranked = sorted(standings, key=lambda own: (own.cost, -own.select[label]))
    reached = [-math.inf]
    for own in ranked:
        reached.append(max(reached[-1], own.select[label]))
    return [own for own, (before, after) in zip(ranked, pairwise(reached), strict=True) if after > before][::-1]


def _allowed(own: Standing, head: float | None) -> bool:
    read = head if own.needs in READS_LOGITS and head is not None else 0.0
    dear = head is not None and head <= own.cost - read < math.inf
    return own.needs != ORACLE_CLASS and not dear


def _within(own: Standing, share: float, limit: float | None) -> bool:
    return limit is None or own.cost <= share * limit
