"""Documents to the ids of a model's own tokeniser."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easyhard.corpus.documents import SPLITS, Corpus, Document
from easyhard.errors import InputError
from easyhard.hub import first_line
from easyhard.tokens.encoding import TokenStream


@dataclass(frozen=True)
class ModelTokens:
    """The token stream of every split, and the ids that open a text and end one; None where there is none.

    `start` is the tokeniser's BOS where it puts one before a text by itself.
    """

    streams: dict[str, TokenStream]
    start: int | None
    end: int | None


def load_tokenizer(folder: Path) -> Any:
    """The tokeniser in `folder`; code that comes with it is not run. Raises InputError naming the folder."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # each tokeniser class raises what its reader raises
        raise InputError(
            f"model.path: the tokenizer of {folder} cannot be read ({first_line(error)}); "
            "tokenizer.json and tokenizer_config.json, as save_pretrained writes them, are wanted"
        ) from error


def encode_corpus(documents: Sequence[Document], tokenizer: Any) -> ModelTokens:
    """Every split's tokens without special ones; a document's number is its place in `documents`.

    Raises InputError when a split has no token.
    """
    encoded = [
        np.array(tokenizer(document.text, add_special_tokens=False, verbose=False)["input_ids"], dtype=np.int32)
        for document in documents
    ]
    streams = {
        split: _stream((number, encoded[number]) for number, own in enumerate(documents) if own.split == split)
        for split in SPLITS
    }
    for split, stream in streams.items():
        if not len(stream.token):
            raise InputError(f"corpus: the {split} split has no token; text with at least one word is wanted")
    before = tokenizer("")["input_ids"][:1]
    start = before[0] if before and before[0] == tokenizer.bos_token_id else None
    return ModelTokens(streams, start, tokenizer.eos_token_id)


def _stream(numbered: Iterable[tuple[int, NDArray[np.int32]]]) -> TokenStream:
    parts = list(numbered)
    token = np.concatenate([np.empty(0, np.int32), *(ids for _, ids in parts)])
    return TokenStream(token, np.repeat(np.array([n for n, _ in parts], np.int32), [len(ids) for _, ids in parts]))


def summarise_tokens(tokens: ModelTokens, corpus: Corpus) -> dict[str, Any]:
    """What tokens/summary.json holds for a model from elsewhere."""
    return {
        "splits": {
            split: {"documents": len(np.unique(stream.document)), "tokens": len(stream.token)}
            for split, stream in tokens.streams.items()
        },
        "highest_id": max(int(stream.token.max()) for stream in tokens.streams.values()),
        "start": tokens.start,
        "end": tokens.end,
        "corpus_sha256": corpus.sha256,
        "source": corpus.source,
        "credit": corpus.credit,
    }
