"""Windows of text: every token is foretold once, by the token before it and no later one; shards of whole documents."""

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.windows import (
    NO_TOKEN,
    SPLITS_OF,
    Windows,
    cut_text,
    row_shards,
    row_windows,
    shard_documents,
    shard_evenly,
)
from easyhard.tokens.words import PADDING

START, BETWEEN = 900, 901
LENGTHS = (7, 1, 4, 12, 2)


def stream() -> TokenStream:
    """Documents 10, 11, … of different lengths; token 100 d + i is number i of document d."""
    document = np.repeat(np.arange(len(LENGTHS)) + 10, LENGTHS).astype(np.int32)
    place = np.concatenate([np.arange(n) for n in LENGTHS])
    return TokenStream((100 * (document - 10) + place).astype(np.int32), document)


def foretold(windows: Windows) -> list[int]:
    return windows.targets[windows.targets != NO_TOKEN].tolist()


@pytest.mark.parametrize("length", [2, 5, 64])
@pytest.mark.parametrize("start", [None, START])
@pytest.mark.parametrize("between", [None, BETWEEN])
def test_every_token_is_foretold_once_by_the_one_before_it(length: int, start: int | None, between: int | None) -> None:
    own = stream()
    windows = cut_text(own, length, "test", start=start, between=between)
    assert windows.inputs.shape[1] == length
    first = own.token % 100 == 0
    without = first & (np.arange(len(first)) == 0 if between is not None else True)  # nothing stands before these
    assert foretold(windows) == own.token[~without if start is None else slice(None)].tolist()
    rows = windows.targets != NO_TOKEN
    assert (windows.document[rows] == 10 + windows.targets[rows] // 100).all()
    for inputs, targets in zip(windows.inputs, windows.targets, strict=True):
        assert start is None or inputs[0] == start
        for place in np.flatnonzero(targets != NO_TOKEN):
            opens = targets[place] % 100 == 0
            joined = between is not None and targets[place] > 0
            assert inputs[place] == ((between if joined else start) if opens else targets[place] - 1)
            assert place == 0 or inputs[place - 1] != NO_TOKEN  # what fills up comes last


def test_packed_windows_are_full_and_a_sequence_is_a_run_of_one_window_and_document() -> None:
    windows = cut_text(stream(), 5, "test", start=None, between=BETWEEN)
    assert (windows.inputs[:-1] != NO_TOKEN).all()
    assert len(windows) == -(-(sum(LENGTHS) + len(LENGTHS) - 1 - 1) // 5)
    assert BETWEEN not in windows.targets
    rows = windows.targets != NO_TOKEN
    window = np.repeat(np.arange(len(windows)), 5).reshape(-1, 5)[rows]
    sequence, document = windows.sequence[rows], windows.document[rows]
    pairs = list(zip(window.tolist(), document.tolist(), strict=True))
    assert [pairs.index(pair) for pair in pairs] == [sequence.tolist().index(number) for number in sequence]
    assert sorted(set(sequence.tolist())) == list(range(len(set(pairs))))
    part = windows[1:3]
    assert (part.sequence == windows.sequence[1:3]).all()
    assert part.split.tolist() == ["test", "test"]


def test_what_cannot_be_cut_is_named() -> None:
    with pytest.raises(InputError, match=r"model\.window: 1 .*2 is wanted"):
        cut_text(stream(), 1, "test", start=START, between=None)
    alone = TokenStream(np.array([3, 4], np.int32), np.array([0, 1], np.int32))
    with pytest.raises(InputError, match="no document has two tokens"):
        cut_text(alone, 4, "test", start=None, between=None)
    assert foretold(cut_text(alone, 4, "test", start=START, between=None)) == [3, 4]


@pytest.mark.parametrize("shards", [1, 2, 3, 9])
def test_shards_hold_whole_documents_in_order(shards: int) -> None:
    document = cut_text(stream(), 2, "test", start=None, between=None).document[:, 0]
    parts = shard_documents(document, shards)
    assert len(parts) == shards
    assert np.concatenate([document[part] for part in parts]).tolist() == document.tolist()
    held = [set(document[part].tolist()) for part in parts]
    assert sum(map(len, held)) == len(set().union(*held))


def test_shards_are_of_about_equal_size() -> None:
    document = np.repeat(np.arange(50, dtype=np.int32), 20)
    assert [part.stop - part.start for part in shard_documents(document, 4)] == [260, 240, 260, 240]


@pytest.mark.parametrize(("rows", "shards"), [(10, 1), (10, 3), (3, 5), (2048, 7)])
def test_even_shards_part_the_rows(rows: int, shards: int) -> None:
    parts = shard_evenly(rows, shards)
    assert len(parts) == shards
    assert [row for part in parts for row in range(rows)[part]] == list(range(rows))
    sizes = [part.stop - part.start for part in parts]
    assert max(sizes) - min(sizes) <= 1


CUTTING = {"length": 4, "train": 6, "validation": 4, "batch_size": 2}


def streams() -> dict[str, TokenStream]:
    """Each token counts up from 10; test continues where validation ends."""
    document = np.repeat([7, 3, 8, 5, 6], [9, 1, 2, 5, 13]).astype(np.int32)
    token = np.arange(10, 10 + len(document), dtype=np.int32)
    same = TokenStream(token, document)
    return {"train": same, "validation": same, "test": TokenStream(token + 100, document + 100)}


@pytest.mark.parametrize(("rows", "sequences"), [("train", 6), ("validation", 4)])
def test_founding_sequences_are_whole_batches_across_documents(rows: str, sequences: int) -> None:
    stream = streams()[rows]
    windows = row_windows(rows, {rows: stream}, CUTTING, at_most=3)
    used = slice(0, 4 * sequences)
    assert windows.inputs.tolist() == stream.token[used].reshape(-1, 4).tolist()
    assert windows.targets.tolist() == (stream.token[used] + 1).reshape(-1, 4).tolist()
    assert windows.document.tolist() == stream.document[used].reshape(-1, 4).tolist()
    assert windows.sequence.tolist() == np.arange(sequences).repeat(4).reshape(-1, 4).tolist()
    assert windows.split.tolist() == [rows] * sequences
    parts = row_shards(rows, windows, 4)
    assert [number for part in parts for number in windows[part].sequence[:, 0]] == list(range(sequences))
    assert {len(windows[part]) for part in parts} <= {1, 2}


def test_every_token_but_a_documents_first_is_a_target_once() -> None:
    windows = row_windows("documents", streams(), CUTTING, None)
    real = windows.targets != NO_TOKEN
    for split in SPLITS_OF["documents"]:
        stream, own = streams()[split], (windows.split == split)[:, None] & real
        first = np.flatnonzero(np.diff(stream.document, prepend=-1))
        assert windows.targets[own].tolist() == np.delete(stream.token, first).tolist()
        assert windows.document[own].tolist() == np.delete(stream.document, first).tolist()
    assert (windows.targets[real] == windows.inputs[real] + 1).all()  # within a document the stream counts up
    assert (windows.inputs[~real] == PADDING).all()
    assert windows.split.tolist() == ["validation"] * 7 + ["test"] * 7  # 2 + 1 + 1 + 3 windows each
    assert windows.sequence.tolist() == np.arange(14).repeat(4).reshape(-1, 4).tolist()
    parts = row_shards("documents", windows, 3)
    assert parts == shard_documents(windows.document[:, 0], 3)
    limited = row_windows("documents", streams(), CUTTING, at_most=11)  # in each split
    assert limited.document[:, 0].tolist() == [7, 7, 107, 107]


def test_text_that_cannot_be_cut_is_named() -> None:
    alone = TokenStream(np.array([4, 5], np.int32), np.array([0, 1], np.int32))
    with pytest.raises(InputError, match="two tokens"):
        row_windows("documents", streams() | {"test": alone}, CUTTING, None)
    with pytest.raises(InputError, match="too little text"):
        row_windows("train", {"train": alone}, CUTTING, None)
