"""The sizes of a text's tokens add up to the text, in every vocabulary, and so the same text compares."""

import math
from typing import Any

import numpy as np
import pytest

from easyhard.corpus.documents import Corpus, Document
from easyhard.errors import InputError
from easyhard.evaluation.bits import bits_rows
from easyhard.evaluation.resampling import draw_resamples, make_clusters
from easyhard.tokens.bpe import byte_pairs
from easyhard.tokens.encoding import encode
from easyhard.tokens.row_sizes import row_sizes
from easyhard.tokens.sizes import even_sizes, sizes_of_ends, sizes_of_types, word_ends
from easyhard.tokens.windows import NO_TOKEN, cut_text
from easyhard.tokens.words import TOKENIZERS

TEXTS = {
    "plain": "one two  three.",
    "marks": "The U.S. dog's well-known (1,000.5 km) 1,000,000 @-@ e-mail@x.y --- ... «é»",
    "white space around": "\n\t two\u00a0words \u3000 and\r\nlines \n",
    "wide characters": "東京 is 🙂 and naïve Straße",
    "lower case that is longer": "İstanbul İİ x İ.",
    "marks alone": ". , ;",
    "WikiText": " = Title = \n\n a 3 @.@ 5 km well @-@ known <unk> , @ @",
    "one character": "é",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_words_and_the_space_before_them_add_up(tokenizer: str, text: str) -> None:
    tokens = TOKENIZERS[tokenizer](text)
    ends = word_ends(text, tokens)
    starts = np.append(0, ends[:-1])
    found = [text[start:end].lower().strip() for start, end in zip(starts, ends, strict=True)]
    assert found == [token if token in own else token.strip("@") for token, own in zip(tokens, found, strict=True)]
    sizes = sizes_of_ends(text, ends)
    assert (len(sizes.bytes), sizes.bytes.sum()) == (len(tokens), len(text.encode()))
    assert sizes.characters.sum() == len(text)
    assert (sizes.bytes >= sizes.characters).all()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_byte_pairs_add_up_token_by_token(text: str) -> None:
    (ids,), types = byte_pairs([text], [text * 3, "the dog and the two words "], 300)
    sizes = sizes_of_types(types)[ids]
    assert (sizes.bytes.sum(), sizes.characters.sum()) == (len(text.encode()), len(text))
    places = np.cumsum(sizes.bytes)
    whole = text.encode()
    for end, characters in zip(places, np.cumsum(sizes.characters), strict=True):
        started = sum(byte & 0xC0 != 0x80 for byte in whole[:end])
        assert characters == started  # a character counts where its first byte is


def test_ends_that_go_back_or_leave_out_count_to_the_next_token() -> None:
    sizes = sizes_of_ends("a  東b ", [1, 4, 4, 4, 5])  # three tokens spell one character; no one the last space
    assert sizes.bytes.tolist() == [1, 5, 0, 0, 2]
    assert sizes.characters.tolist() == [1, 3, 0, 0, 2]
    assert sizes_of_ends("abc", [0, 2, 1, 3]).bytes.tolist() == [0, 2, 0, 1]
    assert sizes_of_ends("", []).bytes.tolist() == sizes_of_ends("x", []).bytes.tolist() == []
    assert even_sizes("abcde", 2).characters.tolist() == [2, 3]
    with pytest.raises(InputError, match="the token 'other' is not in its text after 4 characters"):
        word_ends("one two", ["one", "other"])


SENTENCE = "The naïve dog, 1,000 km from 東京, well-known.\n"
DOCUMENTS = [Document("", SENTENCE * times, split) for split in ("train", "validation", "test") for times in (3, 5, 1)]
VOCABULARIES: dict[str, dict[str, Any]] = {
    "words": {"tokenizer": "words", "vocabulary_from": ["train"]},
    "whitespace": {"tokenizer": "whitespace", "vocabulary_from": ["train"]},
    "bytes": {"tokenizer": "bpe", "vocabulary_size": 258},
    "byte pairs": {"tokenizer": "bpe", "vocabulary_size": 320},
}


@pytest.mark.parametrize("at_most", [None, 11, 70])
@pytest.mark.parametrize("start", [None, 1])
@pytest.mark.parametrize("between", [None, 0])
@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_rows_know_what_their_targets_stand_for(
    vocabulary: str, between: int | None, start: int | None, at_most: int | None
) -> None:
    streams, sizes, _, _ = encode(Corpus(DOCUMENTS, "", ""), VOCABULARIES[vocabulary])
    split = [streams[name] for name in ("validation", "test")]
    parts = [cut_text(stream.within(at_most), 7, "test", start=start, between=between) for stream in split]
    known = [part.targets != NO_TOKEN for part in parts]
    rows = {
        name: np.concatenate([getattr(part, own)[mask] for part, mask in zip(parts, known, strict=True)])
        for name, own in (("document", "document"), ("target", "targets"))
    }
    found = row_sizes(rows, split, sizes, at_most)
    measured = np.concatenate([np.isin(np.arange(len(own.token)), own.places_within(at_most)) for own in split])
    owner = np.concatenate([stream.document for stream in split])
    for number in np.unique(rows["document"]):
        whole, own = sizes.bytes[measured & (owner == number)], found["bytes"][rows["document"] == number]
        assert own.tolist() == whole[len(whole) - len(own) :].tolist()
        assert len(own) == len(whole) or (len(own) == len(whole) - 1 and start is None)
        assert at_most or whole.sum() == len(DOCUMENTS[number].text.encode())
    with pytest.raises(InputError, match="their targets are not the tokens of the text"):
        row_sizes(rows | {"target": rows["target"] + 1}, split, sizes, at_most)


def test_the_same_text_in_two_vocabularies_compares() -> None:
    """A model that gives every byte of the text the same chance says the same in bits, however it is cut."""
    bits, figures = 1.7, {}
    for vocabulary, settings in VOCABULARIES.items():
        streams, sizes, _, _ = encode(Corpus(DOCUMENTS, "", ""), settings)
        document = np.concatenate([streams[name].document for name in ("validation", "test")])
        loss = (sizes.bytes * bits * math.log(2)).astype(np.float32)
        test = np.flatnonzero(document >= 6)
        resamples = draw_resamples(make_clusters(document[test], np.arange(len(test)) // 3), 100, seed=0)
        rows = bits_rows(loss, vars(sizes), test, resamples)
        found = {(row.item, row.metric): row for row in rows}
        assert found["clusters", "bits_per_byte"].value == pytest.approx(bits, rel=1e-6)
        assert found["clusters", "bits_per_byte"].ci_low == pytest.approx(bits, rel=1e-6)
        text = "".join(own.text for own in DOCUMENTS if own.split != "train")
        assert found["text", "bytes"].value == len(text.encode())
        assert found["text", "characters"].value == len(text)
        per_character = found["text", "bits_per_character"].value
        assert per_character == pytest.approx(bits * len(text.encode()) / len(text), rel=1e-6)
        figures[vocabulary] = float(np.exp(loss.mean()))
    assert max(figures.values()) > 100 * min(figures.values())  # while perplexities tell nothing


def test_intervals_are_over_clusters() -> None:
    rng = np.random.default_rng(0)
    index = np.repeat(np.arange(40), 50)
    loss = (rng.gamma(2, 1, 40)[index] * rng.random(2000)).astype(np.float32)
    sizes = {"bytes": rng.integers(1, 9, 2000), "characters": np.zeros(2000, np.int64)}
    resamples = draw_resamples(make_clusters(index, index), 2000, seed=1)
    found = {(row.item, row.metric): row for row in bits_rows(loss, sizes, np.arange(2000), resamples)}
    row = found["clusters", "bits_per_byte"]
    ratio = loss.sum() / math.log(2) / sizes["bytes"].sum()
    assert row.value == pytest.approx(ratio, rel=1e-6)
    above, below = (np.bincount(index, values) for values in (loss / math.log(2), sizes["bytes"]))
    linear = np.sqrt(40 / 39 * ((above - ratio * below) ** 2).sum()) / below.sum()  # the delta method
    assert row.ci_low is not None
    assert row.ci_high is not None
    assert (row.ci_high - row.ci_low) / 2 / 2.02 == pytest.approx(linear, rel=0.1)
    assert found["clusters", "bits_per_character"].value is None
