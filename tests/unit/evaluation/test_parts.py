"""Dealing documents out to parts; and what a split by token lets a signal get away with."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from easyhard.errors import InputError
from easyhard.evaluation.auroc import auroc
from easyhard.evaluation.parts import FIT, SELECT, TEST, assign_parts, parts_of_rows

SHARES = {"fit": 0.5, "select": 0.2}


def test_parts_hold_about_the_shares_that_are_wanted() -> None:
    tokens = np.random.default_rng(0).integers(200, 6000, 120)
    for seed in range(5):
        parts = assign_parts(np.arange(120), tokens, [], SHARES, seed)
        shares = [tokens[parts == part].sum() / tokens.sum() for part in (FIT, SELECT, TEST)]
        assert parts.dtype == np.int8
        assert shares == pytest.approx([0.5, 0.2, 0.3], abs=6000 / tokens.sum())


def test_the_seed_decides_and_nothing_else() -> None:
    tokens = np.random.default_rng(1).integers(200, 6000, 40)
    first, again, other = (assign_parts(np.arange(40), tokens, [3], SHARES, seed) for seed in (7, 7, 8))
    assert first.tolist() == again.tolist() != other.tolist()


def test_documents_that_chose_the_epoch_are_never_judged() -> None:
    names, tokens = np.arange(50, 90), np.full(40, 100)
    forced = [50, 61, 72, 88, 89]
    parts = assign_parts(names, tokens, forced, {"fit": 0.2, "select": 0.3}, seed=0)
    assert set(parts[np.isin(names, forced)]) == {FIT}
    assert [int((parts == part).sum()) for part in (FIT, SELECT, TEST)] == [8, 12, 20]
    many = assign_parts(names, tokens, names[:30].tolist(), {"fit": 0.2, "select": 0.3}, seed=0)
    assert [int((many == part).sum()) for part in (FIT, SELECT, TEST)] == [30, 1, 9]


def test_rows_get_their_documents_part() -> None:
    parts = np.array([2, 0, 1], dtype=np.int8)
    assert parts_of_rows([9, 4, 7], parts, [4, 4, 9, 7, 9]).tolist() == [0, 0, 2, 1, 2]
    with pytest.raises(InputError, match="document 8 is none of the 3"):
        parts_of_rows([9, 4, 7], parts, [4, 8])
    with pytest.raises(InputError, match="document 99 is none of the 3"):
        parts_of_rows([9, 4, 7], parts, [4, 99])


@pytest.mark.parametrize(
    ("documents", "tokens", "forced", "shares", "message"),
    [
        ([0, 1], [5, 5], [], SHARES, "documents: 2, 0 of them forced into fit, leave"),
        ([0, 1, 2, 3], [5, 5, 5, 5], [0, 1, 2], SHARES, "leave select without any"),
        ([0, 1, 1], [5, 5, 5], [], SHARES, "documents: 1 are there again"),
        ([0, 1, 2], [5, 5], [], SHARES, r"tokens_per_document: shape \(2,\)"),
        ([0, 1, 2], [5, 5, 5], [4], SHARES, "forced_fit: 4 is none"),
        ([0, 1, 2], [5, 5, 5], [], {"fit": 0.5}, "shares: "),
        ([0, 1, 2], [5, 5, 5], [], {"fit": 0.5, "select": 0.5}, "shares: "),
        ([0, 1, 2], [5, 5, 5], [], {"fit": 0.0, "select": 0.5}, "shares: "),
    ],
)
def test_bad_input_is_named(documents: list, tokens: list, forced: list, shares: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        assign_parts(documents, tokens, forced, shares, seed=0)


def test_a_documents_fingerprint_is_worth_nothing_across_documents_and_much_across_tokens() -> None:
    """The states only tell which document a token is from, and documents differ in how hard they are.

    A look-up of the nearest states learns nothing that holds for a new document; where tokens of one document are on
    both sides it looks the document up, and passes for a signal.
    """
    random = np.random.default_rng(0)
    document = np.repeat(np.arange(120), 40)
    states = random.normal(size=(120, 16))[document] + 0.1 * random.normal(size=(len(document), 16))
    hard = random.random(len(document)) < random.beta(0.5, 0.5, 120)[document]
    by_document = parts_of_rows(np.arange(120), assign_parts(np.arange(120), np.full(120, 40), [], SHARES, 0), document)
    by_token = random.permutation(by_document)
    found = {}
    for name, part in (("document", by_document), ("token", by_token)):
        probe = KNeighborsClassifier(15).fit(states[part == FIT], hard[part == FIT])
        found[name] = auroc(probe.predict_proba(states[part == TEST])[:, 1], hard[part == TEST])
    assert abs(found["document"] - 0.5) < 0.15
    assert found["token"] > 0.8


def test_few_documents_leave_no_part_empty() -> None:
    tokens = [5306, 6694, 434, 8302, 3264]
    for seed in range(20):
        parts = assign_parts(range(5), tokens, [0], {"fit": 0.4, "select": 0.15}, seed)
        assert set(parts.tolist()) == {0, 1, 2}
        assert set(assign_parts(range(3), [9, 1, 1], [], {"fit": 0.4, "select": 0.15}, seed).tolist()) == {0, 1, 2}
