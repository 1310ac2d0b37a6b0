"""What a signal that knows nothing gets: the random baseline of every table that ranks."""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from easyhard.evaluation.columns import Column, Mask
from easyhard.evaluation.correlation import pearson
from easyhard.evaluation.judging import Documents
from easyhard.evaluation.ranking import (
    curve_augrc,
    curve_auprc,
    curve_auroc,
    curve_halves,
    curve_prr,
    equal_scores,
    once,
    summed,
)
from easyhard.evaluation.rows import Row, make_rows

SECTION: Final = "chance"
EXIT_SECTION: Final = "exit_chance"
DRAWS: Final = 40
"""Random orders: their spread is known to a ninth, and 1.96 of it is the half of a range of 95 %."""
QUANTILE: Final = float(norm.ppf(0.975))
TOKEN, DOCUMENT = "random_token", "random_document"


def chance_rows(documents: Documents, signals: int, seed: int) -> list[Row]:
    """Return section `chance`: the figures of `fair_signals` for signals that know nothing, on the test rows; `seed`
    draws them.

    Item random_token: a random number a token. Its value is what a random order has on average: auroc_<label> 0.5,
    auprc_<label> the share of hard tokens, augrc half the mean loss (nats), and 0 for spearman, prr, loss_diff (nats)
    and oracle_share; its interval holds 95 % of random orders of these very tokens. Item random_document: a random
    number a document, the same for all its tokens, or a sequence where sequences are resampled; its ranges are wider,
    for some documents are harder than others. best_auroc: the AUROC of the main label that the best of `signals` such
    columns has on average, so that the best of a table is not taken for more.
    """
    rows, random = [], np.random.default_rng(seed)
    loss, clusters = documents.loss, documents.resamples.clusters
    labels = {name: mask[documents.test] for name, mask in documents.labels.items()}
    oracle = once(equal_scores(loss), loss)
    best, best_diff = float(curve_augrc(*oracle)[0]), float(curve_halves(*oracle)[1][0])
    ranks = rankdata(loss)
    expected = _expected(loss, labels)
    for item, of in ((TOKEN, np.arange(len(loss))), (DOCUMENT, clusters.index)):
        draws = [_figures(random.random(of.max() + 1)[of], loss, ranks, labels, best, best_diff) for _ in range(DRAWS)]
        spread = {name: float(np.std([draw[name] for draw in draws], ddof=1)) for name in expected}
        for name, value in expected.items():
            half = QUANTILE * spread[name]
            rows.append(Row(SECTION, item, name, value, value - half, value + half))
        main = f"auroc_{documents.main}"
        rows.append(Row(SECTION, item, "best_auroc", expected[main] + spread[main] * expected_maximum(signals)))
    return rows


def expected_maximum(count: int) -> float:
    """Return the mean of the largest of `count` standard normal numbers, by the quantiles of Blom (1958): 0 of one.

    >>> round(expected_maximum(100), 2)
    2.5
    """
    return float(norm.ppf((count - 0.375) / (count + 0.25))) if count > 1 else 0.0


def _expected(loss: Column, labels: Mapping[str, Mask]) -> dict[str, float]:
    mean = float(loss.mean())
    found = {"augrc": mean / 2, "spearman": 0.0, "prr": 0.0, "loss_diff": 0.0, "oracle_share": 0.0}
    found |= {f"auroc_{name}": 0.5 for name in labels}
    return found | {f"auprc_{name}": float(label.mean()) for name, label in labels.items()}


def _figures(
    hardness: Column,
    loss: Column,
    ranks: NDArray[np.float64],
    labels: Mapping[str, Mask],
    best: float,
    best_diff: float,
) -> dict[str, float]:
    groups = equal_scores(hardness)
    curve, sums = once(groups, loss)
    difference = float(curve_halves(curve, sums)[1][0])
    figures = {
        "augrc": float(curve_augrc(curve, sums)[0]),
        "spearman": pearson(rankdata(hardness), ranks),
        "prr": float(curve_prr(curve, sums, np.array([best]))[0]),
        "loss_diff": difference,
        "oracle_share": difference / best_diff if best_diff else float("nan"),
    }
    for name, label in labels.items():
        hard = summed(groups, label)
        figures[f"auroc_{name}"] = float(curve_auroc(curve, hard)[0])
        figures[f"auprc_{name}"] = float(curve_auprc(curve, hard)[0])
    return figures


def first_choice_rows(argmax: NDArray[np.integer]) -> list[Row]:
    """Return item first_choice of section `chance`: most_common, the share of tokens that have the commonest most
    probable word, (tokens,) by number. What agrees only as often as one word said of every token knows nothing."""
    share = np.unique(argmax, return_counts=True)[1].max() / len(argmax)
    return make_rows(SECTION, "first_choice", {"most_common": share})


def prediction_rows(loss: Column) -> list[Row]:
    """Return item regression of section `chance`: mse (nats²), r2 and loss_diff of foretelling the mean of the losses,
    (tokens,), for each of them."""
    return make_rows(SECTION, "regression", {"mse": loss.var(), "r2": 0.0, "loss_diff": 0.0})


def random_split_rows() -> list[Row]:
    """Return item separation of section `chance`: what a signal that knows nothing has on average."""
    return make_rows(SECTION, "separation", dict.fromkeys(("pearson", "spearman", "loss_diff", "oracle_share"), 0.0))


def exit_chance_rows(item: str, labels: Mapping[str, Mask]) -> list[Row]:
    """Return section `exit_chance`, item an exit: auroc_<label> of random numbers, with the range that holds 95 % of
    them, and auprc_<label>, the share that has the label; masks (test tokens,). A label of one kind is left out."""
    rows = []
    for name, mask in labels.items():
        yes, no = int(mask.sum()), int((~mask).sum())
        if yes and no:
            half = QUANTILE * math.sqrt((yes + no + 1) / (12 * yes * no))  # Mann & Whitney, 1947
            rows.append(Row(EXIT_SECTION, item, f"auroc_{name}", 0.5, 0.5 - half, 0.5 + half))
            rows.append(Row(EXIT_SECTION, item, f"auprc_{name}", yes / (yes + no)))
    return rows
