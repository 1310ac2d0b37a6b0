"""The LEGO language model: a frozen embedding, blocks of layers with an exit after each, and an output head."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Literal

import torch
from torch import Tensor, nn

from easyhard.model.layers import Layer, rotary_angles

Leave = Callable[[int, Tensor, Tensor], Tensor]
"""A layer's number, from 1, the states it was given and those it made, to the states it hands on."""


def hand_on(_number: int, _given: Tensor, made: Tensor) -> Tensor:
    """Every layer hands on what it has made."""
    return made


def leave_out(left_out: int | None) -> Leave:
    """The same, but for layer `left_out`, which hands on what it was given."""
    return lambda number, given, made: given if number == left_out else made


class Block(nn.Module):
    """Consecutive layers; what leaves the last one is the hidden state of this block's exit."""

    def __init__(self, layers: int, dim: int, heads: int, ffn_dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(dim, heads, ffn_dim) for _ in range(layers))


class Lego(nn.Module):
    """The founding model. `blocks` gives the number of layers of each block.

    The embedding (V, dim), truncated normal of standard deviation 0.02, is frozen. The head (V, dim), truncated
    normal of standard deviation 1/√dim, is untied, has no bias and is trained. There is no final norm. Initial
    weights depend on `seed` alone. `exit_heads`: all exits share the head, or each block before the last has its own,
    with the same initial weights.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        dim: int,
        heads: int,
        ffn_dim: int,
        blocks: Sequence[int],
        seed: int,
        exit_heads: Literal["shared", "own"] = "shared",
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(vocabulary_size, dim)
            self.blocks = nn.ModuleList(Block(layers, dim, heads, ffn_dim) for layers in blocks)
            self.head = nn.Parameter(torch.empty(vocabulary_size, dim))
            nn.init.trunc_normal_(self.embedding.weight, std=0.02)
            nn.init.trunc_normal_(self.head, std=dim**-0.5)
        own = len(blocks) - 1 if exit_heads == "own" else 0
        self.earlier_heads = nn.ParameterList(self.head.detach().clone() for _ in range(own))
        self.embedding.weight.requires_grad_(False)
        self.head_dim = dim // heads

    def forward(self, tokens: Tensor) -> Tensor:
        """Hidden states of the last exit, (batch, length) int64 → (batch, length, dim); times headᵀ: logits."""
        return self.layer_states(tokens)[-1]

    def layer_states(self, tokens: Tensor, leave: Leave = hand_on) -> list[Tensor]:
        """States before the first layer and after each, as many (batch, length, dim) as layers and one more.

        `leave` says what each layer hands on. There is no final norm: states times headᵀ are logits.
        """
        cos, sin = (angles.to(self.head) for angles in rotary_angles(tokens.shape[1], self.head_dim))
        states: list[Tensor] = [self.embedding(tokens)]
        for number, layer in enumerate(self.layers, start=1):
            states.append(leave(number, states[-1], layer(states[-1], cos, sin)))
        return states

    def block_states(self, tokens: Tensor) -> list[Tensor]:
        """States after the last layer of each block."""
        states = self.layer_states(tokens)
        return [states[end] for end in accumulate(self.sizes)]

    def head_of(self, block: int) -> nn.Parameter:
        """The head (V, dim) of the exit after block number `block`, 0 being the first."""
        return self.earlier_heads[block] if block < len(self.earlier_heads) else self.head

    @property
    def sizes(self) -> list[int]:
        """How many layers each block has."""
        return [len(block.layers) for block in self.blocks]  # type: ignore[arg-type]

    @property
    def layers(self) -> list[Layer]:
        """The layers of all blocks in order."""
        return [layer for block in self.blocks for layer in block.layers]  # type: ignore[union-attr]


class Stage(nn.Module):
    """One block of a LEGO and the head of its exit, to be trained by themselves.

    The first takes token ids (batch, length) and has the embedding, the others the states (batch, length, dim) that
    come out of the block before; all give (batch, length, dim).
    """

    def __init__(self, lego: Lego, block: int) -> None:
        super().__init__()
        self.embedding = lego.embedding if block == 0 else nn.Identity()
        self.layers, self.head = lego.blocks[block].layers, lego.head_of(block)
        self.head_dim = lego.head_dim

    def forward(self, inputs: Tensor) -> Tensor:
        x = self.embedding(inputs)
        cos, sin = (angles.to(self.head) for angles in rotary_angles(x.shape[1], self.head_dim))
        for layer in self.layers:  # type: ignore[union-attr]
            x = layer(x, cos, sin)
        return x
