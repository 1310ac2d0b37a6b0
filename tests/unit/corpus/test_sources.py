import os
import subprocess
import sys

import pytest

from easyhard.corpus import sources
from easyhard.corpus.sources import load_corpus
from easyhard.errors import InputError

SETTINGS = {
    "source": "files",
    "documents": "whole",
    "bundled": {"seed": 3, "validation": 0.15, "test": 0.15},
    "hub": {"name": "Salesforce/wikitext", "config": "wikitext-2-raw-v1"},
    "files": {"path": "", "train": "*train*", "validation": "*valid*", "test": "*test*"},
}


def test_files(tmp_path):
    for name in ("train", "valid", "test"):
        (tmp_path / f"{name}.txt").write_text(f"words of {name}")
    corpus = load_corpus(SETTINGS | {"files": SETTINGS["files"] | {"path": str(tmp_path)}})
    assert [document.text for document in corpus.documents] == ["words of train", "words of valid", "words of test"]


def test_settings_reach_their_source(monkeypatch):
    monkeypatch.setattr(sources, "load_bundled", lambda *given: given)
    monkeypatch.setattr(sources, "load_hub", lambda *given: given)
    assert load_corpus(SETTINGS | {"source": "bundled"}) == (0.15, 0.15, 3)
    assert load_corpus(SETTINGS | {"source": "hub"}) == ("Salesforce/wikitext", "wikitext-2-raw-v1", "whole")


def test_unknown_source():
    with pytest.raises(InputError, match=r"corpus\.source: 'web' is unknown; bundled, hub, files"):
        load_corpus(SETTINGS | {"source": "web"})


def test_heavy_packages_wait_until_they_are_needed():
    code = (
        "import sys, easyhard.corpus.sources; print([m for m in ('datasets', 'gensim', 'torch') if m in sys.modules])"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).strip() == "[]"
