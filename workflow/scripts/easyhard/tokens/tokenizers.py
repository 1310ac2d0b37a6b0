"""Tokenisers: text to a list of lower-cased words. A new one is one function and one entry of `TOKENIZERS`."""

import re
import unicodedata
from collections.abc import Callable

from easyhard.errors import InputError

Tokenizer = Callable[[str], list[str]]


def whitespace(text: str) -> list[str]:
    """Lower-cased, split on white space: the founding experiment's tokeniser, for text that is tokenised already."""
    return text.lower().split()


MARKS = "".join(map(re.escape, filter(lambda char: unicodedata.category(char)[0] == "M", map(chr, range(0x10000)))))
WORD = rf"[^\W_](?:[^\W_]|[{MARKS}])*"  # letters and digits; vowel signs and accents stay with their letter
INFIX = re.compile(r"(?<=\d)([.,])(?=\d)|(?<=[^\W_])(-)(?=[^\W_])")
TOKEN = re.compile(
    rf"""
    @[-.,]@                       # an inner hyphen, point or comma
    | (?:[^\W\d_]\.){{2,}}        # u.s., e.g.
    | (?<=[^\W_])['’]{WORD}       # 's, 't, 'll
    | {WORD}
    | \.{{2,}} | -{{2,}}          # an ellipsis, a dash
    | \S                          # any other mark
    """,
    re.VERBOSE,
)


def words(text: str) -> list[str]:
    """Lower-cased words and punctuation apart, as WikiText writes them, for unprocessed text.

    Inner hyphens and the points and commas of numbers become tokens of their own: `well-known` is `well @-@ known`,
    `1,000` is `1 @,@ 000`, `0.7` is `0 @.@ 7`. A clitic keeps its apostrophe: `dog's` is `dog 's`. Dotted initials stay
    whole: `u.s.`. Letters and digits of any script stay as they are.

    >>> words("The U.S. dog's well-known (1,000.5 km).")
    ['the', 'u.s.', 'dog', "'s", 'well', '@-@', 'known', '(', '1', '@,@', '000', '@.@', '5', 'km', ')', '.']
    """
    return TOKEN.findall(INFIX.sub(lambda match: f" @{match[0]}@ ", text.lower()))


TOKENIZERS: dict[str, Tokenizer] = {"whitespace": whitespace, "words": words}


def tokenizer(name: str) -> Tokenizer:
    """The tokeniser called `name`. Raises InputError for an unknown one."""
    if name not in TOKENIZERS:
        raise InputError(f"tokens.tokenizer: {name!r} is unknown; {' or '.join(TOKENIZERS)} is wanted")
    return TOKENIZERS[name]
