import pyarrow.parquet as pq
import pytest

from easyhard.corpus.documents import Corpus, Document, divide, in_reading_order, read_documents, write_documents
from easyhard.errors import InputError

DOCUMENTS = [
    Document("Test", "Grün ist die Heide", "test"),
    Document("", "one\ntwo", "train"),
    Document("Held out", "three", "validation"),
    Document("Last", "four", "train"),
]


def corpus(documents: list[Document] = DOCUMENTS) -> Corpus:
    return Corpus(documents, "four lines", "nobody")


def test_round_trip_is_in_reading_order(tmp_path):
    path = tmp_path / "seed=1" / "documents.parquet"  # a folder name that Parquet readers may take for a column
    write_documents(path, corpus())
    read = read_documents(path)
    assert [document.title for document in read.documents] == ["", "Last", "Held out", "Test"]
    assert read == Corpus(in_reading_order(DOCUMENTS), "four lines", "nobody")
    assert read.sha256 != corpus([Document("", "one\ntwothree", "train"), *DOCUMENTS[2:]]).sha256
    assert pq.read_table(path)["document"].to_pylist() == [0, 1, 2, 3]


def test_a_split_without_documents_is_named(tmp_path):
    with pytest.raises(InputError, match="the validation split is empty"):
        write_documents(tmp_path / "documents.parquet", corpus([own for own in DOCUMENTS if own.split != "validation"]))
    assert list(tmp_path.iterdir()) == []


TEXT = """ \n = First = \n \n Text of it . \n \n = = Section = = \n \n Key :
 = Wins ; L = \n Losses . \n \n = Second = x = \n \n More . \n"""


def test_cut_at_titles_only_and_no_word_is_lost():
    first, second = divide("lines", TEXT, "train", "heading")
    assert (first.title, second.title) == ("First", "Second = x")
    assert "= = Section = =" in first.text
    assert "= Wins ; L =" in first.text
    assert second.text.split() == ["=", "Second", "=", "x", "=", "More", "."]
    assert first.split == "train"
    documents = divide("lines", "before all\n \n" + TEXT, "train", "heading")
    assert [document.title for document in documents] == ["", "First", "Second = x"]
    assert " ".join(document.text for document in documents).split() == ("before all " + TEXT).split()


def test_whole_text_is_one_document():
    assert divide("a.txt", TEXT, "test", "whole") == [Document("a.txt", TEXT, "test")]
    assert divide("a.txt", " \n", "test", "whole") == []


@pytest.mark.parametrize("text", ["no heading", " = = Section = = ", "a\n = Not alone = \n", "= x =y"])
def test_text_without_headings_is_refused(text):
    with pytest.raises(InputError, match=r"a\.txt: no line like .* corpus\.documents: line, blank_line or whole"):
        divide("a.txt", text, "train", "heading")
