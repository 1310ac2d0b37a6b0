"""The heavy step, every way against ours: times, ratios, memory and shares of the machine's ceilings.

    python tests/benchmarks/logits/bench.py
    python tests/benchmarks/logits/bench.py --device cuda --tokens 65536      # two shapes, others' kernels too

All ways alternate in one process; times and ratios are medians. Memory is what the process (on a GPU: PyTorch) held at
its peak beyond inputs, outputs included. The first call of each is for warming up and compiling, and is not measured.
"""

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[3] / "workflow" / "scripts"))
sys.path.insert(0, str(Path(__file__).parents[1]))
from contenders import MAKERS, OURS, STUDY, Work, absent
from memory import with_peak

from easyhard.logits.low_rank import LowRankSweep
from easyhard.logits.statistics import logit_statistics
from easyhard.logits.tiles import product


@dataclass(frozen=True)
class Shape:
    """Sizes of a problem, and the works that make sense there."""

    words: int
    dim: int
    dtype: torch.dtype
    tokens: int
    step_tokens: int
    works: tuple[str, ...] = (*MAKERS, "scaling")
    square: int = 8192  # rows of the products that the ceiling is of, at most


SHAPES = {
    "founding": Shape(69_830, 64, torch.float32, 8192, 2048),
    "large": Shape(128_256, 4096, torch.bfloat16, 8192, 8192, ("statistics", "exits", "loss", "step")),
    "small": Shape(3000, 32, torch.float32, 600, 200, square=256),  # to see that everything runs
}


