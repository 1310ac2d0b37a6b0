"""Each part of a layer against PyTorch's own or a float64 formula."""

import math

import pytest
import torch
from torch import nn

from easyhard.model.layers import CausalAttention, Layer, RMSNorm, SwiGLU, rotary_angles, rotate

SHAPES = [(1, 1, 8), (3, 7, 8), (2, 33, 24)]


@pytest.mark.parametrize("shape", SHAPES)
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


def test_rotated_products_depend_on_the_distance_alone() -> None:
    cos, sin = rotary_angles(20, 8)
    query, key = torch.randn(2, 8)
    queries, keys = rotate(query.expand(20, 8), cos, sin), rotate(key.expand(20, 8), cos, sin)
    products = queries @ keys.T
    for distance in range(-19, 20):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=0, atol=1e-5)


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


def test_attention_is_causal() -> None:
    layer = Layer(8, 2, 16)
    cos, sin = rotary_angles(9, 4)
    x = torch.randn(1, 9, 8)
    changed = x.clone()
    changed[:, 5:] += 1
    torch.testing.assert_close(layer(x, cos, sin)[:, :5], layer(changed, cos, sin)[:, :5])


def test_swiglu_is_the_formula() -> None:
    ffn = SwiGLU(6, 10).double()
    x = torch.randn(4, 6, dtype=torch.float64)
    gate = x @ ffn.w1.weight.T
    expected = (gate / (1 + torch.exp(-gate)) * (x @ ffn.w3.weight.T)) @ ffn.w2.weight.T
    torch.testing.assert_close(ffn(x), expected)


def test_layer_is_post_norm() -> None:
    layer = Layer(8, 2, 16)
    cos, sin = rotary_angles(5, 4)
    x = torch.randn(2, 5, 8)
    middle = nn.functional.rms_norm(x + layer.attention(x, cos, sin), (8,), eps=1e-6)
    expected = nn.functional.rms_norm(middle + layer.ffn(middle), (8,), eps=1e-6)
    torch.testing.assert_close(layer(x, cos, sin), expected)
