import os
from pathlib import Path

import numpy as np
import pytest

from easyhard.corpus.documents import Document
from easyhard.corpus.files import load_files
from easyhard.errors import InputError
from easyhard.tokens.encoding import encode_documents
from easyhard.tokens.sequences import cut, cut_documents, train_counts, used_ids
from easyhard.tokens.tokenizers import whitespace

WIKITEXT = Path(os.environ.get("EASYHARD_SHARED", "../shared")) / "data" / "wikitext-2-raw"

DOCUMENTS = [
    Document("one", "A b a", "train"),
    Document("two", "c", "train"),
    Document("three", "d A", "validation"),
    Document("four", "e d", "test"),
]


def test_ids_and_documents():
    encoded = encode_documents(DOCUMENTS, whitespace, ["train", "validation"])
    assert encoded.vocabulary.tokens == ["<unk>", "<pad>", "a", "b", "c", "d"]
    assert {split: stream.token.tolist() for split, stream in encoded.streams.items()} == {
        "train": [2, 3, 2, 4],
        "validation": [5, 2],
        "test": [0, 5],
    }
    assert {split: stream.document.tolist() for split, stream in encoded.streams.items()} == {
        "train": [0, 0, 0, 1],
        "validation": [2, 2],
        "test": [3, 3],
    }
    assert {stream.document.dtype for stream in encoded.streams.values()} == {np.dtype(np.int32)}


def test_vocabulary_from_train_alone():
    encoded = encode_documents(DOCUMENTS, whitespace, ["train"])
    assert encoded.vocabulary.tokens == ["<unk>", "<pad>", "a", "b", "c"]
    assert encoded.streams["validation"].token.tolist() == [0, 2]
    assert encoded.streams["test"].token.tolist() == [0, 0]


@pytest.mark.parametrize("splits", [[], ["validation"], ["validation", "train"], ["train", "validation", "test"]])
def test_other_vocabulary_splits_are_refused(splits):
    with pytest.raises(InputError, match=r"tokens\.vocabulary_from: .* \[train, validation\] or \[train\]"):
        encode_documents(DOCUMENTS, whitespace, splits)


def test_split_without_a_token():
    with pytest.raises(InputError, match="the test split has no token"):
        encode_documents(DOCUMENTS[:3], whitespace, ["train"])


@pytest.mark.skipif(not WIKITEXT.is_dir(), reason="WikiText-2 raw is not at hand")
def test_founding_facts():
    patterns = {"train": "*train*", "validation": "*valid*", "test": "*test*"}
    corpus = load_files(WIKITEXT, patterns, "heading")
    encoded = encode_documents(corpus.documents, whitespace, ["train", "validation"])
    train, validation = encoded.streams["train"], encoded.streams["validation"]
    assert len(encoded.vocabulary) == 69_830
    inputs, targets = cut(train.token, 10_000, 32, 64)
    _, validation_targets = cut(validation.token, 2_000, 32, 64)
    assert inputs.shape == targets.shape == (10_304, 32)
    assert validation_targets.shape == (2_048, 32)
    counts = train_counts(used_ids(train.token, 10_000, 32, 64), 69_830)
    assert counts.sum() == 329_729
    assert 0.07 < np.mean(counts[validation_targets] == 0) < 0.08
    documents = cut_documents(validation.document, 2_000, 32, 64)
    assert documents[0, 0] == 600
    assert (np.diff(documents.ravel()) >= 0).all()
