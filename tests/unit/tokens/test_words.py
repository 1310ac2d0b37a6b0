"""Words are taken apart without losing a character, and types are numbered by first sight."""

import random

import numpy as np
import pytest

from easyhard.tokens.words import PADDING, UNKNOWN, build_vocabulary, ids_of, whitespace, words


def test_whitespace_lowers_and_splits():
    text = " The dog 's\tWell @-@ known\u2009one.\n\n"
    assert whitespace(text) == ["the", "dog", "'s", "well", "@-@", "known", "one."]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The dog's bone, (isn't it?)", "the dog 's bone , ( isn 't it ? )"),
        ("It’s O'Neill's", "it ’s o 'neill 's"),
        ("'quoted' words", "' quoted ' words"),
        ("1,000 and 0.75 and 1,234,567.8", "1 @,@ 000 and 0 @.@ 75 and 1 @,@ 234 @,@ 567 @.@ 8"),
        ("in 1999, or 5.", "in 1999 , or 5 ."),
        ("well-known, 19th-century X-15 - no", "well @-@ known , 19th @-@ century x @-@ 15 - no"),
        ("The U.S. and e.g. this. A. Smith", "the u.s. and e.g. this . a . smith"),
        ("wait... what -- or — that", "wait ... what -- or — that"),
        ("50% of $3 at 10:30 and/or C#", "50 % of $ 3 at 10 : 30 and / or c #"),
        ("a_b [him] H2O m²", "a _ b [ him ] h2o m²"),
        ("Größe Ελλάδα Алла́х हिन्दी 日本語 الله", "größe ελλάδα алла́х हिन्दी 日本語 الله"),
        ("e\u0301te\u0301", "e\u0301te\u0301"),
        ("already well @-@ known 1 @,@ 000", "already well @-@ known 1 @,@ 000"),
        (" \n\t", ""),
    ],
)
def test_words(text, tokens):
    assert words(text) == tokens.split()


@pytest.mark.parametrize("seed", range(50))
def test_words_lose_no_character(seed):
    """Whatever the text, its tokens without the @ marks are its characters in order."""
    text = "".join(random.Random(seed).choices("aB9é दा.,-'’()_…—🙂²\n ", k=60))
    joined = "".join(token.strip("@") if token in {"@-@", "@.@", "@,@"} else token for token in words(text))
    assert joined == "".join(text.lower().split())


def test_types_in_order_of_first_sight():
    vocabulary = build_vocabulary([["b", "a", "b"], [], ["c", "<unk>", "a", "d"]])
    assert list(vocabulary.items()) == [("<unk>", 0), ("<pad>", 1), ("b", 2), ("a", 3), ("c", 4), ("d", 5)]
    assert (UNKNOWN, PADDING) == (0, 1)
    ids = ids_of(["a", "z", "a", "<unk>", "d"], vocabulary)
    assert ids.tolist() == [3, 0, 3, 0, 5]
    assert ids.dtype == ids_of([], vocabulary).dtype == np.int32
