"""Documents become streams of ids, by words or byte pairs, and a summary says what was made."""

import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from easyhard.corpus.documents import Corpus, Document
from easyhard.corpus.files import load_files
from easyhard.errors import InputError
from easyhard.tokens.encoding import TokenStream, encode
from easyhard.tokens.sequences import cut, train_counts, used_ids
from easyhard.tokens.store import read_stream, write_stream, write_vocabulary

WIKITEXT = Path(os.environ.get("EASYHARD_SHARED", "../shared")) / "data" / "wikitext-2-raw"

DOCUMENTS = [
    Document("one", "A b a", "train"),
    Document("two", "c", "train"),
    Document("three", "d A", "validation"),
    Document("four", "e d zwölf \U0001f642", "test"),
]
CORPUS = Corpus(DOCUMENTS, "a few letters", "nobody")
WORDS = {"tokenizer": "whitespace", "vocabulary_from": ["train", "validation"]}


def test_ids_documents_and_summary():
    streams, _, types, summary = encode(CORPUS, WORDS)
    assert types == ["<unk>", "<pad>", "a", "b", "c", "d"]
    tokens = {split: stream.token.tolist() for split, stream in streams.items()}
    assert tokens == {"train": [2, 3, 2, 4], "validation": [5, 2], "test": [0, 5, 0, 0]}
    documents = {split: stream.document.tolist() for split, stream in streams.items()}
    assert documents == {"train": [0, 0, 0, 1], "validation": [2, 2], "test": [3, 3, 3, 3]}
    assert {stream.document.dtype for stream in streams.values()} == {np.dtype(np.int32)}
    assert summary == {
        "vocabulary_size": 6,
        "settings": WORDS,
        "splits": {
            "train": {"documents": 2, "tokens": 4, "unknown_share": 0.0},
            "validation": {"documents": 1, "tokens": 2, "unknown_share": 0.0},
            "test": {"documents": 1, "tokens": 4, "unknown_share": 0.75},
        },
        "tokens_sha256": hashlib.sha256(struct.pack("<6i", 2, 3, 2, 4, 5, 2)).hexdigest(),
        "corpus_sha256": CORPUS.sha256,
        "source": "a few letters",
        "credit": "nobody",
    }


def test_vocabulary_from_train_alone():
    streams, _, types, _ = encode(CORPUS, WORDS | {"vocabulary_from": ["train"]})
    assert types == ["<unk>", "<pad>", "a", "b", "c"]
    assert streams["validation"].token.tolist() == [0, 2]


@pytest.mark.parametrize("tokenizer", ["whitespace", "bpe"])
def test_split_without_a_token(tokenizer):
    with pytest.raises(InputError, match="the test split has no token"):
        encode(Corpus(DOCUMENTS[:3], "", ""), WORDS | {"tokenizer": tokenizer, "vocabulary_size": 300})


def test_byte_pairs_are_of_train():
    settings = {"tokenizer": "bpe", "vocabulary_size": 300}
    documents = [*DOCUMENTS, Document("five", "dada" * 20, "validation"), Document("six", "aba" * 20, "train")]
    streams, _, types, summary = encode(Corpus(documents, "", ""), settings)
    assert summary["vocabulary_size"] == len(types)
    assert summary["settings"] == settings
    assert any("aba" in token for token in types)
    assert not any("da" in token for token in types)
    assert [types[number] for number in streams["train"].token[:5]] == ["A", "Ġ", "b", "Ġ", "a"]
    assert streams["train"].document.tolist()[:6] == [0] * 5 + [1]
    assert set(streams["validation"].document.tolist()) == {2, 4}


@pytest.mark.skipif(not WIKITEXT.is_dir(), reason="WikiText-2 raw is not at hand")
def test_founding_facts():
    patterns = {"train": "*train*", "validation": "*valid*", "test": "*test*"}
    corpus = load_files({"path": WIKITEXT, **patterns}, "heading", "text")
    streams, _, types, summary = encode(corpus, WORDS)
    documents = {split: counts["documents"] for split, counts in summary["splits"].items()}
    assert documents == {"train": 600, "validation": 60, "test": 60}
    train, validation = streams["train"], streams["validation"]
    assert len(types) == 69_830
    inputs, targets = cut(train.token, 10_000, 32, 64)
    _, validation_targets = cut(validation.token, 2_000, 32, 64)
    assert inputs.shape == targets.shape == (10_304, 32)
    assert validation_targets.shape == (2_048, 32)
    counts = train_counts(used_ids(train.token, 10_000, 32, 64), 69_830)
    assert counts.sum() == 329_729
    assert 0.07 < np.mean(counts[validation_targets] == 0) < 0.08


STREAM = TokenStream(np.array([2, 3, 2, 0], np.int32), np.array([0, 0, 1, 1], np.int32))


def test_streams_and_types_are_kept(tmp_path):
    path = tmp_path / "run=1" / "train.parquet"
    write_stream(path, STREAM)
    read = read_stream(path)
    np.testing.assert_array_equal(read.token, STREAM.token)
    np.testing.assert_array_equal(read.document, STREAM.document)
    assert read.token.dtype == read.document.dtype == np.int32
    write_vocabulary(tmp_path / "vocabulary.parquet", ["<unk>", "Ġa", "zwölf"])
    assert pq.read_table(tmp_path / "vocabulary.parquet")["token"].to_pylist() == ["<unk>", "Ġa", "zwölf"]


@pytest.mark.parametrize(
    ("sizes", "at_most", "kept"),
    [
        ([50, 3000, 1200], None, [50, 3000, 1200]),
        ([50, 3000, 1200], 4250, [50, 3000, 1200]),
        ([50, 3000, 1200], 4000, [50, 2750, 1200]),
        ([50, 3000, 1200], 2250, [50, 1100, 1100]),
        ([3000, 3000, 50, 3000], 2500, [1000, 1000, 50, 450]),  # no document is shortened to scraps
        ([3000, 3000, 3000], 10, [10]),
    ],
)
def test_a_shortened_split_has_the_beginnings_of_its_documents(
    sizes: list[int], at_most: int | None, kept: list[int]
) -> None:
    document = np.repeat(np.arange(7, 7 + len(sizes), dtype=np.int32), sizes)
    place = np.concatenate([np.arange(size, dtype=np.int32) for size in sizes])
    found = TokenStream(place, document).within(at_most)
    assert np.unique(found.document, return_counts=True)[1].tolist() == kept
    assert found.token.tolist() == [one for size in kept for one in range(size)]
