"""Documents to token ids, split by split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from easyhard.corpus.documents import SPLITS, Document
from easyhard.errors import InputError
from easyhard.tokens.tokenizers import Tokenizer
from easyhard.tokens.vocabulary import Vocabulary, build_vocabulary

VOCABULARY_SPLITS = (["train", "validation"], ["train"])


@dataclass(frozen=True)
class TokenStream:
    """One split in reading order: `token` (tokens,) int32 ids and `document` (tokens,) int32, the document of each."""

    token: NDArray[np.int32]
    document: NDArray[np.int32]


@dataclass(frozen=True)
class EncodedCorpus:
    """Vocabulary and the token stream of every split."""

    vocabulary: Vocabulary
    streams: dict[str, TokenStream]


def encode_documents(
    documents: Sequence[Document], tokenizer: Tokenizer, vocabulary_from: Sequence[str]
) -> EncodedCorpus:
    """Tokenise `documents`, build the vocabulary from the splits `vocabulary_from`, encode every split.

    A document's number is its place in `documents`. `vocabulary_from` is [train, validation] (the founding way: it has
    words that training never sees) or [train] (a word that train lacks is `<unk>`).
    Raises InputError for other splits, and when a split has no token.
    """
    if list(vocabulary_from) not in VOCABULARY_SPLITS:
        raise InputError(
            f"tokens.vocabulary_from: {list(vocabulary_from)} is wrong; [train, validation] or [train] is wanted"
        )
    texts = [tokenizer(document.text) for document in documents]
    members = {
        split: [number for number, document in enumerate(documents) if document.split == split] for split in SPLITS
    }
    vocabulary = build_vocabulary(texts[number] for split in vocabulary_from for number in members[split])
    streams = {split: _stream(numbers, texts, vocabulary) for split, numbers in members.items()}
    for split, stream in streams.items():
        if not stream.token.size:
            raise InputError(f"corpus: the {split} split has no token; text with at least one word is wanted")
    return EncodedCorpus(vocabulary, streams)


def _stream(numbers: list[int], texts: list[list[str]], vocabulary: Vocabulary) -> TokenStream:
    ids = [vocabulary.encode(texts[number]) for number in numbers]
    lengths = [len(texts[number]) for number in numbers]
    token = np.concatenate([np.empty(0, np.int32), *ids])
    return TokenStream(token, np.repeat(np.array(numbers, np.int32), lengths))
