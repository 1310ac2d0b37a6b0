"""How much of the text each token stands for, in bytes of UTF-8 and characters: what makes vocabularies comparable.

The sizes of a document's tokens add up to its text: what no token spells, such as the white space between words, counts
to the token after it, and at the end of a text to its last one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError

MEASURED: Final = ("validation", "test")
"""The splits whose tokens are measured."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class TextSizes:
    """For each token the bytes and the characters of the text that it stands for, (tokens,) each."""

    bytes: NDArray[np.int32]
    characters: NDArray[np.int32]

    def __getitem__(self, tokens: NDArray[Any]) -> "TextSizes":
        return TextSizes(self.bytes[tokens], self.characters[tokens])


def sizes_of_ends(text: str, ends: Sequence[int] | Numbers) -> TextSizes:
    """The sizes of a text's tokens, given the character after each one's last, (tokens,).

    Where several tokens spell one character together, the first of them has it.

    >>> sizes_of_ends("a  é.", [1, 4, 5]).bytes
    array([1, 4, 1], dtype=int32)
    """
    places = np.maximum.accumulate(np.append(0, np.asarray(ends, np.int64)))
    places[-1] = len(text) if len(places) > 1 else 0
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    widths = 1 + (codes > 0x7F).astype(np.int64) + (codes > 0x7FF) + (codes > 0xFFFF)
    bytes_before = np.append(0, np.cumsum(widths))
    return TextSizes(np.diff(bytes_before[places]).astype(np.int32), np.diff(places).astype(np.int32))


def word_ends(text: str, tokens: Sequence[str]) -> Numbers:
    """The character after each token's last, (tokens,), of tokens that spell a text in lower case but for its white
    space; an inner mark may stand between two @, as `words` writes it.

    Raises InputError naming a token that does not.
    """
    lower, ends, place = text.lower(), [], 0
    for token in tokens:
        while lower[place : place + 1].isspace():
            place += 1
        spelled = token if lower.startswith(token, place) else token.strip("@")
        if not lower.startswith(spelled, place):
            raise InputError(f"corpus: the token {token!r} is not in its text after {place} characters")
        place += len(spelled)
        ends.append(place)
    if len(lower) == len(text):
        return np.array(ends, np.int64)
    widths = np.cumsum([len(character.lower()) for character in text])  # of a few, such as İ, not 1
    return np.searchsorted(widths, np.array(ends, np.int64)) + 1


def sizes_of_types(types: Sequence[str]) -> TextSizes:
    """The sizes of types of byte pairs, (types,), as `byte_pairs` has them: each character of one is a byte, and those
    bytes that go on with a character of the text are told by their bits."""
    continuing = {own for byte, own in _printed().items() if byte & 0xC0 == 0x80}
    characters = [sum(own not in continuing for own in spelled) for spelled in types]
    return TextSizes(np.array([len(spelled) for spelled in types], np.int32), np.array(characters, np.int32))


def even_sizes(text: str, tokens: int) -> TextSizes:
    """The sizes of tokens of which only their number is known: the text's, in equal parts."""
    return sizes_of_ends(text, len(text) * np.arange(1, tokens + 1) // max(tokens, 1))


def measured_sizes(splits: Sequence[str], sizes_of: Callable[[int], TextSizes]) -> TextSizes:
    """The sizes of the tokens of MEASURED splits, one after another, given each document's split and the sizes of its
    tokens by its place."""
    nothing = TextSizes(np.empty(0, np.int32), np.empty(0, np.int32))
    of_documents = [sizes_of(place) for split in MEASURED for place, own in enumerate(splits) if own == split]
    parts = [nothing, *of_documents]
    return TextSizes(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("bytes", "characters")))


def _printed() -> dict[int, str]:
    """The character that stands for each byte in byte pairs, by GPT-2's table."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + place) for place, byte in enumerate(others)}
