"""What is to be known of a GPU in one go: Triton's kernels against float64 there, then times beside others'.

    python tests/benchmarks/logits/gpu.py                       # or: make gpu
    TRITON_INTERPRET=1 python tests/benchmarks/logits/gpu.py --device cpu --tiny      # the same without a GPU

Prints tables and writes them, with the card's name, as JSON. A kernel that is off ends it with exit code 1, after all
is measured. No work begins after so many `--minutes`.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

sys.path.insert(0, str(Path(__file__).parents[3] / "workflow" / "scripts"))
sys.path.insert(0, str(Path(__file__).parents[1]))
from bench import SHAPES, heading, machine, one_shape
from contenders import STUDY, absent

from easyhard.logits import triton_cross_entropy
from easyhard.logits.low_rank import LowRankSweep
from easyhard.logits.statistics import logit_statistics
from easyhard.logits.trust import TOLERANCES

Outcome = dict[str, Tensor]


@dataclass(frozen=True)
class Check:
    """A kernel's largest distance from float64, over the largest of the exact figures or 1; and what is allowed."""

    kernel: str
    dtype: str
    tokens: int
    words: int
    dim: int
    worst: str
    distance: float
    allowed: float

    @property
    def passes(self) -> bool:
        return self.distance <= self.allowed

    def line(self) -> str:
        said = "passes" if self.passes else "IS OFF"
        sizes = f"{self.tokens:,} | {self.words:,} | {self.dim:,}"
        found = f"{self.worst} | {self.distance:.1e} | {self.allowed:g} | {said}"
        return f"| {self.kernel} | {self.dtype} | {sizes} | {found} |"


def statistics(hidden: Tensor, head: Tensor, targets: Tensor) -> tuple[Outcome, Outcome]:
    """The study's statistics and the loss, by the kernel and by their definitions in float64."""
    ours = logit_statistics(hidden, head, targets, statistics=(*STUDY, "loss"), implementation="triton")
    z = hidden.double() @ head.double().T
    p, top = z.softmax(1), z.topk(2, dim=1).values
    own = p.gather(1, targets[:, None])[:, 0]
    exact = {"max_probability": p.amax(1), "max_logit": top[:, 0], "max_minus_mean": top[:, 0] - z.mean(1)}
    exact |= {"margin": top[:, 0] - top[:, 1], "entropy": torch.special.entr(p).sum(1), "target_probability": own}
    return ours, exact | {"log_sum_exp": z.logsumexp(1), "loss": -own.log()}


def low_rank(hidden: Tensor, head: Tensor, _: Tensor) -> tuple[Outcome, Outcome]:
    """The sweep over some ranks, and each rank's logits in float64."""
    dim = hidden.shape[1]
    ranks = sorted({1, max(1, dim // 8), max(1, dim // 2)})
    ours = LowRankSweep(head, ranks)._run_fused(hidden)
    u, s, vt = torch.linalg.svd(head.double(), full_matrices=False)
    exact: Outcome = {}
    for rank in ranks:
        z = (hidden.double() @ vt[:rank].T * s[:rank]) @ u[:, :rank].T
        exact |= {f"{rank}/max_probability": z.softmax(1).amax(1), f"{rank}/max_logit": z.amax(1)}
    return {f"{rank}/{name}": own for rank, all_of in ours.items() for name, own in all_of.items()}, exact


def training_step(hidden: Tensor, head: Tensor, targets: Tensor) -> tuple[Outcome, Outcome]:
    """The losses and the head's gradient of their sum, and the same by automatic differentiation in float64."""
    losses, peak, total, _ = triton_cross_entropy.forward(hidden, head, targets, True)
    gradient = triton_cross_entropy.grad_head(hidden, head, targets, peak, total, torch.ones_like(losses))
    leaf = head.double().requires_grad_()
    exact = cross_entropy(hidden.double() @ leaf.T, targets, reduction="none")
    (exact_gradient,) = torch.autograd.grad(exact.sum(), leaf)
    return {"loss": losses, "gradient": gradient}, {"loss": exact.detach(), "gradient": exact_gradient}


KERNELS: dict[str, Callable[[Tensor, Tensor, Tensor], tuple[Outcome, Outcome]]] = {
    "statistics": statistics,
    "low rank": low_rank,
    "training step": training_step,
}
SIZES = ((1_023, 10_007, 64), (257, 4_099, 1_024), (130, 2_051, 4_096))  # ragged: edges of tiles are part of it
TINY = ((37, 131, 24),)


def checks(sizes: tuple[tuple[int, int, int], ...], dtypes: list[torch.dtype], device: torch.device) -> Iterator[Check]:
    """Every kernel at every size and type."""
    for tokens, words, dim in sizes:
        generator = torch.Generator().manual_seed(0)
        hidden, head = (torch.randn(rows, dim, generator=generator) for rows in (tokens, words))
        targets = torch.randint(words, (tokens,), generator=generator).to(device)
        for dtype in dtypes:
            own = hidden.to(device, dtype), (head / dim**0.5).to(device, dtype), targets
            for name, kernel in KERNELS.items():
                yield _check(name, dtype, (tokens, words, dim), *kernel(*own))


def _check(name: str, dtype: torch.dtype, sizes: tuple[int, int, int], ours: Outcome, exact: Outcome) -> Check:
    distances = {
        figure: float((ours[figure].double() - value).abs().max() / max(1.0, float(value.abs().max())))
        for figure, value in exact.items()
    }
    worst = max(distances, key=lambda figure: (distances[figure] != distances[figure], distances[figure]))
    return Check(name, str(dtype).removeprefix("torch."), *sizes, worst, distances[worst], TOLERANCES[dtype])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="sizes that the interpreter can do, to see that all runs")
    parser.add_argument("--minutes", type=float, default=5.5)
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit(
            "--device cuda: PyTorch finds no CUDA device; one is wanted, or --device cpu --tiny with TRITON_INTERPRET=1"
        )
    print(f"{machine(device)}, PyTorch {torch.__version__}")
    if absent():
        print(f"not installed: {', '.join(absent())}; envs/requirements-bench.txt has them")
    heading("| kernel | type | tokens | words | dim | worst figure | distance | allowed | |")
    dtypes = [torch.float32] if options.tiny else [torch.float32, torch.bfloat16]
    checked = []
    for check in checks(TINY if options.tiny else SIZES, dtypes, device):
        print(check.line(), flush=True)
        checked.append(check)
    shapes = {name: SHAPES[name] for name in (["small"] if options.tiny else ["founding", "large"])}
    if not options.tiny:
        shapes["founding"] = replace(shapes["founding"], tokens=65_536, step_tokens=65_536)
    times = {}
    for name, shape in shapes.items():
        works = [work for work in ("statistics", "ranks", "step") if work in shape.works]
        against = ["plain"] if options.tiny else [""]
        times[name] = [asdict(own) for own in one_shape(shape, works, against, 1 if options.tiny else 3, device, until)]
    told = {"machine": machine(device), "torch": torch.__version__, "checks": [asdict(own) for own in checked]}
    options.out.write_text(json.dumps(told | {"times": times}, indent=1) + "\n", encoding="utf-8")
    sys.exit(not all(check.passes for check in checked))


if __name__ == "__main__":
    main()
