"""How well probes classify tokens as easy, beside the baseline that calls every token what most tokens are."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, roc_auc_score

from easyhard.evaluation.columns import Column, check_columns
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.split import Mask, mean_or_nan, median_split, split_losses

CUT = 0.5


def classification_rows(probabilities: Mapping[str, ArrayLike], loss: ArrayLike, easy_threshold: float) -> list[Row]:
    """Return section `classification`: `majority`, then one item a probe, from its probability of easy.

    All columns (tokens,); a token is easy when its loss is at most `easy_threshold` nats. auprc takes easy as the
    positive class (chance is `prevalence`, the share of easy tokens), f1 takes hard, as the founding document does.
    easy_loss, hard_loss, loss_diff and easy_share cut at probability 0.5, loss_diff_median at the median probability.
    Undefined figures are None. Raises InputError naming a column that `check_columns` refuses.
    """
    checked_loss, *columns = check_columns({"loss": loss, **probabilities})
    easy = checked_loss <= easy_threshold
    majority = np.full(len(checked_loss), float(easy.mean() > CUT))
    rows = []
    for item, probability in zip(["majority", *probabilities], [majority, *columns], strict=True):
        figures = _labels(probability, easy) | _losses(probability, checked_loss)
        rows += make_rows("classification", item, figures)
    return rows


def _labels(probability: Column, easy: Mask) -> dict[str, float]:
    called_easy = probability >= CUT
    both = bool(easy.any() and not easy.all())
    recalls = (mean_or_nan(called_easy[easy].astype(np.float64)), mean_or_nan((~called_easy)[~easy].astype(np.float64)))
    return {
        "accuracy": float(accuracy_score(easy, called_easy)),
        "balanced_accuracy": sum(recalls) / 2,
        "auroc": float(roc_auc_score(easy, probability)) if both else float("nan"),
        "auprc": float(average_precision_score(easy, probability)) if both else float("nan"),
        "f1": float(f1_score(~easy, ~called_easy, zero_division=0.0)),
        "prevalence": float(easy.mean()),
    }


def _losses(probability: Column, loss: Column) -> dict[str, float]:
    called_easy = probability >= CUT
    at_median = split_losses(loss, median_split(probability, high_means_easy=True))
    at_half = split_losses(loss, called_easy) | {"easy_share": float(called_easy.mean())}
    return at_half | {"loss_diff_median": at_median["loss_diff"]}
