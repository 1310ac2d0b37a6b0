"""Checks of what callers hand to the logit functions: one clear error instead of a wrong number."""

import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.tiles import spans

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
NORM_ROWS = 65536


def check_states(hidden: Tensor, head: Tensor) -> None:
    """Raise InputError unless hidden (tokens, dim) and head (words, dim) fit each other."""
    for name, matrix in (("hidden", hidden), ("head", head)):
        if matrix.dim() != 2 or 0 in matrix.shape:
            raise InputError(
                f"{name}: shape {tuple(matrix.shape)}; a matrix with at least one row and column is wanted"
            )
        if matrix.dtype not in FLOATS:
            raise InputError(f"{name}: {matrix.dtype}; float16, bfloat16, float32 or float64 is wanted")
    if head.shape[1] != hidden.shape[1]:
        raise InputError(f"head: dim {head.shape[1]}; hidden's dim, {hidden.shape[1]}, is wanted")
    if head.dtype != hidden.dtype or head.device != hidden.device:
        raise InputError(
            f"head: {head.dtype} on {head.device}; as hidden, {hidden.dtype} on {hidden.device}, is wanted"
        )


def check_targets(targets: Tensor, tokens: int, words: int) -> None:
    """Raise InputError unless targets (tokens,) are int64 word numbers below `words`."""
    if targets.dtype != torch.int64 or targets.shape != (tokens,):
        raise InputError(f"targets: {targets.dtype} {tuple(targets.shape)}; int64 ({tokens},), one a token, is wanted")
    low, high = (int(end) for end in torch.aminmax(targets))
    if low < 0 or high >= words:
        raise InputError(f"targets: values {low}..{high}; word numbers 0..{words - 1} are wanted")


def logit_bound(hidden: Tensor, head: Tensor) -> float:
    """max |h| max |w|, which no |logit| exceeds. Raises InputError where hidden or head is not finite."""
    return largest_norm("hidden", hidden) * largest_norm("head", head)


def largest_norm(name: str, matrix: Tensor) -> float:
    """max |row|. Raises InputError where the matrix called `name` is not finite."""
    wide = torch.float64 if matrix.dtype == torch.float64 else torch.float32
    norms = [torch.linalg.vector_norm(matrix[rows], dim=1, dtype=wide).amax() for rows in spans(len(matrix), NORM_ROWS)]
    largest = float(torch.stack(norms).amax())  # amax hands on nan and inf
    if not largest < float("inf"):
        raise InputError(f"{name}: has rows that are not finite or too long for float32; finite values are wanted")
    return largest
