"""A model is found in a folder or the local cache, or one line says soon what is wanted; pickles are refused."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from easyhard.errors import InputError
from easyhard.huggingface.folder import find_model

Folders = Callable[[str], Path]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The Hub as a machine without a network finds it, and an empty cache."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))


def test_a_folder_is_taken_as_it_is(model_folder: Folders) -> None:
    assert find_model(str(model_folder("gpt2"))) == model_folder("gpt2")


def test_a_copy_in_the_cache_needs_no_network(model_folder: Folders, tmp_path: Path) -> None:
    repository = tmp_path / "cache" / "models--someone--tiny"
    snapshot = repository / "snapshots" / "0123456789012345678901234567890123456789"
    shutil.copytree(model_folder("gpt2"), snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(snapshot.name)
    assert find_model("someone/tiny") == snapshot
    assert find_model("someone/tiny", snapshot.name) == snapshot


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
