"""Each part of a layer against PyTorch's own or a float64 formula; then the model as a whole."""

import math

import pytest
import torch
from torch import nn

from easyhard.model.layers import CausalAttention, Layer, RMSNorm, SwiGLU, rotary_angles, rotate
from easyhard.model.lego import Lego


@pytest.mark.parametrize("shape", [(1, 1, 8), (2, 33, 24)])
def test_rms_norm_is_pytorchs(shape: tuple[int, int, int]) -> None:
    x = torch.randn(shape, dtype=torch.float64) * 5
    ours, theirs = RMSNorm(shape[-1]).double(), nn.RMSNorm(shape[-1], eps=1e-6).double()
    with torch.no_grad():
        ours.gain.copy_(torch.randn(shape[-1]))
        theirs.weight.copy_(ours.gain)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("head_dim", [2, 6, 16])
def test_rotation_is_multiplication_of_complex_numbers(head_dim: int) -> None:
    length = 11
    x = torch.randn(2, 3, length, head_dim, dtype=torch.float64)
    cos, sin = (angle.double() for angle in rotary_angles(length, head_dim))
    half = head_dim // 2
    exponents = torch.arange(half, dtype=torch.float64) * 2 / head_dim
    angles = torch.arange(length, dtype=torch.float64)[:, None] / 10_000**exponents
    turned = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), angles)
    torch.testing.assert_close(rotate(x, cos, sin), torch.cat([turned.real, turned.imag], -1), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("batch", "length", "dim", "heads"), [(1, 1, 8, 2), (3, 7, 12, 3), (2, 33, 24, 4)])
def test_attention_is_the_formula(batch: int, length: int, dim: int, heads: int) -> None:
    attention = CausalAttention(dim, heads).double()
    x = torch.randn(batch, length, dim, dtype=torch.float64)
    cos, sin = (angle.double() for angle in rotary_angles(length, dim // heads))
    out = torch.zeros(batch, length, dim, dtype=torch.float64)
    query, key, value = (x @ part.weight.T for part in (attention.query, attention.key, attention.value))
    width = dim // heads
    for b in range(batch):
        for h in range(heads):
            own = slice(h * width, (h + 1) * width)
            q, k = rotate(query[b, :, own], cos, sin), rotate(key[b, :, own], cos, sin)
            for t in range(length):
                scores = torch.tensor([(q[t] @ k[s]).item() / math.sqrt(width) for s in range(t + 1)])
                weights = torch.softmax(scores.double(), 0)
                out[b, t, own] = weights @ value[b, : t + 1, own]
    torch.testing.assert_close(attention(x, cos, sin), out @ attention.output.weight.T, rtol=0, atol=1e-6)


def test_a_layer_is_post_norm_and_causal() -> None:
    layer = Layer(8, 2, 16)
    cos, sin = rotary_angles(9, 4)
    x = torch.randn(2, 9, 8)
    middle = nn.functional.rms_norm(x + layer.attention(x, cos, sin), (8,), eps=1e-6)
    expected = nn.functional.rms_norm(middle + layer.ffn(middle), (8,), eps=1e-6)
    torch.testing.assert_close(layer(x, cos, sin), expected)
    changed = x.clone()
    changed[:, 5:] += 1
    torch.testing.assert_close(layer(changed, cos, sin)[:, :5], expected[:, :5])


def test_swiglu_is_the_formula() -> None:
    ffn = SwiGLU(6, 10).double()
    x = torch.randn(4, 6, dtype=torch.float64)
    gate = x @ ffn.w1.weight.T
    expected = (gate / (1 + torch.exp(-gate)) * (x @ ffn.w3.weight.T)) @ ffn.w2.weight.T
    torch.testing.assert_close(ffn(x), expected)


SIZES = {"dim": 16, "heads": 4, "ffn_dim": 32}


def test_blocks_compose() -> None:
    model = Lego(50, **SIZES, blocks=[2, 2], seed=1)
    one = Lego(50, **SIZES, blocks=[4], seed=1)
    later = {"blocks.1.layers.0.": "blocks.0.layers.2.", "blocks.1.layers.1.": "blocks.0.layers.3."}
    one.load_state_dict(
        {later.get(name[:18], name[:18]) + name[18:]: value for name, value in model.state_dict().items()}
    )
    tokens = torch.randint(50, (2, 9))
    torch.testing.assert_close(model(tokens), one(tokens))


def test_founding_sizes() -> None:
    model = Lego(1000, dim=64, heads=4, ffn_dim=256, blocks=[2], seed=42)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    per_layer = 4 * 64 * 64 + 3 * 64 * 256 + 2 * 64
    assert trained == 2 * per_layer + 1000 * 64
    assert not model.embedding.weight.requires_grad
    assert model.embedding.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert model.head.std().item() == pytest.approx(1 / 8, rel=0.02)
    assert not any("bias" in name for name, _ in model.named_parameters())


def test_weights_depend_on_the_seed_alone() -> None:
    first, again, other = (Lego(50, **SIZES, blocks=[2], seed=seed).head for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
