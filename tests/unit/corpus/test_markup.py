import pytest
from gensim.corpora.wikicorpus import filter_wiki

from easyhard.corpus.markup import plain_lines, prepare


def plain(raw: str) -> list[str]:
    return plain_lines(filter_wiki(prepare(raw)))


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ("'''Bold''' and ''italic'' and '''''both'''''", "Bold and italic and both"),
        ("''Time'''s cover", "Time's cover"),
        ("the dog's ''bone''", "the dog's bone"),
        ("*** a list item: with a colon", "a list item: with a colon"),
        (":; indented", "indented"),
        ("see [[Target page|the label]] and [[Plain]]", "see the label and Plain"),
        ("see [[:Category:Birds|birds]]", "see birds"),
        ("he [Aristotle] said [http://example.org so]", "he [Aristotle] said so"),
        ("Albedo ({{IPAc-en|æ}}; {{lang|grc|ἀρχή}}) is", "Albedo (ἀρχή) is"),
        ("Albedo ({{IPAc-en|æ}}) , or", "Albedo, or"),
        ("Albedo ( ; , ) is", "Albedo is"),
        ("at {{convert|1300|mi|km}} long", "at 1300 mi long"),
        ("from {{convert|5|to|7|km|mi|abbr=on}} long", "from 5 to 7 km long"),
        ("general {{chem|C|''n''|H|2}} formula", "general CnH2 formula"),
        ("{{as of|2014|lc=y}} many", "as of 2014 many"),
        ("{{nowrap}} none at {{lang|lc=y}} all", "none at all"),
        ("{{quote|text=Well {{nowrap|[[said|spoken]]}}.|Author}}", "Well spoken."),
        ("the ship {{USS|Hornet|CV-12|6}}.", "the ship USS Hornet."),
        ("the end at {{coord|1|2}}, in", "the end at, in"),
        ("weight <500&nbsp;g and less > more<ref>note</ref>.", "weight <500 g and less > more."),
        ('said<ref name=a/> so<ref name="b">x <br/> y</ref> twice<!-- no -->', "said so twice"),
        ("one<br />two H<sub>2</sub>O", "one two H2O"),
        ("[[File:a.jpg|thumb|A [[nested]] caption with [http://x y]]]Text", "Text"),
        ("in [https://example.org/a?b=c]  an https://example.org/x address", "in an address"),
        ("soft\u00adhy\u200bphen", "softhyphen"),
        ("unclosed {{template keeps what follows", "unclosed template keeps what follows"),
        ("&ldquo;quoted&rdquo; &amp; more", "“quoted” & more"),
    ],
)
def test_marks_go_and_words_stay(raw, line):
    assert plain(raw) == [line]


@pytest.mark.parametrize(
    "raw",
    [
        "{|class=wikitable\n! Year\n|-\n| 1999 || words\n{|\n| nested table\n|}\n|}",
        "<gallery>\nFile:a.jpg|caption words\n</gallery>",
        "<math>x + y</math>",
        "{{Infobox|name=words {{nested|more words}}}}",
        "*\n* \n---\n1999",
        "__TOC__",
        "* Someone, ''A book''. ISBN 0-451-51679-6",
        "[[Category:Birds]]",
        "== Only a heading ==",
    ],
)
def test_what_is_not_prose_goes(raw):
    assert plain(raw) == []


def test_sections():
    raw = """Lead.
== History ==
=== Early ===
Old days.
=== Empty ===
== Notes and references ==
A note.
=== Books ===
A book.
== Notes in music ==
Music.
== External links ==
* a link"""
    assert plain(raw) == ["Lead.", "History", "Early", "Old days.", "Notes in music", "Music."]
