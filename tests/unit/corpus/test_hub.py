import json
import shutil
import time
from unittest.mock import Mock

import datasets
import pytest
from huggingface_hub.errors import RepositoryNotFoundError

from easyhard.corpus import hub
from easyhard.corpus.hub import load_hub
from easyhard.errors import InputError

ROWS = ["", " = One = \n", "", " Key : \n", " = Wins = \n", " one \n", "", " = Two = \n", "", " words of two \n"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Each test has an empty cache of datasets."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def build(folder, rows=ROWS, column="text", splits=("train", "validation", "test")):
    folder.mkdir(parents=True)
    for split in splits:
        datasets.Dataset.from_dict({column: rows}).to_parquet(folder / f"{split}.parquet")
    return str(folder)


def test_the_column_of_the_text_may_have_another_name(tmp_path):
    name = build(tmp_path / "named", rows=["first row", "second row"], column="body")
    assert [own.text for own in load_hub(name, None, "line", "body").documents] == ["first row", "second row"] * 3
    with pytest.raises(InputError, match=r"no column text, only body; one of text is wanted as corpus\.text_column"):
        load_hub(name, None, "whole")


def test_local_folder_at_headings_or_a_document_a_row(tmp_path):
    corpus = load_hub(build(tmp_path / "small"), None, "heading")
    assert [document.title for document in corpus.documents] == ["One", "Two"] * 3
    assert [document.split for document in corpus.documents] == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2
    assert corpus.documents[0].text.split() == ["=", "One", "=", "Key", ":", "=", "Wins", "=", "one"]
    assert "licence" in corpus.credit
    corpus = load_hub(build(tmp_path / "rows", rows=["first row", "", "second row"]), None, "whole")
    assert [document.text for document in corpus.documents] == ["first row", "second row"] * 3


def test_what_a_dataset_lacks_is_named(tmp_path):
    with pytest.raises(InputError, match=r"without \(test\): no such split, only train, validation"):
        load_hub(build(tmp_path / "without", splits=("train", "validation")), None, "whole")
    with pytest.raises(InputError, match=r"other \(train\): no column text, only body"):
        load_hub(build(tmp_path / "other", column="body"), None, "whole")
    with pytest.raises(InputError, match=r"numbers \(train\): row 0 of column text is int"):
        load_hub(build(tmp_path / "numbers", rows=[1]), None, "whole")
    with pytest.raises(InputError, match="config 'no-such' cannot be loaded"):
        load_hub(build(tmp_path / "small"), "no-such", "whole")


def test_cached_copy_needs_no_network(tmp_path, monkeypatch):
    """An earlier load_dataset leaves owner___name/config/version/hash; laid out here from a local load."""
    datasets.load_dataset(build(tmp_path / "wikitext"), cache_dir=str(tmp_path / "made"))
    cached = tmp_path / "cache" / "Salesforce___wikitext" / "wikitext-2-raw-v1"
    shutil.copytree(tmp_path / "made" / "wikitext" / "default", cached)
    for file in cached.rglob("dataset_info.json"):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"config_name": cached.name}))
    monkeypatch.setattr(hub, "_require_hub", lambda name: pytest.fail(f"the Hub was asked about {name}"))
    corpus = load_hub("Salesforce/wikitext", "wikitext-2-raw-v1", "heading")
    assert len(corpus.documents) == 6
    assert corpus.source == "dataset Salesforce/wikitext, wikitext-2-raw-v1"
    assert "CC BY-SA" in corpus.credit


@pytest.mark.parametrize(
    ("answer", "parts"),
    [
        (OSError("service not known"), ["Salesforce/wikitext", "bundled", "files", "service not known"]),
        (RepositoryNotFoundError("404", response=Mock()), ["no public dataset 'Salesforce/wikitext'"]),
        ("offline", ["Salesforce/wikitext", "cannot be reached", "offline mode", "bundled", "files"]),
        (2.0, ["no answer in", "bundled"]),  # seconds
        (None, ["reset by peer", "bundled"]),  # the Hub answers, and then the network breaks
    ],
)
def test_no_network_and_no_dataset_are_named_soon(monkeypatch, answer, parts):
    def ask(*_args, **_options):
        if isinstance(answer, Exception):
            raise answer
        time.sleep(answer or 0)

    def fail(*_args, **_options):
        raise ConnectionError("reset by peer")

    monkeypatch.setattr("easyhard.hub.PROBE_SECONDS", 0.5)
    if answer == "offline":  # the real client, told that there is no network
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    else:
        monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", ask)
    monkeypatch.setattr(datasets, "load_dataset", fail)
    start = time.monotonic()
    with pytest.raises(InputError) as caught:
        load_hub("Salesforce/wikitext", "wikitext-2-raw-v1", "heading")
    assert time.monotonic() - start < 15
    assert all(part in str(caught.value) for part in parts)
    assert "\n" not in str(caught.value)
