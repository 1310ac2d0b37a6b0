"""The row sets of a model trained here, as the windows that it is run over, and how these are dealt to shards."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from easyhard.protocols import DOCUMENTS, TRAIN, VALIDATION
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.sequences import cut
from easyhard.tokens.windows import NO_TOKEN, Windows, cut_text, shard_documents, shard_evenly
from easyhard.tokens.words import PADDING

SPLITS_OF: Final = {TRAIN: (TRAIN,), VALIDATION: (VALIDATION,), DOCUMENTS: (VALIDATION, "test")}
"""The splits of the text that a row set reads, in the order of its rows."""


def row_windows(
    rows: str, streams: Mapping[str, TokenStream], cutting: Mapping[str, int], at_most: int | None
) -> Windows:
    """The windows of row set `rows`, from the stream of each of its splits; a window's number is its sequence.

    `cutting` has length, batch_size and the sequences of train and validation. These two row sets are the founding
    sequences: `cut` cuts them out of the stream across documents, whole batches of them, and a row's document is that
    of its input. The documents are cut one by one, at most the first `at_most` tokens of a split; PADDING fills up the
    inputs of a document's last window. Raises InputError as `cut` and `cut_text` do.
    """
    length = cutting["length"]
    if rows == DOCUMENTS:
        parts = [
            cut_text(streams[split].first(at_most), length, split, start=None, between=None)
            for split in SPLITS_OF[rows]
        ]
        inputs, targets, document, split = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("inputs", "targets", "document", "split")
        )
        inputs[inputs == NO_TOKEN] = PADDING
    else:
        how = (cutting[rows], length, cutting["batch_size"])
        inputs, targets = cut(streams[rows].token, *how)
        document, _ = cut(streams[rows].document, *how)
        split = np.full(len(inputs), rows)
    number = np.arange(len(inputs), dtype=np.int32)[:, None]
    return Windows(inputs, targets, document, np.broadcast_to(number, inputs.shape), split)


def row_shards(rows: str, windows: Windows, shards: int) -> list[slice]:
    """The windows of each of `shards` shards; no document of the row set of documents is parted."""
    if rows == DOCUMENTS:
        return shard_documents(windows.document[:, 0], shards)
    return shard_evenly(len(windows), shards)
