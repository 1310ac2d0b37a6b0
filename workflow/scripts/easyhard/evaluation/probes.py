"""How well the founding probes predict the loss, tell easy tokens, and foretell metrics of the logits."""

from collections.abc import Mapping

import numpy as np

from easyhard.evaluation.columns import Column, mean_or_nan, median_split, split_losses
from easyhard.evaluation.correlation import pearson, spearman
from easyhard.evaluation.rows import Row, make_rows

CUT = 0.5


def regression_figures(predicted: Column, loss: Column) -> dict[str, float]:
    """Return how well the loss is predicted; both (tokens,), nats. mse is in nats²; the split is at the median."""
    mse = float(np.mean((predicted - loss) ** 2))
    r2 = 1 - mse / float(loss.var()) if np.ptp(loss) else float("nan")
    halves = split_losses(loss, median_split(predicted, high_means_easy=False))
    return {"mse": mse, "r2": r2} | correlation_figures(predicted, loss) | halves


def correlation_figures(left: Column, right: Column) -> dict[str, float]:
    """Return Pearson's and Spearman's correlation of two columns, (tokens,)."""
    return {"pearson": pearson(left, right), "spearman": spearman(left, right)}


def classification_rows(probabilities: Mapping[str, Column], loss: Column, easy_threshold: float) -> list[Row]:
    """Return section `classification`: `majority`, then one item a probe, from its probability of easy.

    All columns (tokens,); a token is easy when its loss is at most `easy_threshold` nats. `majority` calls every token
    what most tokens are. auprc takes easy as the positive class (chance is `prevalence`, the share of easy tokens), f1
    takes hard, as the founding document does. easy_loss, hard_loss, loss_diff and easy_share cut at probability 0.5,
    loss_diff_median at the median probability. Undefined figures are None.
    """
    # scikit-learn takes a second to load, and only founding runs come here
    from sklearn.metrics import accuracy_score, average_precision_score, f1_score, roc_auc_score

    easy = loss <= easy_threshold
    majority = np.full(len(loss), float(easy.mean() > CUT))
    rows = []
    for item, probability in {"majority": majority, **probabilities}.items():
        called_easy = probability >= CUT
        both = bool(easy.any() and not easy.all())
        found = called_easy[easy].astype(np.float64), (~called_easy)[~easy].astype(np.float64)
        at_median = split_losses(loss, median_split(probability, high_means_easy=True))
        figures = {
            "accuracy": float(accuracy_score(easy, called_easy)),
            "balanced_accuracy": sum(map(mean_or_nan, found)) / 2,
            "auroc": float(roc_auc_score(easy, probability)) if both else float("nan"),
            "auprc": float(average_precision_score(easy, probability)) if both else float("nan"),
            "f1": float(f1_score(~easy, ~called_easy, zero_division=0.0)),
            "prevalence": float(easy.mean()),
            **split_losses(loss, called_easy),
            "easy_share": float(called_easy.mean()),
            "loss_diff_median": at_median["loss_diff"],
        }
        rows += make_rows("classification", item, figures)
    return rows
