"""Signals that are read off earlier tokens alone. What they are given holds nothing that comes later.

Row i foretells the loss on row i's target. By then the input tokens up to row i are known, and the losses up to row
i - 1, whose target is row i's token.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyhard.signals.declare import HERE, computable, compute, signal
from easyhard.signals.store import read_columns
from easyhard.signals.tokens import FIT, train_surprisal

Numbers = NDArray[Any]
Floats = NDArray[np.float64]

LAGS = 8
HALF_LIFE = 8  # rows
DECAY = 0.5 ** (1 / HALF_LIFE)
REACH = 512  # rows; what lies farther back weighs 2^-64, below what float64 can add


def context_signals(
    columns: Mapping[str, ArrayLike], *, mean_loss: float, counts: ArrayLike | None = None
) -> dict[str, NDArray[np.float32]]:
    """Name -> (rows,) of every context signal that the columns suffice for.

    columns: `document` and `loss` (nats), and where there are `token` (the current input) and `position` (in its
    window), each (rows,), all of a document's rows beside each other in their order. mean_loss stands where no loss is
    known yet, at a document's first row: the mean over the rows that probes are fitted on. counts (V,): how often
    training saw each word. Raises InputError naming a signal that is wrong.
    """
    arrays = {name: np.asarray(columns[name]) for name in ("document", "token", "position", "loss") if name in columns}
    loss = arrays.pop("loss").astype(np.float64)
    row = rows_in_document(arrays["document"])
    values: dict[str, Any] = {
        **arrays,
        "row_in_document": row,
        "previous_loss": np.where(row > 0, np.roll(loss, 1), mean_loss),
        "neutral_loss": mean_loss,
    }
    if counts is not None:
        values |= {"train_surprisal": train_surprisal(counts), "words": len(np.asarray(counts))}
    found = compute(computable(["context"], values), values, len(row))
    return {name: np.asarray(column, dtype=np.float32) for name, column in found.items()}


def read_context_signals(tokens: str | Path, counts: str | Path | None, rows: slice) -> dict[str, NDArray[np.float32]]:
    """Name -> (rows,) of every context signal of some rows of rows/documents.parquet.

    `counts` is rows/word_counts.parquet, where there is one. What stands before the first row in its document is read
    too, so that the rows of a shard get what they would get among all. Raises InputError naming a damaged file.
    """
    columns = read_columns(tokens, ["document", "token", "position", "loss", "part"])
    mean_loss = float(columns["loss"][columns.pop("part") == FIT].mean(dtype="float64"))
    if (columns["token"] < 0).any():  # not known
        del columns["token"]
    document = columns["document"]
    start = rows.start - int(np.isin(document[: rows.start], document[rows]).sum())  # of the first row's document
    found = context_signals(
        {name: values[start : rows.stop] for name, values in columns.items()},
        mean_loss=mean_loss,
        counts=None if counts is None else read_columns(counts, ["count"])["count"],
    )
    return {name: values[rows.start - start :] for name, values in found.items()}


def rows_in_document(document: Numbers) -> NDArray[np.int64]:
    """0, 1, … from each document's first row on (rows,)."""
    first = np.flatnonzero(np.concatenate([[True], document[1:] != document[:-1]]))
    lengths = np.diff(np.append(first, len(document)))
    return np.arange(len(document)) - np.repeat(first, lengths)


def lagged(values: Numbers, lag: int, row_in_document: Numbers, fill: float) -> Floats:
    """The value `lag` rows before each row (rows,), `fill` where that lies before the document."""
    earlier: Floats = np.where(row_in_document >= lag, np.roll(values, lag), fill)
    return earlier


@signal(
    title="surprisal of the current token",
    formula="−log((count in train + 1) / (tokens + V))",
    high_means_easy=None,  # a rare word may leave the next one open, or be half of a fixed phrase
    source=HERE,
)
def unigram_surprisal(token: Numbers, train_surprisal: Floats) -> Floats:
    return train_surprisal[token]


@signal(
    title="position",
    formula="tokens seen before in the window",
    high_means_easy=None,  # more context helps, if the model uses it
    source=HERE,
)
def position(position: Numbers) -> Numbers:
    return position


@signal(
    title="repeated token",
    formula="1 where the current token stood earlier in the document",
    high_means_easy=None,  # frequent words repeat too, and they leave the next one open
    source=HERE,
)
def repeated(document: Numbers, token: Numbers) -> Numbers:
    both = np.unique(document, return_inverse=True)[1] * (int(token.max(initial=0)) + 1) + token  # one number a pair
    again = np.ones(len(token))
    again[np.unique(both, return_index=True)[1]] = 0
    return again


@signal(title="previous loss", formula="loss of the token before", high_means_easy=False, source=HERE)
def previous_loss(previous_loss: Floats) -> Floats:
    return previous_loss


def _declare_lag(lag: int) -> None:
    @signal(
        name=f"previous_loss_{lag}",
        title=f"loss {lag} tokens before",
        formula=f"loss of row i − {lag}",
        high_means_easy=False,
        source=HERE,
    )
    def before(previous_loss: Floats, row_in_document: Numbers, neutral_loss: float) -> Floats:
        return lagged(previous_loss, lag - 1, row_in_document, neutral_loss)


for _lag in range(2, LAGS + 1):
    _declare_lag(_lag)


@signal(
    title=f"mean of {LAGS} previous losses",
    formula=f"mean loss of rows i − {LAGS} … i − 1",
    high_means_easy=False,
    source=HERE,
)
def previous_loss_mean(previous_loss: Floats, row_in_document: Numbers, neutral_loss: float) -> Floats:
    known = np.where(row_in_document > 0, previous_loss, 0.0)
    total = sum((lagged(known, lag, row_in_document, 0.0) for lag in range(LAGS)), np.zeros(len(known)))
    return np.where(row_in_document > 0, total / row_in_document.clip(1, LAGS), neutral_loss)


@signal(
    title="moving average of previous losses",
    formula=f"Σ w^k loss of row i − 1 − k over Σ w^k, half-life {HALF_LIFE} rows",
    high_means_easy=False,
    source=HERE,
)
def previous_loss_moving(previous_loss: Floats, row_in_document: Numbers, neutral_loss: float) -> Floats:
    total = np.where(row_in_document > 0, previous_loss, 0.0)
    span = 1
    while span < REACH:  # a sum over 2 span rows is one over span rows and another, span rows before
        total = total + DECAY**span * lagged(total, span, row_in_document, 0.0)
        span *= 2
    weight = (1 - DECAY ** row_in_document.clip(1).astype(np.float64)) / (1 - DECAY)
    return np.where(row_in_document > 0, total / weight, neutral_loss)
