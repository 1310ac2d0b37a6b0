"""Tokens on disk: one Parquet file a split, the vocabulary, and a summary."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from easyhard.corpus.documents import Corpus
from easyhard.corpus.tables import read_table
from easyhard.errors import InputError
from easyhard.parquet import write_parquet
from easyhard.tokens.encoding import EncodedCorpus, TokenStream
from easyhard.tokens.vocabulary import SPECIAL, UNKNOWN, Vocabulary

STREAM_SCHEMA = pa.schema([("token", pa.int32()), ("document", pa.int32())])
VOCABULARY_SCHEMA = pa.schema([("token", pa.string())])


def write_stream(path: str | Path, stream: TokenStream) -> None:
    """Write one split: token int32, document int32, a row a token. Raises InputError when `path` cannot be written."""
    write_parquet(path, pa.table([pa.array(stream.token), pa.array(stream.document)], schema=STREAM_SCHEMA))


def read_stream(path: str | Path) -> TokenStream:
    """Read what `write_stream` wrote.

    Raises InputError naming `path` when it is missing, truncated, foreign or empty.
    """
    table = read_table(path, STREAM_SCHEMA)
    return TokenStream(table["token"].to_numpy(), table["document"].to_numpy())


def write_vocabulary(path: str | Path, vocabulary: Vocabulary) -> None:
    """Write the token types, row number = id. Raises InputError when `path` cannot be written."""
    write_parquet(path, pa.table([pa.array(vocabulary.tokens, pa.string())], schema=VOCABULARY_SCHEMA))


def read_vocabulary(path: str | Path) -> Vocabulary:
    """Read what `write_vocabulary` wrote.

    Raises InputError naming `path` when it is missing, truncated or foreign, or when a type is there twice.
    """
    tokens = read_table(path, VOCABULARY_SCHEMA)["token"].to_pylist()
    ids = {token: number for number, token in enumerate(tokens)}
    if tuple(tokens[: len(SPECIAL)]) != SPECIAL or len(ids) != len(tokens):
        raise InputError(f"{path}: not a vocabulary; {', '.join(SPECIAL)} and then distinct types are wanted")
    return Vocabulary(ids)


def summarise(encoded: EncodedCorpus, corpus: Corpus) -> dict[str, Any]:
    """What tokens/summary.json holds: sizes, unknown shares (0 to 1) and hashes, and where `corpus` is from."""
    return {
        "vocabulary_size": len(encoded.vocabulary),
        "splits": {
            split: {
                "documents": len(np.unique(stream.document)),
                "tokens": len(stream.token),
                "unknown_share": float(np.mean(stream.token == UNKNOWN)),
            }
            for split, stream in encoded.streams.items()
        },
        "tokens_sha256": tokens_sha256(encoded),
        "corpus_sha256": corpus.sha256,
        "source": corpus.source,
        "credit": corpus.credit,
    }


def tokens_sha256(encoded: EncodedCorpus) -> str:
    """SHA-256 over the train ids and then the validation ids, as little-endian int32."""
    digest = hashlib.sha256()
    for split in ("train", "validation"):
        digest.update(encoded.streams[split].token.astype("<i4").tobytes())
    return digest.hexdigest()
