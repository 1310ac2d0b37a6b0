"""How well each signal tells easy tokens from hard ones, as the founding analysis measures it."""

from collections.abc import Mapping

from numpy.typing import ArrayLike

from easyhard.errors import InputError
from easyhard.evaluation.columns import Column, check_columns
from easyhard.evaluation.correlation import pearson, spearman
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.split import median_split, oracle_loss_diff, split_losses
from easyhard.signals.registry import Signal, find

SECTION = "separation"


def separation_rows(signals: Mapping[str, ArrayLike], loss: ArrayLike) -> list[Row]:
    """Return the rows of section `separation` for the oracle and for each signal, all columns (tokens,), loss in nats.

    Raises InputError naming a signal that is not in the registry or a column that `check_columns` refuses.
    """
    checked_loss, *columns = check_columns({"loss": loss, **signals})
    rows = make_rows(SECTION, "oracle", separation(find("oracle"), checked_loss, checked_loss))
    for name, values in zip(signals, columns, strict=True):
        rows += make_rows(SECTION, name, separation(find(name), values, checked_loss))
    return rows


def separation(signal: Signal, values: Column, loss: Column) -> dict[str, float]:
    """Return correlation with the loss, mean, population std, and the median split's easy and hard loss of one signal.

    values, loss: (tokens,), checked; oracle_share is the Loss Diff over the oracle's. Undefined figures are NaN.
    Raises InputError for a signal that does not state its direction.
    """
    if signal.high_means_easy is None:
        raise InputError(f"{signal.name}: its direction is to be learnt; a signal that states one is wanted here")
    losses = split_losses(loss, median_split(values, signal.high_means_easy))
    return {
        "pearson": pearson(values, loss),
        "spearman": spearman(values, loss),
        "mean": values.mean(),
        "std": values.std(),
        "high_means_easy": float(signal.high_means_easy),
        **losses,
        "oracle_share": losses["loss_diff"] / oracle_loss_diff(loss),
    }


def exit_threshold_rows(prediction: ArrayLike, loss: ArrayLike, threshold: float) -> list[Row]:
    """Return the exit classifier's split at its own threshold: a token is easy when its predicted loss is at most that.

    prediction, loss: (tokens,), nats. Raises InputError naming a column that `check_columns` refuses.
    """
    predicted, checked_loss = check_columns({"exit_classifier": prediction, "loss": loss})
    easy = predicted <= threshold
    figures = {
        "threshold": threshold,
        "loss_diff_at_threshold": split_losses(checked_loss, easy)["loss_diff"],
        "easy_share_at_threshold": float(easy.mean()),
    }
    return make_rows(SECTION, "exit_classifier", figures)
