"""Dealing documents out to parts; and what a split by token lets a signal get away with."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from easyhard.errors import InputError
from easyhard.evaluation.parts import FIT, SELECT, TEST, row_parts
from easyhard.evaluation.ranking_metrics import auroc


def documents_parts(
    sizes: np.ndarray | list[int], forced: list[int], seed: int, fit: float = 0.5, select: float = 0.2
) -> np.ndarray:
    """The part of each document, from those of its rows, which must agree; documents are numbered from 50."""
    document = np.random.default_rng(9).permutation(np.repeat(np.arange(50, 50 + len(sizes)), sizes))
    parts = row_parts(document, forced, fit=fit, select=select, seed=seed)
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


def test_the_seed_decides_and_nothing_else() -> None:
    sizes = np.random.default_rng(1).integers(20, 600, 40)
    first, again, other = (documents_parts(sizes, [53], seed).tolist() for seed in (7, 7, 8))
    assert first == again != other


def test_documents_that_chose_the_epoch_are_never_judged() -> None:
    forced = [50, 61, 72, 88, 89]
    parts = documents_parts([100] * 40, forced, seed=0, fit=0.2, select=0.3)
    assert set(parts[np.array(forced) - 50]) == {FIT}
    assert np.bincount(parts).tolist() == [8, 12, 20]
    many = documents_parts([100] * 40, list(range(50, 80)), seed=0, fit=0.2, select=0.3)
    assert np.bincount(many).tolist() == [30, 1, 9]


@pytest.mark.parametrize(
    ("sizes", "forced", "fit", "select", "message"),
    [
        ([5, 5], [], 0.5, 0.2, "documents: 2, 0 of them forced into fit, leave"),
        ([5, 5, 5, 5], [50, 51, 52], 0.5, 0.2, "leave select without any"),
        ([5, 5, 5], [], 0.5, 0.5, "shares: fit 0.5, select 0.5; both above 0"),
        ([5, 5, 5], [], 0.0, 0.5, "shares: "),
    ],
)
def test_bad_input_is_named(sizes: list, forced: list, fit: float, select: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        documents_parts(sizes, forced, 0, fit, select)


def test_a_documents_fingerprint_is_worth_nothing_across_documents_and_much_across_tokens() -> None:
    """The states only tell which document a token is from, and documents differ in how hard they are.

    A look-up of the nearest states learns nothing that holds for a new document; where tokens of one document are on
    both sides it looks the document up, and passes for a signal.
    """
    random = np.random.default_rng(0)
    document = np.repeat(np.arange(120), 40)
    states = random.normal(size=(120, 16))[document] + 0.1 * random.normal(size=(len(document), 16))
    hard = random.random(len(document)) < random.beta(0.5, 0.5, 120)[document]
    by_document = row_parts(document, [], fit=0.5, select=0.2, seed=0)
    by_token = random.permutation(by_document)
    found = {}
    for name, part in (("document", by_document), ("token", by_token)):
        probe = KNeighborsClassifier(15).fit(states[part == FIT], hard[part == FIT])
        found[name] = auroc(probe.predict_proba(states[part == TEST])[:, 1], hard[part == TEST])
    assert abs(found["document"] - 0.5) < 0.15
    assert found["token"] > 0.8


def test_few_documents_leave_no_part_empty() -> None:
    for seed in range(20):
        assert set(documents_parts([5306, 6694, 434, 8302, 3264], [50], seed, 0.4, 0.15)) == {0, 1, 2}
        assert set(documents_parts([9, 1, 1], [], seed, 0.4, 0.15)) == {0, 1, 2}
