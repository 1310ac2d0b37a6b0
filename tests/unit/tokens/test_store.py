import hashlib
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from easyhard.corpus.documents import Corpus, Document
from easyhard.errors import InputError
from easyhard.parquet import write_parquet
from easyhard.tokens.encoding import encode_documents
from easyhard.tokens.store import (
    read_stream,
    read_vocabulary,
    summarise,
    tokens_sha256,
    write_stream,
    write_vocabulary,
)
from easyhard.tokens.tokenizers import whitespace

CORPUS = Corpus(
    [
        Document("one", "a b a", "train"),
        Document("two", "c", "train"),
        Document("three", "d a", "validation"),
        Document("four", "e d zwölf \U0001f642", "test"),
    ],
    "a few letters",
    "nobody",
)


@pytest.fixture
def encoded():
    return encode_documents(CORPUS.documents, whitespace, ["train", "validation"])


def test_streams_round_trip(tmp_path, encoded):
    for split, stream in encoded.streams.items():
        path = tmp_path / "run=1" / f"{split}.parquet"
        write_stream(path, stream)
        read = read_stream(path)
        np.testing.assert_array_equal(read.token, stream.token)
        np.testing.assert_array_equal(read.document, stream.document)
        assert read.token.dtype == read.document.dtype == np.int32


def test_vocabulary_round_trip(tmp_path, encoded):
    path = tmp_path / "vocabulary.parquet"
    write_vocabulary(path, encoded.vocabulary)
    assert read_vocabulary(path) == encoded.vocabulary
    assert pq.read_table(path)["token"].to_pylist() == ["<unk>", "<pad>", "a", "b", "c", "d"]


def test_summary(encoded):
    assert summarise(encoded, CORPUS) == {
        "vocabulary_size": 6,
        "splits": {
            "train": {"documents": 2, "tokens": 4, "unknown_share": 0.0},
            "validation": {"documents": 1, "tokens": 2, "unknown_share": 0.0},
            "test": {"documents": 1, "tokens": 4, "unknown_share": 0.75},
        },
        "tokens_sha256": tokens_sha256(encoded),
        "corpus_sha256": CORPUS.sha256,
        "source": "a few letters",
        "credit": "nobody",
    }


def test_hash_is_over_train_then_validation(encoded):
    expected = hashlib.sha256(struct.pack("<6i", 2, 3, 2, 4, 5, 2)).hexdigest()
    assert tokens_sha256(encoded) == expected


@pytest.mark.parametrize("read", [read_stream, read_vocabulary])
def test_bad_files_are_named(tmp_path, encoded, read):
    path = tmp_path / "tokens.parquet"
    with pytest.raises(InputError, match=r"tokens\.parquet: not a readable Parquet file"):
        read(path)
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(InputError, match=r"tokens\.parquet: not a readable Parquet file"):
        read(path)
    write_parquet(path, pa.table({"loss": [1.0]}))
    with pytest.raises(InputError, match=r"tokens\.parquet: another table \(columns loss\)"):
        read(path)
    write_stream(path, encoded.streams["train"])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"tokens\.parquet: not a readable Parquet file"):
        read(path)


def test_empty_and_holed_tables(tmp_path):
    path = tmp_path / "tokens.parquet"
    for rows in ([], [1, None]):
        columns = {name: pa.array(rows, pa.int32()) for name in ("token", "document")}
        write_parquet(path, pa.table(columns))
        with pytest.raises(InputError, match=r"tokens\.parquet: no rows, or nulls"):
            read_stream(path)


@pytest.mark.parametrize("tokens", [["a", "b"], ["<unk>", "<pad>", "a", "a"], ["<pad>", "<unk>"], ["<unk>"]])
def test_foreign_vocabulary(tmp_path, tokens):
    path = tmp_path / "vocabulary.parquet"
    write_parquet(path, pa.table({"token": tokens}))
    with pytest.raises(InputError, match=r"vocabulary\.parquet: not a vocabulary"):
        read_vocabulary(path)
