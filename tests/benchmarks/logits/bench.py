"""The heavy step, plain against ours: one table of times, ratios, memory and shares of the machine's ceilings.

    python tests/benchmarks/logits/bench.py --tokens 65536

Plain and ours alternate in one process; times are medians. Memory is what the process (on a GPU: PyTorch) held at its
peak beyond inputs, outputs included. The first call of each is for warming up and for memory, and is not timed.
"""

import argparse
import ctypes
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

sys.path.insert(0, str(Path(__file__).parents[3] / "workflow" / "scripts"))
from easyhard.logits.cross_entropy import linear_cross_entropy, per_token_loss
from easyhard.logits.low_rank import low_rank_statistics
from easyhard.logits.statistics import logit_statistics
from easyhard.logits.tiles import product

CHUNK_TOKENS = 4000
RANKS = (1, 2, 5, 10, 20, 32, 64)
SEPARATION_RANKS = (5, 10, 20, 32, 64)
STUDY = ("max_probability", "max_logit", "max_minus_mean", "margin", "entropy", "target_probability", "log_sum_exp")


@dataclass(frozen=True)
class Work:
    """One row of the table; products and bytes are what no way of doing it can go below."""

    name: str
    plain: Callable[[], object]
    ours: Callable[[], object]
    flop: float
    bytes: float


def plain_statistics(hidden: Tensor, head: Tensor) -> list[Tensor]:
    """The founding study's way: whole rows of logits, one pass of PyTorch for each figure."""
    figures = []
    for h in hidden.split(CHUNK_TOKENS):
        z = h @ head.T
        figures += [z.softmax(1).max(1).values, z.max(1).values, z.mean(1), z.std(1), z.topk(2, dim=1).values]
    return figures


def plain_low_rank(hidden: Tensor, head: Tensor, ranks: list[int]) -> list[Tensor]:
    """The founding study's way: a pass per rank for the softmax, one for the logit metrics, one for the separation."""
    u, s, vt = torch.linalg.svd(head, full_matrices=False)
    figures = []
    for rank in ranks:
        right, left = vt[:rank].T * s[:rank], u[:, :rank].T
        for h in hidden.split(CHUNK_TOKENS):
            figures.append((h @ right @ left).softmax(1).max(1).values)
        for h in hidden.split(CHUNK_TOKENS):
            z = h @ right @ left
            figures += [z.max(1).values, z.mean(1), z.topk(2, dim=1).values]
        for h in hidden.split(CHUNK_TOKENS) if rank in SEPARATION_RANKS else []:
            z = h @ right @ left
            figures += [z.max(1).values, z.mean(1)]
    return figures


def training_step(loss_of: Callable[[Tensor, Tensor], Tensor], hidden: Tensor, head: Tensor) -> tuple[Tensor, ...]:
    """Both gradients of the loss."""
    leaves = hidden.detach().requires_grad_(), head.detach().requires_grad_()
    return torch.autograd.grad(loss_of(*leaves), leaves)


def works(hidden: Tensor, head: Tensor, targets: Tensor, step_tokens: int) -> list[Work]:
    """The rows of the table."""
    (tokens, dim), words = hidden.shape, len(head)
    few, few_targets = hidden[:step_tokens], targets[:step_tokens]
    ranks = [rank for rank in RANKS if rank < dim] + [dim]
    read = 4.0 * dim * (tokens + words)
    return [
        Work(
            f"full-rank statistics, {tokens:,} tokens",
            lambda: plain_statistics(hidden, head),
            lambda: logit_statistics(hidden, head, targets, statistics=STUDY),
            2.0 * tokens * words * dim,
            read + 4 * len(STUDY) * tokens,
        ),
        Work(
            f"{len(ranks)} ranks, {tokens:,} tokens",
            lambda: plain_low_rank(hidden, head, ranks),
            lambda: low_rank_statistics(hidden, head, ranks),
            2.0 * tokens * words * (dim + ranks[-2]),
            2 * read + 4 * 5 * len(ranks) * tokens,
        ),
        Work(
            f"loss, {step_tokens:,} tokens",
            lambda: cross_entropy(few @ head.T, few_targets, reduction="none"),
            lambda: per_token_loss(few, head, few_targets),
            2.0 * step_tokens * words * dim,
            4 * dim * (step_tokens + words) + 4 * step_tokens,
        ),
        Work(
            f"training step, {step_tokens:,} tokens",
            lambda: training_step(lambda h, w: cross_entropy(h @ w.T, few_targets, reduction="sum"), few, head),
            lambda: training_step(lambda h, w: linear_cross_entropy(h, w, few_targets), few, head),
            8.0 * step_tokens * words * dim,
            8 * dim * (step_tokens + words),
        ),
    ]


