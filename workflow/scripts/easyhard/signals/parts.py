"""Documents parted into fit, select and test: dealt out whole, so nothing of a test document is known before the test.

And how often training has seen the targets of their rows.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyhard.errors import InputError
from easyhard.signals.tokens import FIT, SELECT, TEST
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.sequences import train_counts, used_ids

Columns = Mapping[str, NDArray[Any]]

logger = logging.getLogger("easyhard")

WHOLE: Final = "whole_document"
FEWEST_TO_FOLD: Final = 3
"""Documents that fit must have where probes and stacks are fitted across folds of them, as many as stacks' are."""
PART_NAMES: Final = ("fit", "select", "test")


def parted(rows: Columns, settings: Mapping[str, Any], forced_fit: ArrayLike = (), fewest: int = 1) -> Columns:
    """`rows`, columns of (rows,) each, with the column `part`, 0 fit, 1 select, 2 test: as it is where they have one.

    Else whole documents are dealt out by the seed of `settings`, whose `fit` and `select` are the shares of rows wanted
    for them; test gets the rest. Documents in `forced_fit`, those whose tokens chose the model's epoch, go to fit. The
    others come in random order, each to the part where most rows are still wanted, but the last ones to parts that
    would have none. Where documents are too few for that, or fit gets fewer than `fewest`, sequences stand in for them:
    their numbers become the column `document`, and the documents' own the column WHOLE. Raises InputError naming the
    part that is left without any.
    """
    if "part" in rows:
        return rows
    names, inverse, sizes = np.unique(rows["document"], return_inverse=True, return_counts=True)
    forced = np.isin(names, np.asarray(forced_fit))
    parts = _dealt(sizes, forced, settings)
    if _filled(parts, fewest):
        return {**rows, "part": parts[inverse]}
    sequences, first = np.unique(rows.get("sequence", rows["document"]), return_index=True)
    if len(sequences) > len(names):
        said = "%d documents, %d of them forced into fit, are too few to part; sequences stand in for them, so how "
        logger.warning(said + "figures differ from document to document is not known", len(names), forced.sum())
        of_sequences = {**rows, "document": rows["sequence"], WHOLE: rows["document"]}
        return parted(of_sequences, settings, sequences[forced[inverse[first]]])
    for part, name in enumerate(PART_NAMES):
        if not np.any(parts == part):
            raise InputError(
                f"documents: {len(names)}, {int(forced.sum())} of them forced into fit, leave {name} without any; more "
                f"documents or a larger share for {name} are wanted"
            )
    return {**rows, "part": parts[inverse]}


def _dealt(sizes: NDArray[np.int64], forced: NDArray[np.bool_], settings: Mapping[str, Any]) -> NDArray[np.int8]:
    """The part of each document, from the rows of each and from which are forced into fit, (documents,)."""
    fit, select = settings["fit"], settings["select"]
    parts = np.full(len(sizes), FIT, dtype=np.int8)
    wanted = sizes.sum() * np.array([fit, select, 1 - fit - select])
    wanted[FIT] -= sizes[forced].sum()
    order = np.random.default_rng(settings["seed"]).permutation(np.flatnonzero(~forced))
    empty = [part for part in (TEST, SELECT, FIT) if part != FIT or not forced.any()]
    for left, one in zip(range(len(order), 0, -1), order, strict=True):
        parts[one] = np.argmax(wanted) if left > len(empty) else empty[0]
        empty = [part for part in empty if part != parts[one]]
        wanted[parts[one]] -= sizes[one]
    return parts


def _filled(parts: NDArray[np.int8], fewest: int) -> bool:
    """Whether each part has a document, and fit at least `fewest`."""
    counts = np.bincount(parts, minlength=len(PART_NAMES))
    return bool(counts.min() > 0 and counts[FIT] >= fewest)


def part_text(
    rows: Columns, train: TokenStream, validation: TokenStream | None, words: int, settings: Mapping[str, Any]
) -> tuple[Columns, NDArray[np.int64]]:
    """`rows`, columns of (rows,) each, parted and with `target_count`; and how often training sees each word, (words,).

    With `validation` the model was trained here: training sees the ids of the sequences that `settings["sequences"]`
    cuts, and documents of the validation sequences, which chose the epoch, go to fit. Without, the whole stream `train`
    counts, and no document is forced. Raises InputError as `used_ids` and `parted` do.
    """
    seen, forced_fit = train.token, np.empty(0, np.int32)
    if validation is not None:
        cutting = settings["sequences"]
        batches = cutting["length"], cutting["batch_size"]
        seen = used_ids(train.token, cutting["train"], *batches)
        forced_fit = np.intersect1d(used_ids(validation.document, cutting["validation"], *batches), rows["document"])
    counts = train_counts(seen, words)
    own = parted(rows, settings, forced_fit, FEWEST_TO_FOLD)
    return {**own, "target_count": counts[rows["target"]].astype(np.int32)}, counts
