"""A model is found in a folder or the local cache, or one line says soon what is wanted; pickles are refused.

Its tokeniser: its ids, its BOS and EOS.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from easyhard.corpus.documents import Corpus, Document
from easyhard.errors import InputError
from easyhard.huggingface.folder import find_model
from easyhard.huggingface.tokenizer import encode_by_model, load_tokenizer, pieces_of

Folders = Callable[[str], Path]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The Hub as a machine without a network finds it, and an empty cache."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))


def test_a_folder_or_a_copy_in_the_cache_needs_no_network(model_folder: Folders, tmp_path: Path) -> None:
    assert find_model(str(model_folder("gpt2"))) == model_folder("gpt2")
    repository = tmp_path / "cache" / "models--someone--tiny"
    snapshot = repository / "snapshots" / "0123456789012345678901234567890123456789"
    shutil.copytree(model_folder("gpt2"), snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(snapshot.name)
    assert find_model("someone/tiny") == find_model("someone/tiny", snapshot.name) == snapshot


def test_pickles_are_refused(model_folder: Folders, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(model_folder("gpt2"), folder)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"pickled has no weights as \*\.safetensors, only pytorch_model\.bin"):
        find_model(str(folder))
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match=r"pickled has no config\.json"):
        find_model(str(folder))


@pytest.mark.parametrize("path", ["nobody/nothing", "nothing", "/no/such/folder", "../no/such"])
def test_what_is_not_there_is_named_soon(path: str) -> None:
    start = time.monotonic()
    with pytest.raises(InputError, match=rf"model\.path: there is no folder '{path}'.*Hub.*is wanted"):
        find_model(path)
    assert time.monotonic() - start < 15


DOCUMENTS = [
    Document("a", "A first text.", "train"),
    Document("b", "Another one, of the train split.", "train"),
    Document("c", "Naïve café, 東京.", "validation"),
    Document("d", "The last.", "test"),
]


@pytest.mark.parametrize(("name", "start"), [("gpt2", None), ("llama", 1)])
def test_ids_spell_the_text(model_folder: Folders, name: str, start: int | None) -> None:
    tokenizer = load_tokenizer(model_folder(name))
    streams, sizes, summary = encode_by_model(Corpus(DOCUMENTS, "here", "nobody"), tokenizer)
    train = streams["train"]
    assert tokenizer.decode(train.token[train.document == 1].tolist()) == DOCUMENTS[1].text
    assert tokenizer.decode(streams["validation"].token.tolist()) == DOCUMENTS[2].text
    assert set(train.document.tolist()) == {0, 1}
    assert set(streams["test"].document.tolist()) == {3}
    assert summary["splits"]["train"] == {"documents": 2, "tokens": len(train.token)}
    assert summary["highest_id"] == max(int(stream.token.max()) for stream in streams.values())
    assert (summary["start"], summary["end"]) == (start, 0)
    pieces = pieces_of(tokenizer)
    assert tokenizer.convert_tokens_to_ids(pieces) == list(range(len(pieces)))
    assert len(pieces) > summary["highest_id"]
    lengths = [len(streams[split].token) for split in ("validation", "test")]
    for split, own in (("validation", slice(0, lengths[0])), ("test", slice(lengths[0], sum(lengths)))):
        text = next(document.text for document in DOCUMENTS if document.split == split)
        assert sizes.bytes[own].sum() == len(text.encode())
        assert sizes.characters[own].sum() == len(text)
        told = [len(tokenizer.decode([number]).encode()) for number in streams[split].token]
        assert split == "validation" or sizes.bytes[own].tolist() == told


def test_a_folder_without_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"tokenizer of {tmp_path} cannot be read"):
        load_tokenizer(tmp_path)
