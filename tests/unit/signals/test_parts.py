"""Documents are dealt out whole, by the shares wanted, and none to the test that chose the epoch; targets know how
often training saw them."""

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.signals.parts import WHOLE, part_text, parted
from easyhard.signals.tokens import FIT, SELECT, TEST
from easyhard.tokens.encoding import TokenStream

CUTTING = {"length": 3, "train": 4, "validation": 2, "batch_size": 2}
SETTINGS = {"seed": 3, "fit": 0.3, "select": 0.3, "sequences": CUTTING}
TRAIN = TokenStream(np.array([2, 3, 2, 4, 2, 5, 3, 6, 2, 2, 2, 2, 2, 7, 7, 7, 7], np.int32), np.zeros(17, np.int32))
VALIDATION = TokenStream(np.arange(30, dtype=np.int32), np.repeat(np.arange(10, dtype=np.int32), 3))
USED = 13  # of train: two batches of two sequences of three, and the last target


def documents_parts(
    sizes: np.ndarray | list[int], forced: list[int], seed: int, fit: float = 0.5, select: float = 0.2
) -> np.ndarray:
    """The part of each document, from those of its rows, which must agree; documents are numbered from 50."""
    document = np.random.default_rng(9).permutation(np.repeat(np.arange(50, 50 + len(sizes)), sizes))
    parts = parted({"document": document}, {"seed": seed, "fit": fit, "select": select}, forced)["part"]
    assert parts.dtype == np.int8
    found = [set(parts[document == own].tolist()) for own in np.unique(document)]
    assert {len(part) for part in found} == {1}
    return np.array([part.pop() for part in found])


def test_parts_hold_about_the_shares_that_are_wanted() -> None:
    sizes = np.random.default_rng(0).integers(20, 600, 120)
    for seed in range(5):
        parts = documents_parts(sizes, [], seed)
        shares = [sizes[parts == part].sum() / sizes.sum() for part in (FIT, SELECT, TEST)]
        assert shares == pytest.approx([0.5, 0.2, 0.3], abs=600 / sizes.sum())


def test_documents_that_chose_the_epoch_are_never_judged() -> None:
    forced = [50, 61, 72, 88, 89]
    parts = documents_parts([100] * 40, forced, seed=0, fit=0.2, select=0.3)
    assert set(parts[np.array(forced) - 50]) == {FIT}
    assert np.bincount(parts).tolist() == [8, 12, 20]
    many = documents_parts([100] * 40, list(range(50, 80)), seed=0, fit=0.2, select=0.3)
    assert np.bincount(many).tolist() == [30, 1, 9]


@pytest.mark.parametrize(
    ("sizes", "forced", "message"),
    [
        ([5, 5], [], "documents: 2, 0 of them forced into fit, leave"),
        ([5, 5, 5, 5], [50, 51, 52], "leave select without any"),
    ],
)
def test_too_few_documents_are_named(sizes: list, forced: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        documents_parts(sizes, forced, 0)


def test_sequences_stand_in_for_documents_that_are_too_few(caplog: pytest.LogCaptureFixture) -> None:
    document, sequence = np.repeat([7, 8], [40, 60]), np.repeat(np.arange(20), 5)
    own = parted({"document": document, "sequence": sequence}, SETTINGS, [7])
    assert "2 documents, 1 of them forced into fit, are too few to part; sequences stand in" in caplog.text
    np.testing.assert_array_equal(own["document"], sequence)
    np.testing.assert_array_equal(own[WHOLE], document)
    assert set(own["part"][document == 7]) == {FIT}  # what chose the epoch is not judged, whatever it is called
    assert set(own["part"][document == 8]) >= {SELECT, TEST}
    for number in range(20):
        assert len(set(own["part"][sequence == number])) == 1


@pytest.mark.parametrize(("fewest", "stand_in"), [(1, False), (3, True)])
def test_fit_has_a_document_for_each_fold(fewest: int, stand_in: bool) -> None:
    rows = {"document": np.repeat(np.arange(3), 10), "sequence": np.repeat(np.arange(15), 2)}
    own = parted(rows, SETTINGS, fewest=fewest)
    assert (WHOLE in own) == stand_in
    assert len(np.unique(own["document"][own["part"] == FIT])) >= fewest


def test_few_documents_leave_no_part_empty() -> None:
    for seed in range(20):
        assert set(documents_parts([5306, 6694, 434, 8302, 3264], [50], seed, 0.4, 0.15)) == {0, 1, 2}
        assert set(documents_parts([9, 1, 1], [], seed, 0.4, 0.15)) == {0, 1, 2}


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


def test_parts_that_are_given_stay() -> None:
    given = rows() | {"part": np.repeat(np.array([2, 1, 0], np.int8), 30)}
    assert parted(given, SETTINGS) is given
    drawn = parted(rows(), SETTINGS)
    assert drawn["part"].dtype == np.int8
    assert np.bincount(drawn["part"]).tolist() == [30, 30, 30]
