"""Standardised inputs: moments of the given rows, whatever the type, the shift or the spread of the columns."""

import numpy as np
import pytest
import torch

from easyhard.probes.standardise import Inputs, moments


def columns(tokens: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(tokens, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("tokens", [1, 255, 20_001])
def test_moments_are_those_of_float64(tokens: int) -> None:
    values = columns(tokens, 7) * torch.arange(1, 8) + 3
    rows = torch.randperm(tokens, generator=torch.Generator().manual_seed(1))[: tokens // 2 + 1]
    found = moments([values[:, :5], values[:, 5:]], rows)
    expected = values[rows].double().numpy()
    np.testing.assert_allclose(found.mean, expected.mean(0), rtol=1e-6)
    deviation = expected.std(0)
    np.testing.assert_allclose(found.deviation, np.where(deviation > 0, deviation, 1), rtol=1e-6)


def test_a_large_common_value_costs_no_digits() -> None:
    values = columns(5_000, 1).double() + 1e4
    found = moments([values], torch.arange(5_000))
    np.testing.assert_allclose(found.deviation, values.numpy().std(0), rtol=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e5])
def test_a_column_that_is_constant_but_for_rounding_becomes_zero(value: float) -> None:
    values = torch.cat([columns(300, 1), torch.full((300, 1), value)], 1)
    values[::2, 1] = torch.nextafter(values[::2, 1], torch.zeros(()))
    x = Inputs([values], moments([values], torch.arange(300))).at(torch.arange(300))
    assert x[:, 1].abs().max() < 0.01
    assert x[:, 0].std(correction=0) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_float_type_is_read_as_float32_with_a_last_one(dtype: torch.dtype) -> None:
    hidden, context = columns(50, 3).to(dtype), columns(50, 2, seed=1)
    groups = [hidden, context]
    x = Inputs(groups, moments(groups, torch.arange(30))).at(torch.tensor([4, 49]))
    assert (x.dtype, x.shape) == (torch.float32, (2, 6))
    whole = np.hstack([hidden.double().numpy(), context.numpy()])
    expected = (whole[[4, 49]] - whole[:30].mean(0)) / whole[:30].std(0)
    np.testing.assert_allclose(x, np.hstack([expected, np.ones((2, 1))]), rtol=1e-4, atol=1e-5)
