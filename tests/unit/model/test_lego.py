"""The model as a whole: its sizes, what is frozen, its initial weights, its exits."""

import pytest
import torch

from easyhard.model.lego import Lego

SIZES = {"dim": 16, "heads": 4, "ffn_dim": 32}


def test_blocks_compose() -> None:
    model = Lego(50, **SIZES, block_layers=[2, 2], seed=1)
    one = Lego(50, **SIZES, block_layers=[4], seed=1)
    weights = {
        name.replace("blocks.1.layers.", "blocks.0.layers.1"): value for name, value in model.state_dict().items()
    }
    weights = {
        name.replace("layers.10", "layers.2").replace("layers.11", "layers.3"): value for name, value in weights.items()
    }
    one.load_state_dict(weights)
    tokens = torch.randint(50, (2, 9))
    torch.testing.assert_close(model(tokens), one(tokens))


def test_founding_sizes() -> None:
    model = Lego(1000, dim=64, heads=4, ffn_dim=256, block_layers=[2], seed=42)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    per_layer = 4 * 64 * 64 + 3 * 64 * 256 + 2 * 64
    assert trained == 2 * per_layer + 1000 * 64
    assert not model.embedding.weight.requires_grad
    assert model.embedding.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert model.head.std().item() == pytest.approx(1 / 8, rel=0.02)
    assert not any("bias" in name for name, _ in model.named_parameters())


def test_weights_depend_on_the_seed_alone() -> None:
    first = Lego(50, **SIZES, block_layers=[2], seed=1)
    torch.randn(3)
    again = Lego(50, **SIZES, block_layers=[2], seed=1)
    other = Lego(50, **SIZES, block_layers=[2], seed=2)
    assert torch.equal(first.head, again.head)
    assert not torch.equal(first.head, other.head)
