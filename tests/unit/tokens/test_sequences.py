import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.tokens.sequences import cut, sequence_count, train_counts, unseen_targets, used_ids


@pytest.mark.parametrize(("asked", "expected"), [(10_000, 10_304), (2_000, 2_048)])
def test_founding_counts(asked, expected):
    assert sequence_count(2_000_000, asked, 32, 64) == expected
    assert sequence_count(asked * 33, asked, 32, 64) == expected


@pytest.mark.parametrize("seed", range(50))
def test_properties(seed):
    """Whole batches, nothing beyond what was asked or is there, and no batch more would have fitted."""
    random = np.random.default_rng(seed)
    length, batch_size = random.integers(1, 9, size=2).tolist()
    sequences = batch_size + int(random.integers(0, 30))
    ids = random.integers(0, 50, size=batch_size * length + 1 + int(random.integers(0, 300)), dtype=np.int32)
    inputs, targets = cut(ids, sequences, length, batch_size)
    used, limit = inputs.size + 1, min(len(ids), sequences * (length + 1))
    assert inputs.shape == targets.shape == (len(inputs), length)
    assert inputs.dtype == targets.dtype == np.int32
    assert len(inputs) % batch_size == 0
    assert used <= limit < used + batch_size * length
    assert np.concatenate([inputs.ravel(), targets[-1:, -1]]).tolist() == ids[:used].tolist()
    assert targets.ravel().tolist() == ids[1:used].tolist()
    assert used_ids(ids, sequences, length, batch_size).tolist() == ids[:used].tolist()


def test_less_than_one_batch_is_named():
    assert len(cut(np.arange(13), 100, 4, 3)[0]) == 3
    with pytest.raises(InputError, match="too little text: 12 tokens, one batch of 3 sequences of 4 takes 13"):
        cut(np.arange(12), 100, 4, 3)
    with pytest.raises(
        InputError, match="sequences: 2 sequences of 4 do not fill one batch of 3; at least 3 are wanted"
    ):
        cut(np.arange(1_000), 2, 4, 3)


def test_train_counts():
    counts = train_counts(np.array([2, 2, 5, 0], np.int32), vocabulary_size=8)
    assert counts.tolist() == [1, 0, 2, 0, 0, 1, 0, 0]
    assert counts.dtype == np.int64


def test_a_target_beyond_the_used_ids_is_unseen():
    cutting = {"train": 2, "length": 2, "batch_size": 1}  # training sees the first 5 of these ids
    train_ids = np.array([2, 3, 2, 4, 3, 5, 6], np.int32)
    targets = np.array([2, 4, 5, 7, 3], np.int32)
    assert unseen_targets(targets, train_ids, 8, cutting).tolist() == [False, False, True, True, False]
