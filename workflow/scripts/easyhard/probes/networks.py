"""The three small networks that probes are, with their gradients: linear, one hidden ReLU layer, a mixture of words.

With x the standardised inputs and a last 1, (rows, width + 1):

    linear    x·w
    mlp       relu(x A')·b + c
    mixture   √H softmax(x A')·b + c   a head of H learnt words, and the mean under its softmax of one number a word

√H brings the softmax to the size of a ReLU layer's outputs, so that A and b learn at one rate.

The gradients are written out: they are four lines, and the products then run in `product`, which on the CPU takes less
than half the time of the BLAS behind automatic differentiation.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from easyhard.logits.tiles import product
from easyhard.signals.catalogue import Architecture

Weights = list[Tensor]
Slope = Callable[[Tensor], Tensor]

SPREAD = 0.1  # standard deviation of the first b


def first_weights(architecture: Architecture, width: int, hidden: int, seed: int) -> Weights:
    """Return first weights for `width` inputs, float32 on the CPU: [w], zeros; or [A, b, c], random from `seed` alone.

    w is (1, width + 1); A is (hidden, width + 1), b (hidden,), c (1,).
    """
    if architecture == "linear":
        return [torch.zeros(1, width + 1)]
    generator = torch.Generator().manual_seed(seed)
    layer = torch.randn(hidden, width + 1, generator=generator) / width**0.5
    output = torch.randn(hidden, generator=generator) * SPREAD
    return [layer, output, torch.zeros(1)]


def outputs(architecture: Architecture, weights: Weights, x: Tensor) -> Tensor:
    """Return the outputs (rows,) for x (rows, width + 1)."""
    if architecture == "linear":
        return x @ weights[0][0]
    layer, output, offset = weights
    return _hidden(architecture, product(x, layer)) @ output + offset


def gradients(architecture: Architecture, weights: Weights, x: Tensor, slope: Slope) -> list[Tensor]:
    """Return an objective's gradient by each of `weights`; slope(outputs) is its gradient by the outputs, (rows,)."""
    if architecture == "linear":
        return [slope(outputs(architecture, weights, x))[None] @ x]
    layer, output, offset = weights
    hidden = _hidden(architecture, product(x, layer))  # (rows, hidden)
    score = hidden @ output
    along = slope(score + offset)  # (rows,)
    if architecture == "mlp":  # where a unit is on, as floats: a mask would be copied to them
        before = torch.gt(hidden, 0, out=torch.empty_like(hidden)).mul_(output)
    else:
        before = hidden * (output - score[:, None] / len(output) ** 0.5)
    before.mul_(along[:, None])  # the gradient by what goes into the hidden layer's function, (rows, hidden)
    return [product(before.t(), x.t()), along @ hidden, along.sum()[None]]


def _hidden(architecture: Architecture, before: Tensor) -> Tensor:
    if architecture == "mlp":
        return torch.relu(before)
    return torch.softmax(before, 1).mul_(before.shape[1] ** 0.5)
