"""Documents to token ids, split by split."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easyhard.corpus.documents import SPLITS, Corpus, Document
from easyhard.errors import InputError
from easyhard.tokens.bpe import byte_pairs
from easyhard.tokens.sizes import TextSizes, measured_sizes, sizes_of_ends, sizes_of_types, word_ends
from easyhard.tokens.words import TOKENIZERS, UNKNOWN, build_vocabulary, ids_of

BPE = "bpe"
SHORTEST = 1000
"""Tokens that a document keeps at least when a split is shortened, so that they have a context."""


@dataclass(frozen=True)
class TokenStream:
    """One split in reading order: `token` (tokens,) int32 ids and `document` (tokens,) int32, the document of each."""

    token: NDArray[np.int32]
    document: NDArray[np.int32]

    def within(self, at_most: int | None) -> "TokenStream":
        """At most so many tokens, or all: the beginnings of as many documents as can be, each SHORTEST long or longer.

        Intervals and parts are of whole documents, so that many shortened ones say more than a few long ones.
        """
        kept = self.places_within(at_most)
        return TokenStream(self.token[kept], self.document[kept])

    def places_within(self, at_most: int | None) -> NDArray[np.int64]:
        """Which tokens, (tokens,) ascending, `within` keeps."""
        everything = np.arange(len(self.token))
        if at_most is None or at_most >= len(self.token):
            return everything
        _, start, size = np.unique(self.document, return_index=True, return_counts=True)
        low, high = SHORTEST, max(SHORTEST, int(size.max()))
        while low < high:  # the greatest length at which all documents' beginnings fit
            middle = (low + high + 1) // 2
            low, high = (middle, high) if np.minimum(size, middle).sum() <= at_most else (low, middle - 1)
        return np.flatnonzero(everything - np.repeat(start, size) < low)[:at_most]


def encode(
    corpus: Corpus, settings: Mapping[str, Any]
) -> tuple[dict[str, TokenStream], TextSizes, list[str], dict[str, Any]]:
    """Tokenise `corpus` as `settings["tokenizer"]` says: the splits' streams, the sizes of the tokens of MEASURED
    splits, the types in order of their ids, and what tokens/summary.json says of them.

    Words (one of TOKENIZERS): the types of the splits `vocabulary_from`, which is [train, validation] (the founding
    way: it has words that training never sees) or [train] (a word that train lacks is `<unk>`). Byte pairs (BPE): types
    always of train, at most `vocabulary_size`. `settings` are those that the tokenizer reads.
    """
    name, documents = settings["tokenizer"], corpus.documents
    if name == BPE:
        train = [document.text for document in documents if document.split == "train"]
        ids, types = byte_pairs([document.text for document in documents], train, settings["vocabulary_size"])
        of_types = sizes_of_types(types)

        def sizes_of(document: int) -> TextSizes:
            return of_types[ids[document]]

    else:
        texts = [TOKENIZERS[name](document.text) for document in documents]
        owned = list(zip(documents, texts, strict=True))
        vocabulary = build_vocabulary(
            text for split in settings["vocabulary_from"] for document, text in owned if document.split == split
        )
        ids, types = [ids_of(text, vocabulary) for text in texts], list(vocabulary)

        def sizes_of(document: int) -> TextSizes:
            text = documents[document].text
            return sizes_of_ends(text, word_ends(text, texts[document]))

    streams = token_streams(documents, ids)
    summary = summarise(streams, corpus)
    for split, stream in streams.items():
        summary["splits"][split]["unknown_share"] = float(np.mean(stream.token == UNKNOWN))  # 0 to 1
    sizes = measured_sizes([document.split for document in documents], sizes_of)
    return streams, sizes, types, {"vocabulary_size": len(types), "settings": dict(settings), **summary}


def token_streams(documents: Sequence[Document], ids: Sequence[NDArray[np.int32]]) -> dict[str, TokenStream]:
    """The stream of every split from each document's ids, (tokens,); a document's number is its place in the list.

    Raises InputError when a split has no token.
    """
    streams = {}
    for split in SPLITS:
        own = [number for number, document in enumerate(documents) if document.split == split]
        token = np.concatenate([np.empty(0, np.int32), *(ids[number] for number in own)])
        if not token.size:
            raise InputError(f"corpus: the {split} split has no token; text with at least one word is wanted")
        streams[split] = TokenStream(token, np.repeat(np.array(own, np.int32), [len(ids[number]) for number in own]))
    return streams


def summarise(streams: Mapping[str, TokenStream], corpus: Corpus) -> dict[str, Any]:
    """Sizes and hashes of the splits' streams, and where `corpus` is from.

    `tokens_sha256` is over the train ids and then the validation ids, as little-endian int32.
    """
    digest = hashlib.sha256()
    for split in ("train", "validation"):
        digest.update(streams[split].token.astype("<i4").tobytes())
    return {
        "splits": {
            split: {"documents": len(np.unique(stream.document)), "tokens": len(stream.token)}
            for split, stream in streams.items()
        },
        "tokens_sha256": digest.hexdigest(),
        "corpus_sha256": corpus.sha256,
        "source": corpus.source,
        "credit": corpus.credit,
    }
