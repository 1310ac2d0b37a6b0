"""Tiles of the logits: how large, which thread computes which, and the product that fills one.

A tile is computed by one thread, start to end, while it lies in that core's cache; sums over tiles are taken in tile
order. So no result depends on the number of threads.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import torch
from torch import Tensor

Item = TypeVar("Item")
Result = TypeVar("Result")

LOG2_E = 1.4426950408889634
# Below this bound on |log2(e) z|, exp2(z) and its square times any vocabulary stay inside float32 without a shift.
SAFE_EXPONENT = 50.0
LOWEST = -1e30  # a finite stand-in for -inf: exp2 of it is 0, and its differences are numbers


@dataclass(frozen=True)
class TileShape:
    """Tokens and words of one tile of logits."""

    tokens: int
    words: int


def tile_shape(device: torch.device) -> TileShape:
    """2 MiB of float32 on the CPU, 64 MiB elsewhere, where launching kernels is what smaller ones would cost.

    Measured on two cores at d = 64: with 256 tokens everything takes 10-20 % longer (threads wait for Python's lock),
    with 1,024 the low-rank sweep, which holds most at a time, nearly twice as long.
    """
    return TileShape(512, 1024) if device.type == "cpu" else TileShape(2048, 8192)


def spans(length: int, size: int) -> list[slice]:
    """Cut 0..length into consecutive slices of `size`, the last one shorter."""
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """The type that sums are kept in: float64 for float64, float32 for everything narrower."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def product(rows: Tensor, columns: Tensor, plus: Tensor | None = None) -> Tensor:
    """rows (M, K) times columns (N, K) transposed, and `plus` (M, N) added where given: a new (M, N).

    On the CPU in float32 this asks oneDNN, whose AVX-512 product has twice the speed of the BLAS behind `@` on AMD.
    Give it contiguous matrices or their transposes: for other strides oneDNN has only a loop 100 times slower.
    """
    if rows.device.type == "cpu" and rows.dtype == torch.float32 and torch.backends.mkldnn.is_available():
        linear: Any = torch.ops.mkldnn._linear_pointwise
        if plus is None:
            return linear(rows, columns, None, "none", [], "")
        return linear.binary(rows, plus, columns, None, "add")
    return rows @ columns.t() if plus is None else torch.addmm(plus, rows, columns.t())


def worker_count(device: torch.device) -> int:
    """Tiles computed at once: PyTorch's number of threads on the CPU, one stream of kernels elsewhere."""
    return torch.get_num_threads() if device.type == "cpu" else 1


def each(function: Callable[[Item], Result], items: Iterable[Item], device: torch.device) -> Iterator[Result]:
    """Yield function(item), in order, without gradients; worker_count(device) run at once, each on one thread."""
    workers, quiet = worker_count(device), torch.no_grad()(function)
    if workers == 1:
        yield from map(quiet, items)
        return
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield from pool.map(quiet, items)


def shift_to_peak(logits: Tensor, peak: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the online softmax, for logits that may be too large to exponentiate as they are.

    Raises peak (tokens,), in place, to the largest logit so far. Returns log2(e)(z - peak) (tokens, words), ready for
    exp2, and how far the old peak lies below the new one, log2(e)(old - new) (tokens,), which rescales older sums.
    """
    raised = torch.maximum(peak, logits.amax(1))
    drop = (peak - raised) * LOG2_E
    peak.copy_(raised)
    return (logits - raised[:, None]).mul_(LOG2_E), drop


class TargetColumns:
    """Where the targets (tokens,) lie in each tile of `tile_words` words.

    `rows` are token numbers and `words` their targets, sorted by target; `parts[i]` cuts out what belongs to tile i.
    """

    def __init__(self, targets: Tensor, words: int, tile_words: int) -> None:
        self.tile_words = tile_words
        self.words, self.rows = targets.sort(stable=True)
        starts = torch.arange(0, words + tile_words, tile_words, device=targets.device)
        edges = torch.searchsorted(self.words, starts).tolist()
        self.parts = [slice(start, stop) for start, stop in pairwise(edges)]

    def of(self, number: int) -> tuple[Tensor, Tensor]:
        """Token numbers, and columns inside tile `number`, of the targets that lie in it."""
        part = self.parts[number]
        return self.rows[part], self.words[part] - number * self.tile_words