def seconds(function: Callable[[], object], device: torch.device) -> float:
    """Wall time of one call, the device's queue included."""
    start = time.perf_counter()
    function()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def megabytes(function: Callable[[], object], device: torch.device) -> float:
    """Peak memory during one call beyond what was held before it (Linux, or CUDA)."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        function()
        return (torch.cuda.max_memory_allocated() - held) / 1e6
    ctypes.CDLL(None).malloc_trim(0)  # give back what earlier calls freed
    Path("/proc/self/clear_refs").write_text("5")  # sets the high-water mark back to what is resident now
    before = _status("VmRSS")
    function()
    return (_status("VmHWM") - before) / 1e3


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(field))


def ceilings(device: torch.device) -> tuple[float, float]:
    """Operations a second of a large float32 product (the better of two libraries), and bytes a second of a copy."""
    a, b = torch.randn(2, 3072, 3072, device=device)
    times = [seconds(call, device) for _ in range(9) for call in (lambda: torch.mm(a, b), lambda: product(a, b))]
    source = torch.zeros(1 << 27, device=device)
    target = torch.empty_like(source)
    return 2 * 3072**3 / min(times), 2 * source.nbytes / min(
        seconds(lambda: target.copy_(source), device) for _ in range(9)
    )


def row(work: Work, repeats: int, device: torch.device, rate: float, bandwidth: float) -> str:
    """One line of the table."""
    memory = {"ours": megabytes(work.ours, device), "plain": megabytes(work.plain, device)}
    pairs = [(seconds(work.plain, device), seconds(work.ours, device)) for _ in range(repeats)]
    plain, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(p / o for p, o in pairs)
    return (
        f"| {work.name} | {plain:.3f} | {ours:.3f} | {ratio:.1f} | {memory['plain']:,.0f} | {memory['ours']:,.0f} "
        f"| {100 * work.flop / ours / rate:.0f} | {100 * work.bytes / ours / bandwidth:.1f} |"
    )


def scaling(tokens: int, words: int, dim: int, device: torch.device) -> list[str]:
    """Nanoseconds of one core (GPU: of the whole) per logit, and per logit and rank, with each size doubled in turn."""
    workers = torch.get_num_threads() if device.type == "cpu" else 1
    lines = []
    for n, v, d, ranks in [
        (tokens, words, dim, 7),
        (2 * tokens, words, dim, 7),
        (tokens, 2 * words, dim, 7),
        (tokens, words, 2 * dim, 7),
        (tokens, words, dim, 14),
    ]:
        hidden, head, targets = problem(n, v, d, device)
        steps = [round(1 + i * (d - 2) / ranks) for i in range(ranks)]
        full = lambda: logit_statistics(hidden, head, targets, statistics=STUDY)  # noqa: B023, E731
        low = lambda: low_rank_statistics(hidden, head, steps)  # noqa: B023, E731
        unit = [1e9 * workers * min(seconds(f, device) for _ in range(3)) / n / v for f in (full, low)]
        lines.append(f"| {n:,} | {v:,} | {d} | {ranks} | {unit[0]:.2f} | {unit[1] / ranks:.2f} |")
    return lines


def problem(tokens: int, words: int, dim: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Random states, head and targets, of the sizes that RMSNorm and the founding initialisation give."""
    torch.manual_seed(0)
    hidden, head = torch.randn(tokens, dim, device=device), torch.randn(words, dim, device=device) / dim**0.5
    return hidden, head, torch.randint(0, words, (tokens,), device=device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=8192, help="of the statistics; time is proportional to them")
    parser.add_argument("--vocabulary", type=int, default=69830)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--step-tokens", type=int, default=2048, help="of a training step")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true", help="hold ours against torch.compile of the plain code")
    options = parser.parse_args()
    device = torch.device(options.device)
    data = problem(max(options.tokens, options.step_tokens), options.vocabulary, options.dim, device)
    rate, bandwidth = ceilings(device)
    print(f"PyTorch {torch.__version__}, {device}, {torch.get_num_threads()} threads")
    print(f"V = {options.vocabulary:,}, d = {options.dim}, float32")
    print(f"ceilings measured: float32 product {rate / 1e9:,.0f} GFLOP/s, copy {bandwidth / 1e9:,.0f} GB/s\n")
    print("| work | plain s | ours s | ratio | plain MB | ours MB | % of product | % of copy |")
    print("|---|---|---|---|---|---|---|---|")
    for work in works(*data, options.step_tokens):
        if options.compile:
            work = replace(work, plain=torch.compile(work.plain))
        print(row(work, options.repeats, device, rate, bandwidth), flush=True)
    print("\n| tokens | words | dim | ranks | ns per logit | ns per logit and rank |")
    print("|---|---|---|---|---|---|")
    for line in scaling(1024, options.vocabulary // 4, options.dim, device):
        print(line, flush=True)


if __name__ == "__main__":
    main()
