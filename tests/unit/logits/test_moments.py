"""Moments of rows, whole and in a stream."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from easyhard.errors import InputError
from easyhard.logits.moments import Moments, moments, pooled


def assert_moments(found: Moments, rows: torch.Tensor) -> None:
    truth = rows.double().numpy()
    assert found.count == len(rows)
    np.testing.assert_allclose(found.mean.numpy(), truth.mean(0), atol=1e-12)
    np.testing.assert_allclose(found.second.numpy(), truth.T @ truth / len(rows), atol=1e-12)
    np.testing.assert_allclose(found.covariance.numpy(), np.cov(truth.T, bias=True), atol=1e-12)


@pytest.mark.parametrize("sizes", [(20000,), (1, 8192, 3, 700), (5, 5)])
def test_batches_together_are_the_whole(sizes: tuple[int, ...]) -> None:
    rows = torch.randn(sum(sizes), 7, generator=torch.Generator().manual_seed(1)) + torch.arange(7)
    assert_moments(moments(rows), rows)
    assert_moments(pooled(moments(batch) for batch in rows.split(sizes)), rows)


def test_batches_are_taken_one_at_a_time() -> None:
    """Each part is asked for only after the one before was added."""
    taken: list[int] = []

    def parts() -> Iterator[Moments]:
        for number in range(3):
            taken.append(number)
            yield moments(torch.full((2, 3), float(number)))

    assert pooled(parts()).mean.tolist() == [1.0, 1.0, 1.0]
    assert taken == [0, 1, 2]


def test_bad_parts_are_named() -> None:
    with pytest.raises(InputError, match=r"^parts: none"):
        pooled([])
    with pytest.raises(InputError, match=r"^parts: dim 4 after dim 3"):
        pooled([moments(torch.ones(2, 3)), moments(torch.ones(2, 4))])
