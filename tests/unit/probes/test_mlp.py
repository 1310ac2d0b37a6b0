"""The perceptrons: shapes, sizes and initialisation."""

import math

import pytest
import torch
from torch import nn

from easyhard.probes.mlp import HIDDEN_SIZES, he_mlp, mlp


@pytest.mark.parametrize(
    ("probe", "parameters"), [("linear", 65), ("mlp2", 8_449), ("mlp3", 24_961), ("mlp2_wide", 16_897)]
)
def test_founding_sizes(probe: str, parameters: int) -> None:
    model = mlp(64, HIDDEN_SIZES[probe], seed=0)
    assert sum(weights.numel() for weights in model.parameters()) == parameters
    assert model(torch.zeros(7, 64)).shape == (7,)
    assert model(torch.zeros(1, 64)).shape == (1,)


def test_equals_the_formula() -> None:
    model = mlp(3, (5,), seed=1).double()
    first, _, second, _ = model
    x = torch.randn(11, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = (x @ first.weight.T + first.bias).clamp(min=0) @ second.weight[0] + second.bias[0]
    torch.testing.assert_close(model(x), expected)


def test_the_seed_decides_the_weights_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, same, other = (mlp(64, (128,), seed=seed)[0].weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_default_weights_lie_in_pytorchs_range() -> None:
    weight = mlp(64, (4_000,), seed=0)[0].weight
    assert weight.abs().max() <= 1 / 8
    assert weight.std().item() == pytest.approx(1 / 8 / math.sqrt(3), rel=0.02)


def test_he_weights_have_variance_two_over_inputs_and_no_bias() -> None:
    for layer in he_mlp(64, (4_000,), seed=0):
        if isinstance(layer, nn.Linear):
            assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / layer.in_features), rel=0.05)
            assert not layer.bias.any()
