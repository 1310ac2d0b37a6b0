"""Token streams to training sequences: inputs, targets shifted by one, whole batches only."""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError

Scalar = TypeVar("Scalar", bound=np.generic)


def sequence_count(tokens: int, sequences: int, length: int, batch_size: int) -> int:
    """Sequences S that a stream of `tokens` ids gives when `sequences` are asked for.

    Of the first `sequences * (length + 1)` ids every `length` inputs make a sequence (each input needs its next id);
    only whole batches of `batch_size` count. Fewer than asked for is no error. Raises InputError when not one batch can
    be filled.
    """
    asked, batch_tokens = sequences * (length + 1), batch_size * length + 1
    if asked < batch_tokens:
        raise InputError(
            f"sequences: {sequences} sequences of {length} do not fill one batch of {batch_size}; "
            f"at least {-(-batch_tokens // (length + 1))} are wanted"
        )
    if tokens < batch_tokens:
        raise InputError(
            f"too little text: {tokens} tokens, one batch of {batch_size} sequences of {length} takes {batch_tokens}; "
            "more text, shorter sequences or smaller batches are wanted"
        )
    return (min(tokens, asked) - 1) // length // batch_size * batch_size


def used_ids(ids: NDArray[Scalar], sequences: int, length: int, batch_size: int) -> NDArray[Scalar]:
    """The ids, shape (S * length + 1,), that the sequences hold: every input, and the last target.

    Raises InputError as `sequence_count` does.
    """
    return ids[: sequence_count(len(ids), sequences, length, batch_size) * length + 1]


def cut(ids: NDArray[Scalar], sequences: int, length: int, batch_size: int) -> tuple[NDArray[Scalar], NDArray[Scalar]]:
    """Inputs and targets, both (S, length): row s has inputs ids[s*length : (s+1)*length], targets one id later.

    Raises InputError as `sequence_count` does.
    """
    used = used_ids(ids, sequences, length, batch_size)
    return used[:-1].reshape(-1, length), used[1:].reshape(-1, length)


def train_counts(train_ids_used: NDArray[np.int32], vocabulary_size: int) -> NDArray[np.int64]:
    """How often training sees each id, (V,): 0 for a type that only the rest of the text has.

    `train_ids_used` is what `used_ids` gives, of the vocabulary.
    """
    return np.bincount(train_ids_used, minlength=vocabulary_size).astype(np.int64)


def unseen_targets(
    targets: NDArray[Any], train_ids: NDArray[np.int32], vocabulary_size: int, cutting: Mapping[str, int]
) -> NDArray[np.bool_]:
    """Which `targets`, (tokens,), training never sees: (tokens,). `cutting` has train, length and batch_size.

    Raises InputError as `sequence_count` does.
    """
    seen = used_ids(train_ids, cutting["train"], cutting["length"], cutting["batch_size"])
    return train_counts(seen, vocabulary_size)[targets] == 0
