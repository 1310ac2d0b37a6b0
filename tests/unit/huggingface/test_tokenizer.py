"""A model's own tokeniser: its ids, its BOS and EOS."""

from collections.abc import Callable
from pathlib import Path

import pytest

from easyhard.corpus.documents import Corpus, Document
from easyhard.errors import InputError
from easyhard.huggingface.tokenizer import encode_by_model, load_tokenizer

Folders = Callable[[str], Path]
DOCUMENTS = [
    Document("a", "A first text.", "train"),
    Document("b", "Another one, of the train split.", "train"),
    Document("c", "Naïve café, 東京.", "validation"),
    Document("d", "The last.", "test"),
]


@pytest.mark.parametrize(("name", "start"), [("gpt2", None), ("llama", 1)])
def test_ids_spell_the_text(model_folder: Folders, name: str, start: int | None) -> None:
    tokenizer = load_tokenizer(model_folder(name))
    streams, summary = encode_by_model(Corpus(DOCUMENTS, "here", "nobody"), tokenizer)
    train = streams["train"]
    assert tokenizer.decode(train.token[train.document == 1].tolist()) == DOCUMENTS[1].text
    assert tokenizer.decode(streams["validation"].token.tolist()) == DOCUMENTS[2].text
    assert set(train.document.tolist()) == {0, 1}
    assert set(streams["test"].document.tolist()) == {3}
    assert summary["splits"]["train"] == {"documents": 2, "tokens": len(train.token)}
    assert summary["highest_id"] == max(int(stream.token.max()) for stream in streams.values())
    assert (summary["start"], summary["end"]) == (start, 0)


def test_no_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"tokenizer of {tmp_path} cannot be read"):
        load_tokenizer(tmp_path)


def test_a_split_without_tokens_is_named(model_folder: Folders) -> None:
    with pytest.raises(InputError, match="test split has no token"):
        encode_by_model(Corpus(DOCUMENTS[:3], "here", "nobody"), load_tokenizer(model_folder("gpt2")))
