"""The windows of each row set: founding sequences in whole batches, or every token of whole documents."""

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.rows import SPLITS_OF, row_shards, row_windows
from easyhard.tokens.windows import NO_TOKEN
from easyhard.tokens.words import PADDING

CUTTING = {"length": 4, "train": 6, "validation": 4, "batch_size": 2}
LENGTHS = {7: 9, 3: 1, 8: 2, 5: 5, 6: 13}  # document number → tokens, in the order of the text


def streams() -> dict[str, TokenStream]:
    """Each token counts up from 10; test continues where validation ends."""
    document = np.repeat(list(LENGTHS), list(LENGTHS.values())).astype(np.int32)
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
    held = [set(windows[part].document[:, 0].tolist()) for part in row_shards("documents", windows, 3)]
    assert sum(map(len, held)) == len(set().union(*held)) == 8  # shards part no document
    limited = row_windows("documents", streams(), CUTTING, at_most=11)  # in each split
    assert limited.document[:, 0].tolist() == [7, 7, 107, 107]


def test_text_that_cannot_be_cut_is_named() -> None:
    alone = TokenStream(np.array([4, 5], np.int32), np.array([0, 1], np.int32))
    with pytest.raises(InputError, match="two tokens"):
        row_windows("documents", streams() | {"test": alone}, CUTTING, None)
    with pytest.raises(InputError, match="too little text"):
        row_windows("train", {"train": alone}, CUTTING, None)
