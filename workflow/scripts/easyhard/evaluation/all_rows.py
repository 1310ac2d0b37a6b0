"""The founding figures on somebody's own data: all rows, whatever their part, as the founding document has them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from easyhard.evaluation.columns import Column, finite, split_at_median, split_losses
from easyhard.evaluation.correlation import pearson, spearman
from easyhard.evaluation.loss_distribution import describe_loss
from easyhard.evaluation.probes import regression_figures
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.run import Run
from easyhard.evaluation.separation import TARGET_THRESHOLDS
from easyhard.signals.catalogue import PROBES, STACKS

PROTOCOL: Final = "all_rows"
ORACLE: Final = "oracle"
TABLES: Final = ("own", "head", "hidden", "context")
"""Of signals that are not fitted here: probes and stacks have seen the losses of the rows that they are fitted on."""
PREDICTIONS: Final = frozenset(
    {
        "exit_classifier",
        *(name for name, (_, task) in PROBES.items() if task == "loss"),
        *(f"{stack}_loss" for stack in STACKS),
    }
)
"""Names of signals that are predictions of the loss, in nats."""


def own_loss_rows(run: Run) -> list[Row]:
    """Return section `loss_distribution`, items `loss` and `log_loss`, as `describe_loss` does, of all rows."""
    tokens = run.documents.tokens
    loss, count = finite("loss", tokens.loss), tokens.target_count
    return describe_loss(loss, tokens.sequence, count == 0 if (count >= 0).all() else None, seed=run.settings["seed"])


def own_signal_rows(run: Run) -> list[Row]:
    """Return sections `separation`, `thresholds` and `regression` of all rows, of the oracle and of the signals of
    TABLES; of one with several seeds, means over these.

    separation, item a signal: pearson and spearman with the loss; mean and population std; easy_loss, hard_loss and
    loss_diff (nats) of the median split in the signal's own direction, oracle_share and high_means_easy.
    thresholds, items signal/median and signal/threshold: the threshold, easy_share and hard_share, easy_loss, hard_loss
    and loss_diff (nats); thresholds are those that the settings give for the signal, or else 0.01, 0.02 and 0.05 for
    target_probability and `fair.thresholds` for a prediction of the loss.
    regression, item a prediction of the loss: mse (nats²), r2, and its correlations and halves once more. Raises
    InputError naming a signal with a value that is not finite.
    """
    loss, tables = finite("loss", run.documents.tokens.loss), [run.files[name] for name in TABLES if name in run.files]
    rows = make_rows("separation", ORACLE, _separation(loss, loss, high_means_easy=False))
    for signal in run.signals.values():
        if signal.paths not in tables or signal.name == ORACLE:
            continue
        said = run.settings["own"].get(signal.name) or {}
        columns = [finite(signal.name, values) for values in signal.read(len(loss))]
        easy = run.high_means_easy(signal)
        rows += make_rows("separation", signal.name, _mean(_separation(own, loss, easy) for own in columns))
        predicts = said.get("predicts") == "loss" or (signal.name in PREDICTIONS and "predicts" not in said)
        for name, cut in _cuts(run, signal.name, said, predicts):
            figures = _mean(_cut(own, loss, float(np.median(own)) if cut is None else cut, easy) for own in columns)
            rows += make_rows("thresholds", f"{signal.name}/{name}", figures)
        if predicts:
            rows += make_rows("regression", signal.name, _mean(regression_figures(own, loss) for own in columns))
    return rows


def _separation(values: Column, loss: Column, high_means_easy: bool) -> dict[str, float]:
    return {
        "pearson": pearson(values, loss),
        "spearman": spearman(values, loss),
        "mean": float(values.mean()),
        "std": float(values.std()),
        "high_means_easy": float(high_means_easy),
        **split_at_median(values, loss, high_means_easy),
    }


def _cut(values: Column, loss: Column, threshold: float, high_means_easy: bool) -> dict[str, float]:
    easy = values >= threshold if high_means_easy else values <= threshold
    shares = {"threshold": threshold, "easy_share": float(easy.mean()), "hard_share": float((~easy).mean())}
    return shares | split_losses(loss, easy)


def _cuts(run: Run, name: str, said: Mapping[str, Any], predicts: bool) -> Iterator[tuple[str, float | None]]:
    """Names of thresholds, and where they are; None at the median."""
    given = said.get("thresholds")
    if given is None and name == "target_probability":
        given = TARGET_THRESHOLDS
    if given is None and predicts:
        given = run.settings["fair"]["thresholds"]
    yield from ((f"{threshold:g}", float(threshold)) for threshold in given or ())
    yield "median", None


def _mean(seeds: Iterator[dict[str, float]]) -> dict[str, float]:
    found = list(seeds)
    return {name: float(np.mean([own[name] for own in found])) for name in found[0]}
