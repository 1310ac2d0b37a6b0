"""Tokens on disk: one Parquet file a split, and the vocabulary."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from easyhard.corpus.documents import read_table
from easyhard.parquet import write_parquet
from easyhard.tokens.encoding import TokenStream

STREAM_SCHEMA = pa.schema([("token", pa.int32()), ("document", pa.int32())])


def write_stream(path: str | Path, stream: TokenStream) -> None:
    """Write one split: token int32, document int32, a row a token. Raises InputError when `path` cannot be written."""
    write_parquet(path, pa.table([pa.array(stream.token), pa.array(stream.document)], schema=STREAM_SCHEMA))


def read_stream(path: str | Path) -> TokenStream:
    """Read what `write_stream` wrote.

    Raises InputError naming `path` when it is missing, truncated or foreign.
    """
    table = read_table(path, STREAM_SCHEMA)
    return TokenStream(table["token"].to_numpy(), table["document"].to_numpy())


def write_vocabulary(path: str | Path, types: Sequence[str]) -> None:
    """Write the token types, row number = id. Raises InputError when `path` cannot be written."""
    write_parquet(path, pa.table({"token": pa.array(types, pa.string())}))
