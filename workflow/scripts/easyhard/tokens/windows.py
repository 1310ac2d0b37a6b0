"""Every token of whole documents, cut into windows that never cross from one document into the next."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.vocabulary import PADDING


@dataclass(frozen=True)
class Windows:
    """Inputs and targets, both (windows, length) int32, and each window's document (windows,) int32.

    The last window of a document is filled up with PADDING, which is no token of any text: a row whose target is
    PADDING is not a token.
    """

    inputs: NDArray[np.int32]
    targets: NDArray[np.int32]
    document: NDArray[np.int32]

    def __getitem__(self, part: slice) -> "Windows":
        return Windows(self.inputs[part], self.targets[part], self.document[part])


def cut_windows(stream: TokenStream, length: int, at_most: int | None = None) -> Windows:
    """Cut each document of `stream`, or of its first `at_most` tokens, into windows of `length` inputs.

    A document of n tokens gives n − 1 inputs, each with the next token as its target. Raises InputError when no
    document has two tokens.
    """
    token, document = stream.token[:at_most], stream.document[:at_most]
    borders = [0, *(np.flatnonzero(np.diff(document)) + 1), len(document)]
    spans = [(first, end) for first, end in pairwise(borders) if end - first > 1]
    if not spans:
        raise InputError("corpus: no document has two tokens; text in which a next token can be foretold is wanted")
    counts = [-(-(end - first - 1) // length) for first, end in spans]
    inputs, targets = np.full((2, sum(counts) * length), PADDING, dtype=np.int32)
    row = 0
    for (first, end), windows in zip(spans, counts, strict=True):
        rows = slice(row, row + end - first - 1)
        inputs[rows], targets[rows] = token[first : end - 1], token[first + 1 : end]
        row += windows * length
    numbers = np.array([document[first] for first, _ in spans], dtype=np.int32)
    return Windows(inputs.reshape(-1, length), targets.reshape(-1, length), numbers.repeat(counts))


def shard_windows(document: NDArray[np.int32], shards: int) -> list[slice]:
    """Cut windows, given the document (windows,) of each, into `shards` contiguous parts of about equal size.

    No document is parted, since what came before in a document is part of some signals; where there are fewer
    documents than shards, the last parts are empty.
    """
    starts = np.flatnonzero(np.diff(document, prepend=document[:1] - 1))
    wanted = len(document) * np.arange(1, shards) / shards
    cuts = [
        0,
        *(int(np.append(starts, len(document))[np.searchsorted(starts, place)]) for place in wanted),
        len(document),
    ]
    return [slice(first, end) for first, end in pairwise(cuts)]
