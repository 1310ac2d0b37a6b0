"""Corpus that needs no network: the sample of English Wikipedia that the gensim wheel carries."""

import bz2
import random
import re
from collections.abc import Sequence

from easyhard.corpus.documents import SPLITS, Corpus, Document
from easyhard.corpus.markup import plain_lines, prepare
from easyhard.errors import InputError

DUMP = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
REDIRECT = re.compile(r"\s*#redirect", re.IGNORECASE)
CREDIT = (
    "Articles of English Wikipedia (dump of May 2016, the sample distributed with gensim) by Wikipedia's contributors, "
    "Creative Commons Attribution-ShareAlike 3.0; markup removed, split into train, validation and test"
)


def load_bundled(validation: float, test: float, seed: int) -> Corpus:
    """The sample's articles as plain text, split by article, same `seed` same split.

    `validation` and `test` are shares of the words, above 0 and below 1 together; the rest is train. `assign` says how
    articles are dealt. Raises InputError when the wheel lacks the sample.
    """
    from gensim.corpora.wikicorpus import filter_wiki

    texts = ((title, "\n".join(plain_lines(filter_wiki(prepare(raw))))) for title, raw in _pages())
    articles = [(title, text) for title, text in texts if text]
    shares = {"train": 1 - validation - test, "validation": validation, "test": test}
    splits = assign([len(text.split()) for _, text in articles], shares, seed)
    documents = [Document(title, text, split) for (title, text), split in zip(articles, splits, strict=True)]
    return Corpus(documents, "English Wikipedia, the sample distributed with gensim", CREDIT)


def assign(sizes: Sequence[int], shares: dict[str, float], seed: int) -> list[str]:
    """A split for each article: in seeded random order, each goes where most words are still wanted.

    So every split ends within about one article of its share of the words.
    """
    wanted = {split: shares[split] * sum(sizes) for split in SPLITS}
    order = list(range(len(sizes)))
    random.Random(seed).shuffle(order)
    splits = [""] * len(sizes)
    for article in order:
        splits[article] = max(SPLITS, key=lambda split: wanted[split])
        wanted[splits[article]] -= sizes[article]
    return splits


def _pages() -> list[tuple[str, str]]:
    """Title and wiki source of every page in the sample's main name space that is no redirect."""
    from gensim.corpora.wikicorpus import extract_pages
    from gensim.test.utils import datapath

    path = datapath(DUMP)
    try:
        with bz2.open(path) as dump:
            pages = [(title, raw or "") for title, raw, _ in extract_pages(dump, filter_namespaces=("0",))]
    except (OSError, EOFError) as error:
        raise InputError(
            f"{path}: gensim's Wikipedia sample cannot be read ({error}); reinstalling gensim is wanted"
        ) from error
    return [(title, raw) for title, raw in pages if not REDIRECT.match(raw)]
