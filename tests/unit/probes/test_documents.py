"""Whole documents: nested subsets and folds."""

from itertools import pairwise

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.probes.documents import document_folds, nested_subsets

FRACTIONS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)


def corpus(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Documents of ragged lengths, and rows that are most of the tokens of some of them, in no order."""
    random = np.random.default_rng(seed)
    documents = np.repeat(random.permutation(40), random.integers(1, 300, 40))
    rows = random.permutation(np.flatnonzero((documents % 3 > 0) & (random.random(len(documents)) < 0.9)))
    return documents, rows


@pytest.mark.parametrize("seed", range(5))
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
    np.testing.assert_array_equal(subsets[-1], rows)


def test_the_order_depends_on_the_seed() -> None:
    documents, rows = corpus(0)
    one, same, other = (nested_subsets(documents, rows, [0.2], seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert set(one) != set(other)


def test_at_least_one_document() -> None:
    documents = np.repeat([3, 8], 50)
    (subset,) = nested_subsets(documents, np.arange(100), [1e-9], seed=0)
    assert len(subset) == 50


@pytest.mark.parametrize("fraction", [0, 1.1, float("nan")])
def test_fraction_out_of_range(fraction: float) -> None:
    with pytest.raises(InputError, match=r"fractions: .* a share above 0 and at most 1 is wanted"):
        nested_subsets(np.zeros(3, dtype=int), np.arange(3), [fraction], seed=0)


@pytest.mark.parametrize("folds", [2, 4, 7])
def test_folds_part_the_rows_by_document_about_evenly(folds: int) -> None:
    documents, rows = corpus(1)
    parts = document_folds(documents, rows, folds)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.sort(rows))
    for number, part in enumerate(parts):
        others = np.concatenate(parts[:number] + parts[number + 1 :])
        assert not set(documents[part]) & set(documents[others])
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= np.unique(documents[rows], return_counts=True)[1].max()


@pytest.mark.parametrize("folds", [1, 4])
def test_too_few_documents_for_the_folds(folds: int) -> None:
    with pytest.raises(InputError, match=f"folds: {folds}; from 2 to the 3 documents of the rows are wanted"):
        document_folds(np.repeat([1, 2, 9], 5), np.arange(15), folds)


def test_no_rows() -> None:
    with pytest.raises(InputError, match="rows: none"):
        nested_subsets(np.zeros(3, dtype=int), np.arange(0), [1], seed=0)
