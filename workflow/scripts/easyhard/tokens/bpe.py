"""Byte pairs: pieces of words that are learned from the text, so that every text has ids."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from easyhard.tokens.words import SPECIAL

MIN_FREQUENCY = 2  # a pair that is seen once is no piece of words


def byte_pairs(
    texts: Sequence[str], train: Sequence[str], vocabulary_size: int
) -> tuple[list[NDArray[np.int32]], list[str]]:
    """Ids of each text, (tokens,), and the types in order of their ids, learned from the texts `train` alone.

    Byte-level byte-pair encoding (Sennrich, Haddow and Birch 2016, arXiv 1508.07909; bytes as GPT-2 writes them, `Ġ` a
    space), the text as it is, not lower-cased. `<unk>` is 0 and `<pad>` is 1, as in a vocabulary of words, and neither
    is the id of any text. The types are at most `vocabulary_size`, which has room for all bytes: fewer when `train` has
    no more pairs that are seen at least MIN_FREQUENCY times. The same texts give the same ids.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    # Special types are none of its own, or it would find them in texts where they are spelled out
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size - len(SPECIAL),
        min_frequency=MIN_FREQUENCY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(train, trainer)
    types = sorted(ids := tokenizer.get_vocab(), key=lambda token: ids[token])
    encoded = tokenizer.encode_batch(texts, add_special_tokens=False)
    return [np.array(text.ids, dtype=np.int32) + len(SPECIAL) for text in encoded], [*SPECIAL, *types]
