"""What every probe asks of its inputs, and how tokens are parted at random."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from easyhard.errors import InputError


def check_inputs(hidden: Tensor, name: str, target: Tensor) -> None:
    """Check hidden states (tokens, dim) and what is to be predicted from them, `name` (tokens,).

    Raises InputError naming the argument on a wrong shape, fewer than two tokens, or a value that is not finite.
    """
    if hidden.ndim != 2 or len(hidden) < 2:
        raise InputError(f"hidden: shape {tuple(hidden.shape)}; (tokens, dim) with at least two tokens is wanted")
    _check_finite("hidden", hidden)
    check_column(name, target, len(hidden))


def check_column(name: str, column: Tensor, tokens: int) -> None:
    """Check a column, `name`, of one finite value for each of the tokens. Raises InputError naming it otherwise."""
    if column.shape != (tokens,):
        raise InputError(f"{name}: shape {tuple(column.shape)}; ({tokens},) is wanted, one value a token of hidden")
    _check_finite(name, column)


def _check_finite(name: str, values: Tensor) -> None:
    bad = int((~torch.isfinite(values)).sum())
    if bad:
        raise InputError(f"{name}: {bad} of {values.numel()} values are not finite; finite numbers are wanted")


def random_parts(tokens: int, shares: Sequence[float], seed: int) -> list[Tensor]:
    """Part the indices 0 … tokens−1 at random: one part a share, rounded up to whole tokens, then the rest.

    Returns int64 tensors of ascending indices, on the CPU. Raises InputError when a part would be empty.
    """
    sizes = [math.ceil(round(share * tokens, 6)) for share in shares]
    sizes.append(tokens - sum(sizes))
    if min(sizes) < 1:
        raise InputError(
            f"tokens: {tokens} parted by shares {list(shares)} leaves a part empty; more tokens are wanted"
        )
    order = torch.randperm(tokens, generator=torch.Generator().manual_seed(seed))
    return [part.sort().values for part in torch.split(order, sizes)]
