"""The small models that read hidden states: ReLU multilayer perceptrons with one output."""

from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import nn

HIDDEN_SIZES: dict[str, tuple[int, ...]] = {"linear": (), "mlp2": (128,), "mlp3": (128, 128), "mlp2_wide": (256,)}


def mlp(dim: int, hidden_sizes: Iterable[int], *, seed: int) -> nn.Sequential:
    """Return a perceptron (tokens, dim) → (tokens,) on the CPU, with PyTorch's default initialisation from `seed`."""
    sizes = [dim, *hidden_sizes, 1]
    layers: list[nn.Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Flatten(0))


def he_mlp(dim: int, hidden_sizes: Iterable[int], *, seed: int) -> nn.Sequential:
    """Return `mlp` with He's normal initialisation (weights of variance 2 / inputs, zero biases; arXiv:1502.01852)."""
    model = mlp(dim, hidden_sizes, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)
    return model
