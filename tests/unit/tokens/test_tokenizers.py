import random

import pytest

from easyhard.errors import InputError
from easyhard.tokens.tokenizers import TOKENIZERS, tokenizer, whitespace, words


def test_whitespace_lowers_and_splits():
    assert whitespace(" The dog 's\tWell @-@ known\u2009one.\n\n") == [
        "the",
        "dog",
        "'s",
        "well",
        "@-@",
        "known",
        "one.",
    ]


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
        ("", ""),
        (" \n\t", ""),
    ],
)
def test_words(text, tokens):
    assert words(text) == tokens.split()


@pytest.mark.parametrize("seed", range(200))
def test_words_lose_no_character(seed):
    """Whatever the text, its tokens without the @ marks are its characters in order."""
    alphabet = "aB9é दा.,-'’()@_…—🙂²\n "
    text = "".join(random.Random(seed).choices(alphabet.replace("@", ""), k=60))
    joined = "".join(token.strip("@") if token in {"@-@", "@.@", "@,@"} else token for token in words(text))
    assert joined == "".join(text.lower().split())


def test_tokenizer_by_name():
    assert tokenizer("words") is TOKENIZERS["words"] is words
    with pytest.raises(InputError, match=r"tokens\.tokenizer: 'bpe' is unknown; whitespace or words"):
        tokenizer("bpe")
