"""What one may want of an exit, token by token: labels, which look at everything, at later exits and at the target.

And what they say of earlier tokens, which is a signal: how many layers these needed. A token's depth is known once all
layers have run on it, so that is for models whose earlier tokens did not leave.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyhard.signals.context import Floats, Numbers, rows_in_document
from easyhard.signals.declare import DEPTH_VALUES, HERE, computable, compute, signal

Column = NDArray[Any]
Mask = NDArray[np.bool_]

EXIT_LABELS = ("agrees", "stays", "near", "right", "fails")


def exit_labels(
    loss: Mapping[int, Column], argmax: Mapping[int, Column], target: Column, near: float
) -> dict[int, dict[str, Mask]]:
    """Exit → label → (rows,), for every exit but the last, ascending.

        agrees    the most probable word is that of the last exit
        stays     it agrees here and at every later exit (saturation, arXiv:2410.20210)
        near      its loss is at most `near` nats above that of the last exit
        right     the most probable word is the target
        fails     it is not, but that of the last exit is (early-exit failure, Kubaty et al., PMLR 306, 2026)

    loss: nats by exit; argmax: word numbers by exit; target: word numbers; each (rows,).
    """
    *exits, last = sorted(argmax)
    right = {exit: argmax[exit] == target for exit in argmax}
    depth, excess = prediction_depth(argmax), excess_loss(loss)
    return {
        exit: {
            "agrees": argmax[exit] == argmax[last],
            "stays": depth <= exit,
            "near": excess[exit] <= near,
            "right": right[exit],
            "fails": right[last] & ~right[exit],
        }
        for exit in exits
    }


def prediction_depth(argmax: Mapping[int, Column]) -> NDArray[np.int32]:
    """The first exit from which on the most probable word is that of the last exit, (rows,) (arXiv:2106.09647).

    argmax: word numbers (rows,) by exit; the last is the largest number.
    """
    *exits, last = sorted(argmax)
    depth = np.full(len(argmax[last]), last, dtype=np.int32)
    stays = np.ones(len(depth), dtype=bool)
    for exit in reversed(exits):
        stays &= argmax[exit] == argmax[last]
        depth[stays] = exit
    return depth


def excess_loss(loss: Mapping[int, Column]) -> dict[int, NDArray[np.float64]]:
    """What leaving at each exit adds to the loss of the last one, nats, (rows,) by exit."""
    *exits, last = sorted(loss)
    whole = loss[last].astype(np.float64)
    return {exit: loss[exit].astype(np.float64) - whole for exit in exits}


def depth_signals(depth: ArrayLike, document: ArrayLike, *, neutral: float) -> dict[str, NDArray[np.float32]]:
    """Name -> (rows,) of every signal of the depths that earlier tokens needed.

    depth: (rows,), layers, as `prediction_depth` gives them; document: (rows,), all of a document's rows beside each
    other in their order; `neutral`, the mean over the rows that probes are fitted on, stands at a document's first row.
    Row i sees depths up to row i − 1. Raises InputError naming a signal that is wrong.
    """
    row = rows_in_document(np.asarray(document))
    values: dict[str, Any] = {
        "row_in_document": row,
        "previous_depth": np.where(row > 0, np.roll(np.asarray(depth, dtype=np.float64), 1), neutral),
        "neutral_depth": neutral,
    }
    signals = [entry for entry in computable(["context"], values) if not set(DEPTH_VALUES).isdisjoint(entry.reads)]
    found = compute(signals, values, len(row))
    return {name: np.asarray(column, dtype=np.float32) for name, column in found.items()}


@signal(
    title="depth of the token before",
    formula="first exit from which on the token before agreed with the last",
    high_means_easy=False,
    source=HERE,
)
def previous_depth(previous_depth: Floats) -> Floats:
    return previous_depth


@signal(
    title="mean depth of earlier tokens",
    formula="mean depth of the document's tokens before",
    high_means_easy=False,
    source=HERE,
)
def previous_depth_mean(previous_depth: Floats, row_in_document: Numbers, neutral_depth: float) -> Floats:
    total = np.cumsum(np.where(row_in_document > 0, previous_depth, 0.0))  # of whole numbers: exact
    before = total[np.arange(len(total)) - row_in_document]  # at each document's first row: what is of others
    return np.where(row_in_document > 0, (total - before) / row_in_document.clip(1), neutral_depth)
