import os
import subprocess
import sys

import pytest

from easyhard.corpus import sources
from easyhard.corpus.files import load_files, read_text
from easyhard.corpus.sources import load_corpus
from easyhard.errors import InputError

PATTERNS = {"train": "*train*", "validation": "*valid*", "test": "*test*"}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "texts"
    path.mkdir()
    for name in ("b.train.txt", "a.train.txt", "valid.txt", "test.txt"):
        (path / name).write_text(f"\n = {name} = \n\nwords of {name}\n", encoding="utf-8")
    return path


def test_one_document_a_file_in_order_of_names(folder):
    (folder / ".train.swp").write_bytes(b"\xff")  # hidden files are left alone
    corpus = load_files({**PATTERNS, "path": str(folder)}, "whole")
    assert [document.split for document in corpus.documents] == ["train", "train", "validation", "test"]
    assert corpus.documents[0].title.endswith("a.train.txt")
    assert corpus.source == "files in texts: a.train.txt, b.train.txt, valid.txt, test.txt"


def test_documents_at_headings(folder):
    (folder / "a.train.txt").write_bytes(b"\xef\xbb\xbf = One = \r\n\r\nx\r\n\r\n = Two = \r\n\r\ny\r\n")
    titles = [document.title for document in load_files({**PATTERNS, "path": str(folder)}, "heading").documents]
    assert titles == ["One", "Two", "b.train.txt", "valid.txt", "test.txt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xef\xbb\xbf \n\n", "no text"),
        (b"fine\xff", "not UTF-8 at byte 4"),
        ("text".encode("utf-16-le"), "zero byte at byte 1"),
    ],
)
def test_bad_files_are_named(folder, content, message):
    (folder / "valid.txt").write_bytes(content)
    with pytest.raises(InputError, match=rf"valid\.txt: .*{message}"):
        load_files({**PATTERNS, "path": str(folder)}, "whole")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"validation": "*dev*"}, r"corpus\.files\.validation: no file in .*texts matches '\*dev\*'"),
        ({"validation": "/etc/*"}, r"corpus\.files\.validation: .*is no pattern"),
        ({"validation": ""}, r"corpus\.files\.validation: .*is no pattern"),
        ({"train": "*.txt"}, r"valid\.txt matches both train and validation"),
        ({"path": "nowhere"}, r"corpus\.files\.path: 'nowhere' is not a folder"),
    ],
)
def test_bad_patterns_and_a_missing_folder(folder, settings, message):
    with pytest.raises(InputError, match=message):
        load_files({**PATTERNS, "path": str(folder), **settings}, "whole")
    with pytest.raises(InputError, match=r"gone\.txt: cannot be read"):
        read_text(folder / "gone.txt")


SETTINGS = {
    "source": "files",
    "documents": "whole",
    "bundled": {"seed": 3, "validation": 0.15, "test": 0.2},
    "hub": {"name": "Salesforce/wikitext", "config": "wikitext-2-raw-v1"},
    "files": {"path": "here"},
}


def test_settings_reach_their_source(monkeypatch):
    monkeypatch.setattr(sources, "load_bundled", lambda validation, test, seed: (validation, test, seed))
    monkeypatch.setattr(sources, "load_hub", lambda name, config, documents: (name, config, documents))
    monkeypatch.setattr(sources, "load_files", lambda files, documents: (files["path"], documents))
    assert load_corpus(SETTINGS) == ("here", "whole")
    assert load_corpus(SETTINGS | {"source": "bundled"}) == (0.15, 0.2, 3)
    assert load_corpus(SETTINGS | {"source": "hub"}) == ("Salesforce/wikitext", "wikitext-2-raw-v1", "whole")


def test_heavy_packages_wait_until_they_are_needed():
    code = "import sys, easyhard.corpus.sources; print({'datasets', 'gensim', 'torch'} & {*sys.modules})"
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).strip() == "set()"
