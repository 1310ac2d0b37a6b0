"""Has the loss more than one mode? The dip with its size, and the density's modes, with and without unseen targets."""

import numpy as np
from numpy.typing import ArrayLike

from easyhard.errors import InputError
from easyhard.evaluation.columns import Column, check_columns
from easyhard.evaluation.density import loss_density
from easyhard.evaluation.dip import dip, dip_interval, thinned_p_value
from easyhard.evaluation.loss_distribution import ROUNDING, SMALLEST_LOSS
from easyhard.evaluation.rows import Row, make_rows

SECTION = "fair_shape"


def shape_rows(loss: ArrayLike, sequence: ArrayLike, seen: ArrayLike | None, *, seed: int) -> list[Row]:
    """Return section `fair_shape`: items `loss` and `log_loss` of all tokens, `loss_seen` and `log_loss_seen`.

    loss: (tokens,) nats; sequence: (tokens,) ids; seen: (tokens,) bool, the target occurs in training, None when that
    is not known. The items of seen targets are left out then, and when fewer than two are seen. `dip` comes with the
    limits of `dip_interval`, several modes if both are above 0; `dip_p_thinned` is the test on one token a sequence;
    modes are the density's, in nats. Sequences count as independent, also those of one document.
    Raises InputError naming a column that `check_columns` refuses, or a loss below 0.
    """
    known = {} if seen is None else {"seen": seen}
    losses, _, *seen_numbers = check_columns({"loss": loss, "sequence": sequence, **known})
    if losses.min() < -ROUNDING:
        raise InputError(f"loss: the lowest is {losses.min():g}; losses of 0 nats or more are wanted")
    ids = np.asarray(sequence)
    rows = _rows("", losses, ids, seed)
    for numbers in seen_numbers:
        kept = numbers > 0
        if kept.sum() >= 2:
            rows += _rows("_seen", losses[kept], ids[kept], seed)
    return rows


def _rows(suffix: str, loss: Column, sequence: ArrayLike, seed: int) -> list[Row]:
    rows = _dip_rows(f"loss{suffix}", loss, sequence, seed)
    rows += make_rows(SECTION, f"loss{suffix}", _modes(loss))
    return rows + _dip_rows(f"log_loss{suffix}", np.log(np.maximum(loss, SMALLEST_LOSS)), sequence, seed)


def _dip_rows(item: str, values: Column, sequence: ArrayLike, seed: int) -> list[Row]:
    low, high = dip_interval(values, sequence, seed=seed)
    has_limits = np.isfinite(low)
    row = Row(SECTION, item, "dip", dip(values), low if has_limits else None, high if has_limits else None)
    return [row, *make_rows(SECTION, item, {"dip_p_thinned": thinned_p_value(values, sequence, seed=seed)})]


def _modes(loss: Column) -> dict[str, float]:
    """How many modes the density has and where they lie, in nats; nothing for losses that are all equal."""
    if not np.ptp(loss):
        return {}
    modes = loss_density(loss).modes
    return {"modes": float(len(modes))} | {f"mode_{index + 1}": mode for index, mode in enumerate(modes)}
