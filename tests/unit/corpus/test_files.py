import gzip
import json
import os
import subprocess
import sys

import polars as pl
import pytest

from easyhard.corpora import text_files
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
    corpus = load_files({**PATTERNS, "path": str(folder)}, "whole", "text")
    assert [document.split for document in corpus.documents] == ["train", "train", "validation", "test"]
    assert corpus.documents[0].title.endswith("a.train.txt")
    assert corpus.source == "files in texts: a.train.txt, b.train.txt, valid.txt, test.txt"


def test_documents_at_headings(folder):
    (folder / "a.train.txt").write_bytes(b"\xef\xbb\xbf = One = \r\n\r\nx\r\n\r\n = Two = \r\n\r\ny\r\n")
    titles = [document.title for document in load_files({**PATTERNS, "path": str(folder)}, "heading", "text").documents]
    assert titles == ["One", "Two", "b.train.txt", "valid.txt", "test.txt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xef\xbb\xbf \n\n", "no text"),
        (b"fine\xff", "not UTF-8 at byte 4"),
        ("text".encode("utf-16-le"), "zero byte at byte 1"),
        ("text".encode("utf-16"), r"UTF-16 \(little-endian\) by its byte-order mark; UTF-8 text is wanted"),
        (b"\xfe\xff" + "text".encode("utf-16-be"), r"UTF-16 \(big-endian\)"),
        ("text".encode("utf-32"), r"UTF-32 \(little-endian\)"),
        (b"\x00\x00\xfe\xff" + "text".encode("utf-32-be"), r"UTF-32 \(big-endian\)"),
    ],
)
def test_bad_files_are_named(folder, content, message):
    (folder / "valid.txt").write_bytes(content)
    with pytest.raises(InputError, match=rf"valid\.txt: .*{message}"):
        load_files({**PATTERNS, "path": str(folder)}, "whole", "text")


TEXTS = ["One, é.", "Two,\n\nof two parts.", "Three."]


def lines(texts):
    return "".join(json.dumps({"id": n, "body": text}) + "\n" for n, text in enumerate(texts))


def table(write, suffix):
    def written(path, texts):
        write(pl.DataFrame({"id": range(len(texts)), "body": texts}), path.with_name(path.name + suffix))

    return written


def text(suffix, join):
    return lambda path, texts: path.with_name(path.name + suffix).write_text(join(texts), encoding="utf-8")


def folder_of(path, texts):
    path.mkdir()
    for number, said in enumerate(texts):
        (path / f"{number + 8}.txt").write_text(said, encoding="utf-8")  # 10 after 9, not before
    (path / ".hidden").write_bytes(b"\xff")


def gzipped(path, texts):
    path.with_name(path.name + ".jsonl.gz").write_bytes(gzip.compress(lines(texts).encode()))


FORMS = {  # how documents lie in files: the setting, what writes a split, and the documents that come of TEXTS
    "a document a line": ("line", text(".txt", "\n".join), ["One, é.", "Two,", "of two parts.", "Three."]),
    "lines of Windows": ("line", text(".txt", "\r\n".join), ["One, é.", "Two,", "of two parts.", "Three."]),
    "a blank line between": (
        "blank_line",
        text(".txt", "\n \t\n\n".join),
        ["One, é.", "Two,", "of two parts.", "Three."],
    ),
    "a file each": ("whole", folder_of, TEXTS),
    "one file": ("whole", text(".txt", "\n".join), ["\n".join(TEXTS)]),
    "JSON Lines": ("whole", text(".jsonl", lines), TEXTS),
    "JSON Lines with a mark": ("whole", text(".jsonl", lambda texts: "\ufeff" + lines(texts)), TEXTS),
    "gzipped JSON Lines": ("whole", gzipped, TEXTS),
    "Parquet": ("whole", table(pl.DataFrame.write_parquet, ".parquet"), TEXTS),
    "Arrow": ("whole", table(pl.DataFrame.write_ipc, ".arrow"), TEXTS),
    "CSV": ("whole", table(pl.DataFrame.write_csv, ".csv"), TEXTS),
    "rows that are lines": ("line", text(".jsonl", lines), ["One, é.", "Two,", "of two parts.", "Three."]),
    "headings in rows": (
        "heading",
        text(".jsonl", lambda texts: lines(["", " = A = ", "", texts[0], "", " = B = ", "", texts[2]])),
        [" = A = \n\nOne, é.\n", " = B = \n\nThree."],
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_documents_are_told_apart_in_every_form(form, tmp_path):
    documents, write, wanted = FORMS[form]
    for split in ("train", "valid", "test"):
        write(tmp_path / split, TEXTS)
    found = load_files({**PATTERNS, "path": str(tmp_path)}, documents, "body").documents
    splits = ("train", "validation", "test")
    assert [(own.split, own.text) for own in found] == [(split, own) for split in splits for own in wanted]
    settings = {"source": "files", "files": {**PATTERNS, "path": str(tmp_path)}}
    assert len(text_files(settings)) == (9 if form == "a file each" else 3)  # what an edit of loads again


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        (
            lines(TEXTS),
            "text",
            r"no column 'text', only id, body; the one of the text is wanted as corpus\.text_column",
        ),
        (lines(TEXTS), "id", r"id is of type int64; a column of text is wanted"),
        (lines(TEXTS).replace('"Three."', "null"), "body", r"body has 1 nulls \(first at row 2\)"),
        (lines(["a\0b"]), "body", r"body has a zero byte in row 0"),
        (lines(["fine"]).replace("fine", "\\ud800"), "body", r"body has a zero byte in row 0"),  # half a character
        ("{", "body", r"cannot be read \(line 1: "),
        ("", "body", r"has no rows"),
    ],
)
def test_tables_without_text_are_named(folder, content, column, message):
    (folder / "valid.txt").unlink()
    (folder / "valid.jsonl").write_text(content)
    with pytest.raises(InputError, match=rf"valid\.jsonl: {message}"):
        load_files({**PATTERNS, "path": str(folder)}, "whole", column)


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
        load_files({**PATTERNS, "path": str(folder), **settings}, "whole", "text")
    with pytest.raises(InputError, match=r"gone\.txt: cannot be read"):
        read_text(folder / "gone.txt")


SETTINGS = {
    "source": "files",
    "documents": "whole",
    "text_column": "body",
    "bundled": {"seed": 3, "validation": 0.15, "test": 0.2},
    "hub": {"name": "Salesforce/wikitext", "config": "wikitext-2-raw-v1"},
    "files": {"path": "here"},
}


def test_settings_reach_their_source(monkeypatch):
    monkeypatch.setattr(sources, "load_bundled", lambda validation, test, seed: (validation, test, seed))
    monkeypatch.setattr(
        sources, "load_hub", lambda name, config, documents, text_column: (name, config, documents, text_column)
    )
    monkeypatch.setattr(sources, "load_files", lambda files, documents, column: (files["path"], documents, column))
    assert load_corpus(SETTINGS) == ("here", "whole", "body")
    assert load_corpus(SETTINGS | {"source": "bundled"}) == (0.15, 0.2, 3)
    assert load_corpus(SETTINGS | {"source": "hub"}) == ("Salesforce/wikitext", "wikitext-2-raw-v1", "whole", "body")


def test_heavy_packages_wait_until_they_are_needed():
    code = "import sys, easyhard.corpus.sources; print({'datasets', 'gensim', 'torch'} & {*sys.modules})"
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).strip() == "set()"
