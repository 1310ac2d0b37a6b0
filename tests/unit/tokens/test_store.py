"""Streams and vocabularies on disk."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from easyhard.errors import InputError
from easyhard.parquet import write_parquet
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.store import read_stream, write_stream, write_vocabulary

STREAM = TokenStream(np.array([2, 3, 2, 0], np.int32), np.array([0, 0, 1, 1], np.int32))


def test_streams_round_trip(tmp_path):
    path = tmp_path / "run=1" / "train.parquet"
    write_stream(path, STREAM)
    read = read_stream(path)
    np.testing.assert_array_equal(read.token, STREAM.token)
    np.testing.assert_array_equal(read.document, STREAM.document)
    assert read.token.dtype == read.document.dtype == np.int32


def test_a_type_a_row(tmp_path):
    write_vocabulary(tmp_path / "vocabulary.parquet", ["<unk>", "<pad>", "Ġa", "zwölf"])
    assert pq.read_table(tmp_path / "vocabulary.parquet")["token"].to_pylist() == ["<unk>", "<pad>", "Ġa", "zwölf"]


@pytest.mark.parametrize("rows", [[], [1, None]])
def test_no_rows_and_nulls_are_refused(tmp_path, rows):
    path = tmp_path / "tokens.parquet"
    write_parquet(path, pa.table({name: pa.array(rows, pa.int32()) for name in ("token", "document")}))
    with pytest.raises(InputError, match=r"tokens\.parquet: no rows, or nulls"):
        read_stream(path)
