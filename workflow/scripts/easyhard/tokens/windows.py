"""Text cut into windows for a model: every token is foretold once, by those before it. And windows dealt to shards.

The windows of each row set of a model that was trained here, too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.protocols import DOCUMENTS, TRAIN, VALIDATION
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.sequences import cut
from easyhard.tokens.words import PADDING

NO_TOKEN = -1
SPLITS_OF: Final = {TRAIN: (TRAIN,), VALIDATION: (VALIDATION,), DOCUMENTS: (VALIDATION, "test")}
"""The splits of the text that a row set reads, in the order of its rows."""


@dataclass(frozen=True)
class Windows:
    """Inputs, targets, each target's document and its sequence, all (windows, length) int32, and `split` (windows,).

    A row whose target is NO_TOKEN foretells no token of the text: it fills up a window, stands before a join, or gives
    again what the window before has foretold. `sequence` is the number of each run of rows of one window and document.
    """

    inputs: NDArray[np.int32]
    targets: NDArray[np.int32]
    document: NDArray[np.int32]
    sequence: NDArray[np.int32]
    split: NDArray[np.str_]

    def __getitem__(self, part: slice) -> "Windows":
        return Windows(*(getattr(self, field.name)[part] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.inputs)


def cut_text(stream: TokenStream, length: int, split: str, *, start: int | None, between: int | None) -> Windows:
    """Cut a stream, one document after another, into windows of `length` inputs, the next token being the target.

    `start` is the token that opens each window (a tokeniser's BOS), from which a text's first token is foretold; None
    where there is none: a text of n tokens then has n − 1 targets. `between` is the token that joins documents (EOS),
    so that windows are full; it is no token of the text, so nothing foretells it. None: no window crosses documents.
    Raises InputError when `length` leaves no place for text, or when the text has no target.
    """
    opening = int(start is not None)
    if length <= opening:
        raise InputError(f"model.window: {length} leaves no place for text; at least {opening + 1} is wanted")
    parts = [_one_text(tokens, owner, length, start) for tokens, owner in _texts(stream, between)]
    inputs, targets, document = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    if not len(inputs):
        raise InputError("corpus: no document has two tokens; text in which a next token can be foretold is wanted")
    return Windows(inputs, targets, document, _number(targets, document), np.full(len(inputs), split))


def row_windows(
    rows: str, streams: Mapping[str, TokenStream], cutting: Mapping[str, int], at_most: int | None
) -> Windows:
    """The windows of row set `rows`, from the stream of each of its splits; a window's number is its sequence.

    `cutting` has length, batch_size and the sequences of train and validation. These two row sets are the founding
    sequences: `cut` cuts them out of the stream across documents, whole batches of them, and a row's document is that
    of its input. The documents are cut one by one, of a split those that are `within` at_most tokens; PADDING fills up
    the inputs of a document's last window. Raises InputError as `cut` and `cut_text` do.
    """
    length = cutting["length"]
    if rows == DOCUMENTS:
        parts = [
            cut_text(streams[split].within(at_most), length, split, start=None, between=None)
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


def shard_evenly(rows: int, shards: int) -> list[slice]:
    """Cut `rows` into `shards` contiguous parts whose sizes differ by at most one."""
    return [slice(*cut) for cut in pairwise(rows * shard // shards for shard in range(shards + 1))]


def shard_documents(document: NDArray[np.int32], shards: int) -> list[slice]:
    """Cut windows or rows, given the document of each, into `shards` contiguous parts of about equal size.

    No document is parted, since what came before in a document is part of some signals; where there are fewer
    documents than shards, the last parts are empty.
    """
    starts = np.flatnonzero(np.diff(document, prepend=document[:1] - 1))
    borders = np.append(starts, len(document))
    cuts = borders[np.searchsorted(starts, len(document) * np.arange(1, shards) / shards)].tolist()
    return [slice(*cut) for cut in pairwise([0, *cuts, len(document)])]


def _texts(stream: TokenStream, between: int | None) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32]]]:
    """Each text that windows stay within: its tokens, and the document of each, NO_TOKEN at a join."""
    starts = np.flatnonzero(np.diff(stream.document)) + 1
    if between is None:
        yield from zip(np.split(stream.token, starts), np.split(stream.document, starts), strict=True)
    else:
        yield np.insert(stream.token, starts, between), np.insert(stream.document, starts, NO_TOKEN)


def _one_text(
    token: NDArray[np.int32], owner: NDArray[np.int32], length: int, start: int | None
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Inputs, targets and the targets' documents (windows, length) of one text of tokens (n,)."""
    opening, pairs = int(start is not None), len(token) - 1
    body = length - opening
    windows = max(-(-pairs // body), opening)

    def filled(values: NDArray[np.int32]) -> NDArray[np.int32]:
        rows = np.full(windows * body, NO_TOKEN, dtype=np.int32)
        rows[:pairs] = values
        return np.pad(rows.reshape(windows, body), ((0, 0), (opening, 0)), constant_values=NO_TOKEN)

    inputs, targets, document = filled(token[:-1]), filled(token[1:]), filled(owner[1:])
    if start is not None:
        inputs[:, 0], targets[0, 0], document[0, 0] = start, token[0], owner[0]
    targets[document == NO_TOKEN] = NO_TOKEN
    return inputs, targets, document


def _number(targets: NDArray[np.int32], document: NDArray[np.int32]) -> NDArray[np.int32]:
    """Runs of rows with a target of one window and one document, numbered from 0; NO_TOKEN elsewhere."""
    window, place = np.nonzero(targets != NO_TOKEN)
    owner = document[window, place]
    starts = (np.diff(window, prepend=-1) != 0) | (np.diff(owner, prepend=-1) != 0)
    sequence = np.full(targets.shape, NO_TOKEN, dtype=np.int32)
    sequence[window, place] = np.cumsum(starts) - 1
    return sequence
