"""Bits per byte and per character of the text: a loss that does not depend on how the text is cut into tokens."""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from easyhard.evaluation.columns import Column
from easyhard.evaluation.resampling import Estimate, Resamples, estimate_row
from easyhard.evaluation.rows import Row, make_rows

SECTION: Final = "fair_data"
UNITS: Final = {"bytes": "byte", "characters": "character"}


def bits_rows(
    loss: Column, sizes: Mapping[str, Column], test: np.ndarray[tuple[int], np.dtype[np.int64]], resamples: Resamples
) -> list[Row]:
    """Return bits per unit of text, Σ loss / (ln 2 · Σ size): item `clusters`, of the test rows, with intervals; item
    `text`, of all rows, which are the same text whatever parts were drawn.

    loss: (tokens,) nats; sizes: `bytes` and `characters`, (tokens,) each, of what the targets stand for; test: rows of
    the resamples' clusters. A test document's first token counts where something foretells it.
    """
    rows = []
    for name, unit in UNITS.items():
        whole, own = sizes[name], sizes[name][test]
        bits = _ratio(loss[test] / math.log(2), own, resamples)
        rows.append(estimate_row(SECTION, "clusters", f"bits_per_{unit}", bits, resamples.clusters.count))
        rows += make_rows(SECTION, "clusters", {f"{name}_per_token": float(own.mean())})
        total = float(whole.sum(dtype=np.float64))
        per = float(loss.sum(dtype=np.float64)) / math.log(2) / total if total else math.nan
        rows += make_rows(SECTION, "text", {name: total, f"bits_per_{unit}": per})
    return rows


def _ratio(above: Column, below: Column, resamples: Resamples) -> Estimate:
    """The ratio of two sums over tokens, and on each resample."""
    index, count = resamples.clusters.index, resamples.clusters.count
    sums = [np.bincount(index, values, count) for values in (above, below)]
    weights = resamples.weights.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.append(sums[0].sum() / sums[1].sum(), (sums[0] @ weights) / (sums[1] @ weights))
