"""Tokens on disk: one Parquet file a split, and the vocabulary."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from easyhard.corpus.documents import read_table
from easyhard.parquet import write_parquet
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.sizes import TextSizes

SIZES_SCHEMA = pa.schema([("bytes", pa.int32()), ("characters", pa.int32())])
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


def write_sizes(path: str | Path, sizes: TextSizes) -> None:
    """Write what tokens stand for: bytes int32, characters int32. Raises InputError when `path` cannot be written."""
    write_parquet(path, pa.table([pa.array(sizes.bytes), pa.array(sizes.characters)], schema=SIZES_SCHEMA))


def read_sizes(path: str | Path) -> TextSizes:
    """Read what `write_sizes` wrote. Raises InputError naming `path` when it is missing, truncated or foreign."""
    table = read_table(path, SIZES_SCHEMA)
    return TextSizes(table["bytes"].to_numpy(), table["characters"].to_numpy())


def write_vocabulary(path: str | Path, types: Sequence[str]) -> None:
    """Write the token types, row number = id. Raises InputError when `path` cannot be written."""
    write_parquet(path, pa.table({"token": pa.array(types, pa.string())}))
