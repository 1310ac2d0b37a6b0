import json
import shutil
import time

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


def test_local_folder_at_headings(tmp_path):
    corpus = load_hub(build(tmp_path / "small"), None, "heading")
    assert [document.title for document in corpus.documents] == ["One", "Two"] * 3
    assert [document.split for document in corpus.documents] == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2
    assert corpus.documents[0].text.split() == ["=", "One", "=", "Key", ":", "=", "Wins", "=", "one"]
    assert "licence" in corpus.credit


def test_every_row_a_document(tmp_path):
    corpus = load_hub(build(tmp_path / "small", rows=["first row", "", "second row"]), None, "whole")
    assert [document.text for document in corpus.documents] == ["first row", "second row"] * 3


def test_no_heading(tmp_path):
    with pytest.raises(InputError, match=r"small \(train\): no line like .*corpus\.documents: whole"):
        load_hub(build(tmp_path / "small", rows=["first row"]), None, "heading")


def test_unknown_division(tmp_path):
    with pytest.raises(InputError, match=r"corpus\.documents: 'pages' is unknown"):
        load_hub(build(tmp_path / "small"), None, "pages")


def test_missing_split_and_column(tmp_path):
    with pytest.raises(InputError, match=r"without \(test\): no such split, only train, validation"):
        load_hub(build(tmp_path / "without", splits=("train", "validation")), None, "whole")
    with pytest.raises(InputError, match=r"other \(train\): no column text, only body"):
        load_hub(build(tmp_path / "other", column="body"), None, "whole")
    with pytest.raises(InputError, match=r"numbers \(train\): row 0 of column text is int"):
        load_hub(build(tmp_path / "numbers", rows=[1]), None, "whole")


def test_empty_folder_and_unknown_config(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"dataset '.*empty', config None cannot be loaded"):
        load_hub(str(tmp_path / "empty"), None, "whole")
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


def refused(monkeypatch, ask) -> str:
    """The message when the Hub's client behaves like `ask`, within the time that is promised."""
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", ask)
    start = time.monotonic()
    with pytest.raises(InputError) as caught:
        load_hub("Salesforce/wikitext", "wikitext-2-raw-v1", "heading")
    assert time.monotonic() - start < 15
    return str(caught.value)


def test_no_network_names_the_other_sources(monkeypatch):
    def fail(*_args, **_options):
        raise OSError("Name or service not known")

    message = refused(monkeypatch, fail)
    for part in ("Salesforce/wikitext", "bundled", "files", "Name or service not known"):
        assert part in message
    assert "\n" not in message


def test_network_that_never_answers(monkeypatch):
    monkeypatch.setattr("easyhard.hub.PROBE_SECONDS", 0.2)
    message = refused(monkeypatch, lambda *_args, **_options: time.sleep(2))
    assert "no answer in" in message
    assert "bundled" in message


def test_dataset_that_the_hub_lacks(monkeypatch):
    class Missing(RepositoryNotFoundError):
        def __init__(self) -> None:
            Exception.__init__(self, "404")

    def fail(*_args, **_options):
        raise Missing

    assert "no public dataset 'Salesforce/wikitext'" in refused(monkeypatch, fail)


def test_network_that_breaks_after_the_first_answer(monkeypatch):
    def fail(*_args, **_options):
        raise ConnectionError("reset by peer")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    message = refused(monkeypatch, lambda *_args, **_options: None)
    assert "reset by peer" in message
    assert "bundled" in message


def test_offline_client(monkeypatch):
    """The real client, told that there is no network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    start = time.monotonic()
    with pytest.raises(InputError, match=r"Salesforce/wikitext.*cannot be reached.*offline mode.*bundled.*files"):
        load_hub("Salesforce/wikitext", "wikitext-2-raw-v1", "heading")
    assert time.monotonic() - start < 15
