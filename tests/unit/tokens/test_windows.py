"""Windows over whole documents: every token once, none across a border, documents never parted between shards."""

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.vocabulary import PADDING
from easyhard.tokens.windows import cut_windows, shard_windows

LENGTHS = {7: 9, 3: 1, 8: 2, 5: 5, 6: 13}  # document number → tokens, in the order of the text


@pytest.fixture
def stream() -> TokenStream:
    document = np.repeat(list(LENGTHS), list(LENGTHS.values())).astype(np.int32)
    return TokenStream(np.arange(10, 10 + len(document), dtype=np.int32), document)


def test_every_token_but_a_documents_first_is_a_target_once(stream: TokenStream) -> None:
    windows = cut_windows(stream, 4)
    real = windows.targets != PADDING
    first = np.flatnonzero(np.diff(stream.document, prepend=-1))
    assert windows.targets[real].tolist() == np.delete(stream.token, first).tolist()
    assert (windows.targets[real] == windows.inputs[real] + 1).all()  # the stream counts up
    assert ((windows.inputs == PADDING) == ~real).all()


def test_no_window_crosses_a_border(stream: TokenStream) -> None:
    windows = cut_windows(stream, 4)
    of_token = dict(zip(stream.token.tolist(), stream.document.tolist(), strict=True))
    for inputs, document in zip(windows.inputs, windows.document, strict=True):
        assert {of_token[token] for token in inputs.tolist() if token != PADDING} == {document}
    assert dict(zip(*np.unique(windows.document, return_counts=True), strict=True)) == {7: 2, 8: 1, 5: 1, 6: 3}


def test_a_limit_cuts_the_text_off(stream: TokenStream) -> None:
    assert cut_windows(stream, 4, at_most=11).document.tolist() == [7, 7]


def test_text_without_a_next_token_is_refused() -> None:
    alone = TokenStream(np.array([4, 5], np.int32), np.array([0, 1], np.int32))
    with pytest.raises(InputError, match="two tokens"):
        cut_windows(alone, 4)


@pytest.mark.parametrize("shards", [1, 2, 3, 9])
def test_shards_hold_whole_documents_in_order(stream: TokenStream, shards: int) -> None:
    document = cut_windows(stream, 2).document
    parts = shard_windows(document, shards)
    assert len(parts) == shards
    assert np.concatenate([document[part] for part in parts]).tolist() == document.tolist()
    held = [set(document[part].tolist()) for part in parts]
    assert sum(map(len, held)) == len(set().union(*held))


def test_shards_are_of_about_equal_size() -> None:
    document = np.repeat(np.arange(50, dtype=np.int32), 20)
    assert [part.stop - part.start for part in shard_windows(document, 4)] == [260, 240, 260, 240]
