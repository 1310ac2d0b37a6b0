"""Whole documents: nested subsets and folds."""

from itertools import pairwise

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.probes.documents import document_folds, nested_subsets, whole_documents
from easyhard.signals.tokens import FIT, SELECT, TEST, TokenTable

FRACTIONS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)


def corpus(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Documents of ragged lengths, and rows that are most of the tokens of some of them, in no order."""
    random = np.random.default_rng(seed)
    documents = np.repeat(random.permutation(40), random.integers(1, 300, 40))
    rows = random.permutation(np.flatnonzero((documents % 3 > 0) & (random.random(len(documents)) < 0.9)))
    return documents, rows


@pytest.mark.parametrize("seed", range(3))
def test_subsets_are_nested_whole_documents_of_the_size_asked_for(seed: int) -> None:
    documents, rows = corpus(seed)
    subsets = nested_subsets(documents, rows, FRACTIONS, seed)
    sizes = {document: int((documents[rows] == document).sum()) for document in np.unique(documents[rows])}
    for fraction, subset in zip(FRACTIONS, subsets, strict=True):
        inside = np.unique(documents[subset])
        np.testing.assert_array_equal(subset, rows[np.isin(documents[rows], inside)])
        assert len(subset) >= fraction * len(rows)
        assert len(subset) - max(sizes[document] for document in inside) < fraction * len(rows)
    for small, large in pairwise(subsets):
        assert set(small) <= set(large)
    assert subsets[-1] is rows
    again, other = (nested_subsets(documents, rows, [0.25], number)[0] for number in (seed, seed + 1))
    np.testing.assert_array_equal(subsets[2], again)
    assert set(again) != set(other)


def test_at_least_one_document_and_at_most_so_many_tokens_of_each_part() -> None:
    documents = np.repeat([3, 8], 50)
    (subset,) = nested_subsets(documents, np.arange(100), [1e-9], seed=0)
    assert len(subset) == 50
    column, part = np.repeat(np.arange(20), 50), np.repeat([FIT, TEST, SELECT], [400, 200, 400])
    tokens = TokenTable(column, column, column, column, part, column)
    fit, select = whole_documents(tokens, 120, seed=0)
    assert (len(fit), len(select), set(part[fit]), set(part[select])) == (150, 150, {FIT}, {SELECT})
    assert set(np.diff(fit)) >= {1}
    assert [len(rows) for rows in whole_documents(tokens, 10_000, seed=0)] == [400, 400]


@pytest.mark.parametrize("folds", [2, 4, 7])
def test_folds_part_the_rows_by_document_about_evenly(folds: int) -> None:
    documents, rows = corpus(1)
    parts = document_folds(documents, rows, folds)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.sort(rows))
    for number, part in enumerate(parts):
        others = np.concatenate(parts[:number] + parts[number + 1 :])
        assert not set(documents[part]) & set(documents[others])
    sizes = [len(part) for part in parts]
    for bad in (1, 4):
        with pytest.raises(InputError, match=f"folds: {bad}; from 2 to the 3 documents of the rows are wanted"):
            document_folds(np.repeat([1, 2, 9], 5), np.arange(15), bad)
    assert max(sizes) - min(sizes) <= np.unique(documents[rows], return_counts=True)[1].max()
