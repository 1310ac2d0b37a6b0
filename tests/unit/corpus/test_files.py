import pytest

from easyhard.corpus.files import load_files, read_text
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
    corpus = load_files({**PATTERNS, "path": str(folder)}, "whole")
    assert [document.split for document in corpus.documents] == ["train", "train", "validation", "test"]
    assert corpus.documents[0].title.endswith("a.train.txt")
    assert corpus.source == "files in texts: a.train.txt, b.train.txt, valid.txt, test.txt"
    assert corpus == load_files({**PATTERNS, "path": str(folder)}, "whole")


def test_documents_at_headings(folder):
    (folder / "a.train.txt").write_bytes(b"\xef\xbb\xbf = One = \r\n\r\nx\r\n\r\n = Two = \r\n\r\ny\r\n")
    titles = [document.title for document in load_files({**PATTERNS, "path": str(folder)}, "heading").documents]
    assert titles == ["One", "Two", "b.train.txt", "valid.txt", "test.txt"]


def test_hidden_files_are_left_alone(folder):
    (folder / ".train.swp").write_bytes(b"\xff")
    assert len(load_files({**PATTERNS, "path": str(folder)}, "whole").documents) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no text"),
        (b" \n\n", "no text"),
        (b"\xef\xbb\xbf", "no text"),
        (b"fine\xff", "not UTF-8 at byte 4"),
        ("gr\u00fcn".encode("latin-1"), "not UTF-8 at byte 2"),
        ("text".encode("utf-16-le"), "zero byte at byte 1"),
    ],
)
def test_bad_files_are_named(folder, content, message):
    (folder / "valid.txt").write_bytes(content)
    with pytest.raises(InputError, match=rf"valid\.txt: .*{message}"):
        load_files({**PATTERNS, "path": str(folder)}, "whole")


def test_missing_folder(tmp_path):
    with pytest.raises(InputError, match=r"corpus\.files\.path: '.*nowhere' is not a folder"):
        load_files({**PATTERNS, "path": str(tmp_path / "nowhere")}, "whole")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("*dev*", "no file in .*texts matches '\\*dev\\*'"), ("/etc/*", "is no pattern"), ("", "is no pattern")],
)
def test_bad_patterns(folder, pattern, message):
    with pytest.raises(InputError, match=rf"corpus\.files\.validation: .*{message}"):
        load_files({**PATTERNS, "path": str(folder), "validation": pattern}, "whole")


def test_file_in_two_splits(folder):
    with pytest.raises(InputError, match=r"valid\.txt matches both train and validation"):
        load_files({**PATTERNS, "path": str(folder), "train": "*.txt"}, "whole")


def test_unreadable_file(tmp_path):
    with pytest.raises(InputError, match=r"gone\.txt: cannot be read"):
        read_text(tmp_path / "gone.txt")
