"""Documents are parted whole; those that chose the epoch go to fit; targets know how often training saw them."""

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.parts import part_text, parted

CUTTING = {"length": 3, "train": 4, "validation": 2, "batch_size": 2}
SETTINGS = {"seed": 3, "fit": 0.3, "select": 0.3, "sequences": CUTTING}
TRAIN = TokenStream(np.array([2, 3, 2, 4, 2, 5, 3, 6, 2, 2, 2, 2, 2, 7, 7, 7, 7], np.int32), np.zeros(17, np.int32))
VALIDATION = TokenStream(np.arange(30, dtype=np.int32), np.repeat(np.arange(10, dtype=np.int32), 3))
USED = 13  # of train: two batches of two sequences of three, and the last target


def rows() -> dict[str, np.ndarray]:
    """Documents 1 to 9 of ten rows each; document 0 has but one token, so no row."""
    document = np.repeat(np.arange(1, 10, dtype=np.int32), 10)
    return {"document": document, "target": np.arange(90, dtype=np.int32) % 9, "loss": np.ones(90, np.float32)}


def test_a_model_trained_here_has_seen_its_sequences_alone() -> None:
    found, counts = part_text(rows(), TRAIN, VALIDATION, 9, SETTINGS)
    assert counts.tolist() == np.bincount(TRAIN.token[:USED], minlength=9).tolist()
    assert counts[7] == 0
    assert found["target_count"].dtype == np.int32
    assert found["target_count"].tolist() == [counts[target] for target in rows()["target"]]
    np.testing.assert_array_equal(found["loss"], rows()["loss"])
    assert set(found["part"][np.isin(found["document"], [1, 2])]) == {0}  # read by the two sequences that stop training
    for document in range(1, 10):
        assert len(set(found["part"][found["document"] == document])) == 1
    assert set(found["part"]) == {0, 1, 2}


def test_a_model_from_elsewhere_is_told_of_the_whole_train_text_and_of_no_epoch() -> None:
    found, counts = part_text(rows(), TRAIN, None, 9, SETTINGS | {"seed": 0})
    assert counts.tolist() == np.bincount(TRAIN.token, minlength=9).tolist()
    np.testing.assert_array_equal(found["part"], parted(rows(), SETTINGS | {"seed": 0})["part"])
    drawn = [part_text(rows(), TRAIN, None, 9, SETTINGS | {"seed": seed})[0]["part"][:20] for seed in range(20)]
    assert any(part.any() for part in drawn)  # documents 1 and 2 are not forced into fit


def test_words_beyond_the_vocabulary_are_named() -> None:
    with pytest.raises(InputError, match="train ids: 7 lies outside the vocabulary"):
        part_text(rows(), TRAIN, None, 7, SETTINGS)


def test_parts_that_are_given_stay() -> None:
    given = rows() | {"part": np.repeat(np.array([2, 1, 0], np.int8), 30)}
    assert parted(given, SETTINGS) is given
    drawn = parted(rows(), SETTINGS)
    assert drawn["part"].dtype == np.int8
    assert np.bincount(drawn["part"]).tolist() == [30, 30, 30]
