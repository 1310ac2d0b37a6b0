"""Predictions of the probes, in memory and in Parquet. No torch: evaluation reads them from here."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.signals.store import read_columns, write_columns

REGRESSION, CLASSIFICATION = "regression_", "classification_"
PREDICTED = "_predicted"

Column = NDArray[Any]


@dataclass(frozen=True)
class LossPredictions:
    """What the loss probes say of the test tokens; every array is (test tokens,).

    `row` is the index among the validation rows, `loss` the true loss in nats, `regression` the predicted loss by
    probe, `classification` the probability that the token is easy by probe.
    """

    row: Column
    loss: Column
    regression: dict[str, Column]
    classification: dict[str, Column]


@dataclass(frozen=True)
class MetricPredictions:
    """What the metric probes say of the test tokens: true and predicted value by signal, each (test tokens,)."""

    row: Column
    actual: dict[str, Column]
    predicted: dict[str, Column]


def write_loss_predictions(path: str | Path, predictions: LossPredictions) -> None:
    """Write columns row, loss, regression_<probe> and classification_<probe>."""
    columns = {"row": predictions.row, "loss": predictions.loss}
    columns |= {REGRESSION + probe: values for probe, values in predictions.regression.items()}
    columns |= {CLASSIFICATION + probe: values for probe, values in predictions.classification.items()}
    write_columns(path, columns)


def read_loss_predictions(path: str | Path) -> LossPredictions:
    """Read what `write_loss_predictions` wrote. Raises InputError naming a foreign or truncated file."""
    columns = read_columns(path)
    _require(path, columns, ("row", "loss"))
    regression = _with_prefix(columns, REGRESSION)
    classification = _with_prefix(columns, CLASSIFICATION)
    if not regression or not classification:
        raise InputError(
            f"{path}: no {REGRESSION}… or no {CLASSIFICATION}… column; predictions of the loss probes are wanted"
        )
    return LossPredictions(columns["row"], columns["loss"], regression, classification)


def write_metric_predictions(path: str | Path, predictions: MetricPredictions) -> None:
    """Write columns row, <signal> and <signal>_predicted."""
    columns = {"row": predictions.row}
    for signal, values in predictions.actual.items():
        columns |= {signal: values, signal + PREDICTED: predictions.predicted[signal]}
    write_columns(path, columns)


def read_metric_predictions(path: str | Path) -> MetricPredictions:
    """Read what `write_metric_predictions` wrote. Raises InputError naming a foreign or truncated file."""
    columns = read_columns(path)
    signals = [name.removesuffix(PREDICTED) for name in columns if name.endswith(PREDICTED)]
    _require(path, columns, ("row", *signals))
    if not signals:
        raise InputError(f"{path}: no column ends in {PREDICTED}; predictions of the metric probes are wanted")
    actual = {signal: columns[signal] for signal in signals}
    return MetricPredictions(columns["row"], actual, {signal: columns[signal + PREDICTED] for signal in signals})


def _with_prefix(columns: dict[str, Column], prefix: str) -> dict[str, Column]:
    return {name.removeprefix(prefix): values for name, values in columns.items() if name.startswith(prefix)}


def _require(path: str | Path, columns: dict[str, Column], names: Iterable[str]) -> None:
    missing = [name for name in names if name not in columns]
    if missing:
        raise InputError(f"{path}: no column {', '.join(missing)}; it holds {', '.join(columns)}")
