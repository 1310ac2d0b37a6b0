"""What a head of low rank keeps of the exact one on test rows: its metrics and its argmax, also after refining."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from easyhard.errors import InputError
from easyhard.evaluation.columns import Column, check_columns
from easyhard.evaluation.correlation import pearson
from easyhard.evaluation.rows import Row, make_rows

SECTION = "fair_low_rank"
REFINED = "refined_"
ARGMAX = "argmax"
COSTS = ("coverage", "multiply_adds", "cost_share")


def fair_low_rank_rows(
    approximations: Mapping[str, ArrayLike],
    exact: Mapping[str, ArrayLike],
    costs: Mapping[str, Mapping[str, float]],
) -> list[Row]:
    """Return section `fair_low_rank`: one item `kind/rank` for each in `costs`.

    approximations: `kind/rank/metric` → (tokens,), test rows; exact: metric → (tokens,) of the exact head; costs:
    `kind/rank` → {coverage, multiply_adds a token, cost_share of the exact head's}. `metric` is a name out of `exact`,
    or `refined_` and such a name: after the words that the low rank puts first got their exact logits.
    argmax_kept and argmax_kept_refined are the shares of tokens where `argmax`, a word's number, is the exact one; the
    other metrics' <metric>_pearson is Pearson's r with the exact values. Columns of `approximations` that `costs` or
    `exact` know nothing of are passed over.

    Raises InputError for a `kind/rank` without columns or costs, and naming a column that `check_columns` refuses.
    """
    checked = dict(zip(exact, check_columns(exact), strict=True))
    rows = []
    for item, item_costs in costs.items():
        if missing := [name for name in COSTS if name not in item_costs]:
            raise InputError(f"costs of {item}: no {', '.join(missing)}; all of {', '.join(COSTS)} are wanted")
        figures = _figures(item, approximations, checked)
        rows += make_rows(SECTION, item, {name: item_costs[name] for name in COSTS} | figures)
    return rows


def _figures(item: str, approximations: Mapping[str, ArrayLike], exact: Mapping[str, Column]) -> dict[str, float]:
    metrics = [name.removeprefix(f"{item}/") for name in approximations if name.startswith(f"{item}/")]
    known = [metric for metric in metrics if metric.removeprefix(REFINED) in exact]
    if not known:
        raise InputError(f"low rank: no column {item}/… of {', '.join(exact)}; it holds {', '.join(approximations)}")
    columns = {f"{item}/{metric}": approximations[f"{item}/{metric}"] for metric in known}
    checked = check_columns({**exact, **columns})[len(exact) :]
    figures = {}
    for metric, values in zip(known, checked, strict=True):
        original = exact[metric.removeprefix(REFINED)]
        if metric.removeprefix(REFINED) == ARGMAX:
            name = "argmax_kept" if metric == ARGMAX else "argmax_kept_refined"
            figures[name] = float(np.mean(values == original))
        else:
            figures[f"{metric}_pearson"] = pearson(values, original)
    return figures
