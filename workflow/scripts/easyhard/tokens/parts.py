"""The rows of whole documents parted into fit, select and test, and how often training has seen their targets."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyhard.evaluation.parts import row_parts
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.sequences import train_counts, used_ids

Columns = Mapping[str, NDArray[Any]]


def parted(rows: Columns, settings: Mapping[str, Any], forced_fit: ArrayLike = ()) -> Columns:
    """`rows` with the column `part`: as it is where they have one, else drawn by whole documents.

    `settings` has seed and the shares fit and select; the documents `forced_fit` go to fit. Raises InputError as
    `row_parts` does.
    """
    if "part" in rows:
        return rows
    drawn = row_parts(
        rows["document"], forced_fit, fit=settings["fit"], select=settings["select"], seed=settings["seed"]
    )
    return {**rows, "part": drawn}


def part_text(
    rows: Columns, train: TokenStream, validation: TokenStream | None, words: int, settings: Mapping[str, Any]
) -> tuple[Columns, NDArray[np.int64]]:
    """`rows`, columns of (rows,) each, parted and with `target_count`; and how often training sees each word, (words,).

    With `validation` the model was trained here: training sees the ids of the sequences that `settings["sequences"]`
    cuts, and documents of the validation sequences, which chose the epoch, go to fit. Without, the whole stream `train`
    counts, and no document is forced. Raises InputError as `used_ids`, `train_counts` and `row_parts` do.
    """
    seen, forced_fit = train.token, np.empty(0, np.int32)
    if validation is not None:
        cutting = settings["sequences"]
        batches = cutting["length"], cutting["batch_size"]
        seen = used_ids(train.token, cutting["train"], *batches)
        forced_fit = np.intersect1d(used_ids(validation.document, cutting["validation"], *batches), rows["document"])
    counts = train_counts(seen, words)
    own = parted(rows, settings, forced_fit)
    return {**own, "target_count": counts[rows["target"]].astype(np.int32)}, counts
