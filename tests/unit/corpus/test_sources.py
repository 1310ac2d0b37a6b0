import os
import subprocess
import sys

from easyhard.corpus import sources
from easyhard.corpus.sources import load_corpus

SETTINGS = {
    "source": "files",
    "documents": "whole",
    "bundled": {"seed": 3, "validation": 0.15, "test": 0.2},
    "hub": {"name": "Salesforce/wikitext", "config": "wikitext-2-raw-v1"},
    "files": {"path": "", "train": "*train*", "validation": "*valid*", "test": "*test*"},
}


def test_settings_reach_their_source(monkeypatch):
    monkeypatch.setattr(sources, "load_bundled", lambda validation, test, seed: (validation, test, seed))
    monkeypatch.setattr(sources, "load_hub", lambda name, config, documents: (name, config, documents))
    monkeypatch.setattr(sources, "load_files", lambda files, documents: (files["path"], documents))
    assert load_corpus(SETTINGS) == ("", "whole")
    assert load_corpus(SETTINGS | {"source": "bundled"}) == (0.15, 0.2, 3)
    assert load_corpus(SETTINGS | {"source": "hub"}) == ("Salesforce/wikitext", "wikitext-2-raw-v1", "whole")


def test_heavy_packages_wait_until_they_are_needed():
    code = (
        "import sys, easyhard.corpus.sources; print([m for m in ('datasets', 'gensim', 'torch') if m in sys.modules])"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).strip() == "[]"
