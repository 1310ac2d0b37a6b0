"""Triton: the logit of each token's target, with the very rounding that a pass over the vocabulary gives it."""

# mypy: disable-error-code="untyped-decorator, import-untyped, import-not-found"

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from easyhard.logits.triton_tiles import INTERPRETED, Tile, block, finish, products

TARGET_TILE = 32 if INTERPRETED else 64


def target_logits(
    hidden: Tensor, head: Tensor, targets: Tensor, tile: Tile, shared: dict[str, Any], bias: Tensor | None = None
) -> Tensor:
    """(tokens,) float32, LOWEST for a masked word: by the same products as a pass with this tile makes."""
    out = hidden.new_empty(len(hidden), dtype=torch.float32)
    size = min(TARGET_TILE, tile.tokens, tile.words)
    _target_kernel[(triton.cdiv(len(hidden), size),)](
        hidden, head, bias, targets, out, tokens=len(hidden), words=len(head),
        **shared, **{**tile.launch, "TOKENS": size, "WORDS": size},
    )  # fmt: skip
    return out


@triton.jit
def _target_kernel(
    hidden: tl.tensor,
    head: tl.tensor,
    bias: tl.tensor,
    targets: tl.tensor,
    out: tl.tensor,
    tokens: tl.tensor,
    words: tl.tensor,
    softcap: tl.tensor,
    DIM: tl.constexpr,
    PRECISION: tl.constexpr,
    TOKENS: tl.constexpr,
    WORDS: tl.constexpr,
    BLOCK_K: tl.constexpr,
    AXIS: tl.constexpr,
) -> None:
    """Logits of a block of tokens for their own targets: the diagonal of a square tile."""
    rows = tl.program_id(0) * TOKENS + tl.arange(0, TOKENS)
    columns = tl.load(targets + rows, mask=rows < tokens, other=0).to(tl.int32)
    states = block(hidden, rows, tokens, 0, DIM, BLOCK_K)
    z = products(hidden, head, rows, columns, tokens, words, states, DIM, TOKENS, WORDS, BLOCK_K, AXIS, PRECISION)
    z = finish(z, bias, softcap, columns, words, AXIS)
    number = tl.arange(0, TOKENS)
    diagonal = tl.sum(tl.where(number[:, None] == number[None, :], z, 0.0), AXIS)
    tl.store(out + rows, diagonal, mask=rows < tokens)
