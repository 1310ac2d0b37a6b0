import os
from pathlib import Path

import pytest

from easyhard.corpus.headings import divide
from easyhard.errors import InputError

WIKITEXT = Path(os.environ.get("EASYHARD_SHARED", "../shared")) / "data" / "wikitext-2-raw"

TEXT = """ \n = First = \n \n Text of it . \n \n = = Section = = \n \n Key :
 = Wins ; L = \n Losses . \n \n = Second = x = \n \n More . \n"""


def test_cut_at_titles_only():
    first, second = divide("lines", TEXT, "train", "heading")
    assert (first.title, second.title) == ("First", "Second = x")
    assert "= = Section = =" in first.text
    assert "= Wins ; L =" in first.text
    assert second.text.split() == ["=", "Second", "=", "x", "=", "More", "."]
    assert first.split == "train"


def test_no_word_is_lost():
    documents = divide("lines", "before all\n \n" + TEXT, "train", "heading")
    assert [document.title for document in documents] == ["", "First", "Second = x"]
    assert " ".join(document.text for document in documents).split() == ("before all " + TEXT).split()


def test_whole_text_is_one_document():
    (document,) = divide("a.txt", TEXT, "test", "whole")
    assert (document.title, document.text, document.split) == ("a.txt", TEXT, "test")
    assert divide("a.txt", " \n", "test", "whole") == []


@pytest.mark.parametrize("text", ["no heading", " = = Section = = ", "a\n = Not alone = \n", "= x =y"])
def test_text_without_headings_is_refused(text):
    with pytest.raises(InputError, match=r"a\.txt: no line like .* corpus\.documents: whole"):
        divide("a.txt", text, "train", "heading")


def test_unknown_division_is_refused():
    with pytest.raises(InputError, match=r"corpus\.documents: 'pages' is unknown; heading or whole"):
        divide("a.txt", TEXT, "train", "pages")


@pytest.mark.skipif(not WIKITEXT.is_dir(), reason="WikiText-2 raw is not at hand")
@pytest.mark.parametrize(("name", "articles"), [("train", 600), ("valid", 60), ("test", 60)])
def test_wikitext_articles(name, articles):
    text = (WIKITEXT / f"wiki.{name}.raw").read_text(encoding="utf-8")
    documents = divide(name, text, "train", "heading")
    assert len(documents) == articles
    assert all(document.title for document in documents)
    assert [word for document in documents for word in document.text.split()] == text.split()
