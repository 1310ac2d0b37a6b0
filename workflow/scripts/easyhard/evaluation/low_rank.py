"""What a head of low rank keeps of the exact one: its metrics, its argmax, and how it separates easy from hard."""

from collections.abc import Callable, Mapping

import numpy as np

from easyhard.evaluation.columns import Column, split_at_median
from easyhard.evaluation.correlation import pearson
from easyhard.evaluation.rows import Row, make_rows

REFINED = "refined_"
KEPT = {"argmax": "argmax_kept", "refined_argmax": "argmax_kept_refined"}


def low_rank_rows(
    section: str,
    costs: Mapping[str, Mapping[str, float]],
    read: Callable[[str], Mapping[str, Column]],
    exact: Mapping[str, Column],
    loss: Column | None = None,
) -> list[Row]:
    """Return one item `kind/rank` for each in `costs`: what they say, and what `read` yields held to `exact`.

    read: item → name → (tokens,), a name out of `exact` or `refined_` and such a name, after the words that the low
    rank puts first got their exact logits; others are passed over. <name>_pearson is Pearson's r with the exact values;
    of `argmax`, a word's number, argmax_kept and argmax_kept_refined are the shares of tokens where it is the exact
    one. With losses (tokens,), in nats, also the squared error of max probability, and the halves of the median cut by
    the rank's own max − mean.
    """
    rows = []
    for item, known in costs.items():
        low, figures = read(item), dict(known)
        for name, values in low.items():
            original = exact.get(name.removeprefix(REFINED))
            if name in KEPT and original is not None:
                figures[KEPT[name]] = float(np.mean(values == original))
            elif original is not None:
                figures[f"{name}_pearson"] = pearson(values, original)
        if loss is not None:
            figures["max_probability_mse"] = float(np.mean((low["max_probability"] - exact["max_probability"]) ** 2))
            figures |= split_at_median(low["max_minus_mean"], loss, high_means_easy=True)
        rows += make_rows(section, item, figures)
    return rows
