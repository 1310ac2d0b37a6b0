"""Vocabulary: token types in order of first sight, and ids for tokens."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

UNKNOWN, PADDING = 0, 1
SPECIAL = ("<unk>", "<pad>")


@dataclass(frozen=True)
class Vocabulary:
    """Token type to id: `<unk>` is 0, `<pad>` is 1, then the types in order of first sight. `len()` is V."""

    ids: dict[str, int]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def tokens(self) -> list[str]:
        """Token types, position = id."""
        return list(self.ids)

    def encode(self, tokens: Sequence[str]) -> NDArray[np.int32]:
        """Ids of `tokens`, shape (tokens,); a type that the vocabulary lacks is 0 (`<unk>`)."""
        return np.fromiter(map(self.ids.get, tokens, repeat(UNKNOWN)), dtype=np.int32, count=len(tokens))


def build_vocabulary(token_streams: Iterable[Iterable[str]]) -> Vocabulary:
    """Vocabulary of every type in `token_streams`, which are read in the order given."""
    ids = {token: number for number, token in enumerate(SPECIAL)}
    for stream in token_streams:
        for token in stream:
            if token not in ids:
                ids[token] = len(ids)
    return Vocabulary(ids)