def problem(shape: Shape, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Random states, head and targets, of the sizes that RMSNorm and the founding initialisation give."""
    generator = torch.Generator(device).manual_seed(0)
    tokens = max(shape.tokens, shape.step_tokens)
    hidden, head = (torch.randn(rows, shape.dim, device=device, generator=generator) for rows in (tokens, shape.words))
    targets = torch.randint(0, shape.words, (tokens,), device=device, generator=generator)
    return hidden.to(shape.dtype), (head / shape.dim**0.5).to(shape.dtype), targets


def machine(device: torch.device) -> str:
    """What a reader must know to place the figures."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{name}, {torch.get_num_threads()} threads"


def wait(device: torch.device) -> None:
    """Until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds(function: Callable[[], object], device: torch.device) -> float:
    """Wall time of one call, the device's queue included."""
    start = time.perf_counter()
    function()
    wait(device)
    return time.perf_counter() - start


def seconds_and_megabytes(function: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Wall time of one call, and its peak memory beyond what was held before it (Linux, or CUDA)."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        return seconds(function, device), (torch.cuda.max_memory_allocated() - held) / 1e6
    return with_peak(lambda: seconds(function, device))


def ceilings(device: torch.device, dtype: torch.dtype, size: int) -> tuple[float, float]:
    """Operations a second of a square product (the better of two libraries), and bytes a second of a copy."""
    a, b = torch.randn(2, size, size, device=device).to(dtype)
    times = [seconds(call, device) for _ in range(9) for call in (lambda: torch.mm(a, b), lambda: product(a, b))]
    source = torch.zeros(16 * size * size, device=device)
    target = torch.empty_like(source)
    copies = [seconds(lambda: target.copy_(source), device) for _ in range(9)]
    return 2 * size**3 / min(times), 2 * source.nbytes / min(copies)


@dataclass(frozen=True)
class Measured:
    """One way of one work: seconds, times ours, megabytes, its shares of the product's and of the copy's ceiling, and
    how far its figures are from ours; or why it failed."""

    work: str
    way: str
    seconds: float | None = None
    times_ours: float | None = None
    megabytes: float | None = None
    of_product: float | None = None
    of_copy: float | None = None
    differs: str = ""
    failed: str = ""

    def line(self) -> str:
        """The table's line."""
        if self.seconds is None or self.of_product is None or self.of_copy is None:
            return f"| {self.work} | {self.way} | failed: {self.failed} | | | | | |"
        return (
            f"| {self.work} | {self.way} | {self.seconds:.3g} | {self.times_ours:.1f} | {self.megabytes:,.0f} "
            f"| {100 * self.of_product:.0f} | {100 * self.of_copy:.1f} | {self.differs} |"
        )


def measured(work: Work, repeats: int, device: torch.device, ceiling: tuple[float, float]) -> Iterator[Measured]:
    """What each way of a work takes. A way that fails says why, and the others go on."""
    ours, differs = work.ways[OURS](), {}
    for name, way in work.ways.items():
        try:
            result = way() if name != OURS else None
            wait(device)  # a GPU's errors come late
            differs[name] = difference(result, ours)
        except Exception as error:
            yield Measured(work.name, name, failed=f"{type(error).__name__}: {_first_line(error)}")
    del ours, result
    rounds = [{name: seconds_and_megabytes(work.ways[name], device) for name in differs} for _ in range(repeats)]
    for name in differs:
        median = statistics.median(own[name][0] for own in rounds)
        ratio = statistics.median(own[name][0] / own[OURS][0] for own in rounds)
        megabytes = statistics.median(own[name][1] for own in rounds)
        shares = work.flop / median / ceiling[0], work.bytes / median / ceiling[1]
        yield Measured(work.name, name, median, ratio, megabytes, *shares, differs=differs[name])


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "")[:120].replace("|", "/")


def difference(theirs: object, ours: object) -> str:
    """Largest difference, over the largest of our numbers; nothing where the two ways return different things."""
    if not (isinstance(theirs, tuple) and isinstance(ours, tuple)):
        return ""
    pairs = [(a.float(), b.float()) for a, b in zip(theirs, ours, strict=True)]
    return f"{max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs):.0e}"


def scaling(shape: Shape, device: torch.device) -> Iterator[str]:
    """Nanoseconds of one core (GPU: of the whole) per logit, and per logit and rank, with each size doubled in turn."""
    workers = torch.get_num_threads() if device.type == "cpu" else 1
    tokens, words, dim = 1024, shape.words // 4, shape.dim
    for n, v, d, ranks in [
        (tokens, words, dim, 7),
        (2 * tokens, words, dim, 7),
        (tokens, 2 * words, dim, 7),
        (tokens, words, 2 * dim, 7),
        (tokens, words, dim, 14),
    ]:
        hidden, head, targets = problem(Shape(v, d, shape.dtype, n, n), device)
        steps = [round(1 + i * (d - 2) / ranks) for i in range(ranks)]
        full = lambda: logit_statistics(hidden, head, targets, statistics=STUDY)  # noqa: B023, E731
        low = lambda: LowRankSweep(head, steps).run(hidden)  # noqa: B023, E731
        unit = [1e9 * workers * min(seconds(f, device) for _ in range(3)) / n / v for f in (full, low)]
        yield f"| {n:,} | {v:,} | {d} | {ranks} | {unit[0]:.3g} | {unit[1] / ranks:.3g} |"


def one_shape(
    shape: Shape, names: list[str], against: list[str], repeats: int, device: torch.device, until: float = float("inf")
) -> Iterator[Measured]:
    """Print the table of one shape, and yield what is in it: the works called `names`, done in the ways whose names
    start as `against` says. No work begins after `until`, a time of time.monotonic()."""
    hidden, head, targets = problem(shape, device)
    ceiling = ceilings(device, shape.dtype, min(shape.square, 8192 if device.type == "cuda" else 3072))
    dtype = str(shape.dtype).removeprefix("torch.")
    print(f"\nV = {shape.words:,}, d = {shape.dim:,}, {dtype}; measured ceilings:", end=" ")
    print(f"product {ceiling[0] / 1e9:,.0f} GFLOP/s, copy {ceiling[1] / 1e9:,.0f} GB/s")
    heading("| work | way | s | times ours | MB | % of product | % of copy | differs |")
    for name in names:
        if time.monotonic() > until:
            print(f"| {name} | | no time left | | | | | |")
            continue
        tokens = shape.tokens if name in ("statistics", "exits", "ranks") else shape.step_tokens
        work = MAKERS[name](hidden[:tokens], head, targets[:tokens])
        ways = {way: call for way, call in work.ways.items() if way == OURS or way.startswith(tuple(against))}
        for found in measured(replace(work, ways=ways), repeats, device, ceiling):
            print(found.line(), flush=True)
            yield found


def heading(names: str) -> None:
    print(f"\n{names}\n|{'---|' * (names.count('|') - 1)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, help="default: founding; on a GPU founding and large")
    parser.add_argument("--works", nargs="+", choices=[*MAKERS, "scaling"], help="default: all that the shape has")
    parser.add_argument("--against", nargs="+", default=[""], help="ways beside ours, by the start of their names")
    parser.add_argument("--tokens", type=int, help="of statistics, exits and ranks; time is proportional to them")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    device = torch.device(options.device)
    print(f"{machine(device)}, PyTorch {torch.__version__}")
    if device.type == "cuda" and absent():
        print(f"not installed: {', '.join(absent())}; envs/requirements-bench.txt has them")
    for name in options.shapes or (["founding"] if device.type == "cpu" else ["founding", "large"]):
        shape = replace(SHAPES[name], tokens=options.tokens or SHAPES[name].tokens)
        names = [work for work in options.works or shape.works if work in shape.works]
        list(one_shape(shape, [work for work in names if work in MAKERS], options.against, options.repeats, device))
        if "scaling" in names:
            heading("| tokens | words | dim | ranks | ns per logit | ns per logit and rank |")
            for line in scaling(shape, device):
                print(line, flush=True)


if __name__ == "__main__":
    main()
