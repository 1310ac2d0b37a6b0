"""Resampling units: documents, or sequences where documents are few."""

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.evaluation.clusters import make_clusters


def test_twenty_documents_are_resampled_whole() -> None:
    document = np.repeat(np.arange(100, 120), 5)
    clusters = make_clusters(document, np.arange(100))
    assert (clusters.count, clusters.are_documents) == (20, True)
    assert clusters.index.tolist() == (document - 100).tolist()
    assert clusters.index.dtype == np.int32


def test_with_fewer_documents_sequences_are_even_if_their_numbers_start_again() -> None:
    document = np.repeat(np.arange(19), 6)
    sequence = np.tile([0, 0, 1, 1, 2, 2], 19)
    clusters = make_clusters(document, sequence)
    assert (clusters.count, clusters.are_documents) == (57, False)
    assert clusters.index.tolist() == np.repeat(np.arange(57), 2).tolist()


def test_what_has_no_spread_is_refused() -> None:
    with pytest.raises(InputError, match="sequence: 1 of them"):
        make_clusters(np.zeros(5, dtype=int), np.zeros(5, dtype=int))
    with pytest.raises(InputError, match="sequence: 0 of them"):
        make_clusters(np.zeros(0, dtype=int), np.zeros(0, dtype=int))
    with pytest.raises(InputError, match=r"sequence: shape \(4,\)"):
        make_clusters(np.zeros(5, dtype=int), np.zeros(4, dtype=int))
