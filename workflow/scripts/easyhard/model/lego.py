"""The LEGO language model: a frozen embedding, blocks of layers with an exit after each, and an output head."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn

from easyhard.model.layers import Layer, rotary_angles


class Block(nn.Module):
    """Consecutive layers; what leaves the last one is the hidden state of this block's exit."""

    def __init__(self, layers: int, dim: int, heads: int, ffn_dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(dim, heads, ffn_dim) for _ in range(layers))


class Lego(nn.Module):
    """The founding model. `blocks` gives the number of layers of each block.

    The embedding (V, dim), truncated normal of standard deviation 0.02, is frozen. The head (V, dim), truncated
    normal of standard deviation 1/√dim, is untied, has no bias and is trained. There is no final norm. Initial
    weights depend on `seed` alone.
    """

    def __init__(
        self, vocabulary_size: int, *, dim: int, heads: int, ffn_dim: int, blocks: Sequence[int], seed: int
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(vocabulary_size, dim)
            self.blocks = nn.ModuleList(Block(layers, dim, heads, ffn_dim) for layers in blocks)
            self.head = nn.Parameter(torch.empty(vocabulary_size, dim))
            nn.init.trunc_normal_(self.embedding.weight, std=0.02)
            nn.init.trunc_normal_(self.head, std=dim**-0.5)
        self.embedding.weight.requires_grad_(False)
        self.head_dim = dim // heads

    def forward(self, tokens: Tensor) -> Tensor:
        """Hidden states of the last exit, (batch, length) int64 → (batch, length, dim); times headᵀ: logits."""
        return self.layer_states(tokens)[-1]

    def layer_states(self, tokens: Tensor, left_out: int | None = None) -> list[Tensor]:
        """States before the first layer and after each, as many (batch, length, dim) as layers and one more.

        Layer `left_out`, 1 … layers, hands on what it is given. There is no final norm: states times headᵀ are logits.
        """
        cos, sin = (angles.to(self.head) for angles in rotary_angles(tokens.shape[1], self.head_dim))
        states: list[Tensor] = [self.embedding(tokens)]
        for number, layer in enumerate(self.layers, start=1):
            states.append(states[-1] if number == left_out else layer(states[-1], cos, sin))
        return states

    def block_states(self, tokens: Tensor) -> list[Tensor]:
        """States after the last layer of each block."""
        states = self.layer_states(tokens)
        return [states[end] for end in accumulate(len(block.layers) for block in self.blocks)]

    @property
    def layers(self) -> list[Layer]:
        """The layers of all blocks in order."""
        return [layer for block in self.blocks for layer in block.layers]
