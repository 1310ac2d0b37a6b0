"""Words: tokenisers that take lower-cased text apart, and a vocabulary of the types that they find.

A new tokeniser is one function and one entry of `TOKENIZERS`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

UNKNOWN, PADDING = 0, 1
SPECIAL = ("<unk>", "<pad>")


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


TOKENIZERS: dict[str, Callable[[str], list[str]]] = {"whitespace": whitespace, "words": words}


def build_vocabulary(texts: Iterable[Iterable[str]]) -> dict[str, int]:
    """Type to id: `<unk>` is 0, `<pad>` is 1, then the types of `texts` in order of first sight."""
    ids = {token: number for number, token in enumerate(SPECIAL)}
    for text in texts:
        for token in text:
            ids.setdefault(token, len(ids))
    return ids


def ids_of(tokens: Sequence[str], vocabulary: Mapping[str, int]) -> NDArray[np.int32]:
    """Ids of `tokens`, (tokens,); a type that the vocabulary lacks is 0 (`<unk>`)."""
    return np.fromiter(map(vocabulary.get, tokens, repeat(UNKNOWN)), dtype=np.int32, count=len(tokens))
