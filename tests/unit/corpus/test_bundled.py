import re
from collections import Counter

import pytest

from easyhard.corpus import bundled
from easyhard.corpus.bundled import assign, load_bundled
from easyhard.corpus.documents import Corpus
from easyhard.errors import InputError
from easyhard.tokens.words import words

SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_bundled(0.15, 0.15, seed=42)


def test_every_article_that_has_text_is_enough_for_the_founding_sizes(corpus):
    assert len(corpus.documents) == len({document.title for document in corpus.documents}) == 106
    assert "Attribution-ShareAlike" in corpus.credit
    counts = Counter()
    for document in corpus.documents:
        counts[document.split] += len(words(document.text))
    assert counts["train"] >= 330_000
    assert counts["validation"] >= 66_000
    assert 500_000 < sum(counts.values()) < 560_000


@pytest.mark.parametrize(
    "mark",
    [
        r"''", r"^=+[^=]+=+$|^[*#:;|!]", r"\(\s*[,;:]*\s*\)", r"[{}]{2}|\{\||\|\}", r"&[a-z]+;|&#\d+;",
        r"(?i)\b(file|image|category):\S", r"(?i)\.(jpg|png|svg)\b", r"https?:", r"(?i)\b\d+px\b|\|thumb",
        r"</?(ref|br|sub|sup|small|math|gallery|nowiki|div|span)\b", r"__[A-Z]+__", r"\bISBN\b", r"[\ue000-\ue002]",
        r"[\u00a0\u200b\u00ad\t]", r"  ", r"\( | \)",
    ],
)  # fmt: skip
def test_no_mark_is_left(corpus, mark):
    lines = (line for document in corpus.documents for line in document.text.split("\n"))
    assert [line for line in lines if re.search(mark, line)] == []


def test_prose_is_kept(corpus):
    text = {document.title: document.text for document in corpus.documents}
    assert "are found in the <10 ppm level, as is typical" in text["Asphalt"]
    assert len(text["Asphalt"]) > 30_000  # the wiki filter alone keeps 7,000 characters
    assert "three branches of government: an executive branch" in text["Alaska"]


def test_split_follows_the_seed(corpus):
    assert load_bundled(0.15, 0.15, seed=42) == corpus
    other = load_bundled(0.15, 0.15, seed=7)
    assert other.sha256 != corpus.sha256
    assert {document.text for document in other.documents} == {document.text for document in corpus.documents}


@pytest.mark.parametrize("seed", range(20))
def test_shares_are_met_within_an_article(seed):
    sizes = [1 + 37 * number % 101 for number in range(60)]
    filled = dict.fromkeys(SHARES, 0)
    for size, split in zip(sizes, assign(sizes, SHARES, seed), strict=True):
        filled[split] += size
    for split, share in SHARES.items():
        assert abs(filled[split] - share * sum(sizes)) <= max(sizes)


def test_a_sample_that_cannot_be_loaded_is_named(monkeypatch):
    monkeypatch.setattr(bundled, "DUMP", "no-such-dump.bz2")
    with pytest.raises(InputError, match=r"no-such-dump\.bz2: gensim's Wikipedia sample cannot be read"):
        load_bundled(0.15, 0.15, seed=42)
