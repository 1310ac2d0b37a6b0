"""The works that are timed, and the ways of doing each: the plain one, torch.compile of it, others' kernels, ours."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from easyhard.logits.cross_entropy import Reduction, linear_cross_entropy
from easyhard.logits.exits import exit_statistics
from easyhard.logits.low_rank import LowRankSweep
from easyhard.logits.statistics import logit_statistics

OURS = "ours"
CHUNK_TOKENS = 4000
EXITS = 4
RANKS = (1, 2, 5, 10, 20, 32, 64)
SEPARATION_RANKS = (5, 10, 20, 32, 64)
STUDY = ("max_probability", "max_logit", "max_minus_mean", "margin", "entropy", "target_probability", "log_sum_exp")

Loss = Callable[[Tensor, Tensor, Tensor, Reduction], Tensor]  # of hidden, head and targets


@dataclass(frozen=True)
class Work:
    """One work and every way of doing it. Ways that return tuples return the same: these are held against ours."""

    name: str
    ways: dict[str, Callable[[], object]]
    flop: float  # what no way of doing it can go below
    bytes: float


def _statistics(hidden: Tensor, head: Tensor, targets: Tensor) -> Work:
    def plain() -> object:
        return plain_statistics(hidden, head)

    alone = {f"{name}, the loss alone": _call(loss, hidden, head, targets) for name, loss in others(hidden).items()}
    return Work(
        f"full-rank statistics, {len(hidden):,} tokens",
        {
            "plain": plain,
            "torch.compile": torch.compile(plain),
            **alone,
            OURS: lambda: logit_statistics(hidden, head, targets, statistics=STUDY),
        },
        2.0 * hidden.numel() * len(head),
        hidden.nbytes + head.nbytes + 4 * len(STUDY) * len(hidden),
    )


def _ranks(hidden: Tensor, head: Tensor, _: Tensor) -> Work:
    tokens, dim = hidden.shape
    ranks = [rank for rank in RANKS if rank < dim] + [dim]

    def plain() -> object:
        return plain_low_rank(hidden, head, ranks)

    return Work(
        f"{len(ranks)} ranks, {tokens:,} tokens",
        {
            "plain": plain,
            "torch.compile": torch.compile(plain),  # of the whole: it computes only once what several passes share
            OURS: lambda: LowRankSweep(head, ranks).run(hidden),
        },
        2.0 * tokens * len(head) * (dim + ranks[-2]),
        2 * (hidden.nbytes + head.nbytes) + 4 * 5 * len(ranks) * tokens,
    )


def _exits(hidden: Tensor, head: Tensor, targets: Tensor) -> Work:
    """As many states as `hidden` has, shared out among the exits; one exit at a time gives no divergences."""
    tokens = len(hidden) // EXITS
    states, own = hidden[: EXITS * tokens].view(EXITS, tokens, -1), targets[:tokens]
    return Work(
        f"statistics of {EXITS} exits, {tokens:,} tokens",
        {
            "each alone": lambda: [logit_statistics(h, head, own, statistics=STUDY) for h in states],
            OURS: lambda: exit_statistics(states, head, own, statistics=STUDY),
        },
        2.0 * states.numel() * len(head),
        states.nbytes + head.nbytes + 4 * (len(STUDY) + 2) * len(states) * tokens,
    )


def _loss(hidden: Tensor, head: Tensor, targets: Tensor) -> Work:
    ways = {name: _call(loss, hidden, head, targets) for name, loss in losses(hidden).items()}
    return Work(
        f"loss, {len(hidden):,} tokens",
        ways | {OURS: lambda: (logit_statistics(hidden, head, targets, statistics=("loss",))["loss"],)},
        2.0 * hidden.numel() * len(head),
        hidden.nbytes + head.nbytes + 4 * len(hidden),
    )


def _step(hidden: Tensor, head: Tensor, targets: Tensor) -> Work:
    def way(loss: Loss) -> Callable[[], object]:
        return lambda: gradients(loss, hidden, head, targets)

    return Work(
        f"training step, {len(hidden):,} tokens",
        {name: way(loss) for name, loss in (losses(hidden) | {OURS: linear_cross_entropy}).items()},
        8.0 * hidden.numel() * len(head),
        2 * (hidden.nbytes + head.nbytes),
    )


MAKERS = {  # of hidden, head, targets
    "statistics": _statistics,
    "exits": _exits,
    "ranks": _ranks,
    "loss": _loss,
    "step": _step,
}


def _call(loss: Loss, hidden: Tensor, head: Tensor, targets: Tensor) -> Callable[[], object]:
    def call() -> object:
        with torch.no_grad():
            return (loss(hidden, head, targets, "none"),)

    return call


def gradients(loss: Loss, hidden: Tensor, head: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
    """A training step of the loss: its gradients to states and head."""
    leaves = hidden.detach().requires_grad_(), head.detach().requires_grad_()
    return torch.autograd.grad(loss(*leaves, targets, "sum"), leaves)


def losses(hidden: Tensor) -> dict[str, Loss]:
    """Every way to the loss but ours, for states on this device."""
    return {"plain": plain_loss, "torch.compile": torch.compile(plain_loss), **others(hidden)}


def plain_loss(hidden: Tensor, head: Tensor, targets: Tensor, reduction: Reduction) -> Tensor:
    return cross_entropy(hidden @ head.T, targets, reduction=reduction)


def cut_cross_entropy(hidden: Tensor, head: Tensor, targets: Tensor, reduction: Reduction) -> Tensor:
    """Apple's kernels. They leave out gradients below a threshold, and take 16-bit states only for them."""
    from cut_cross_entropy import linear_cross_entropy as theirs

    return theirs(hidden, head, targets, reduction=reduction)


def liger(hidden: Tensor, head: Tensor, targets: Tensor, reduction: Reduction) -> Tensor:
    """LinkedIn's: whole rows of logits, a few tokens at a time; gradients are made beside the loss."""
    from liger_kernel.transformers.functional import liger_fused_linear_cross_entropy as theirs

    return theirs(hidden, head, targets, reduction=reduction)


OTHERS: dict[str, tuple[str, Loss]] = {
    "cut-cross-entropy": ("cut_cross_entropy", cut_cross_entropy),
    "Liger-Kernel": ("liger_kernel", liger),
}


def absent() -> list[str]:
    """Those of OTHERS that are not installed."""
    return [name for name, (module, _) in OTHERS.items() if find_spec(module) is None]


def others(hidden: Tensor) -> dict[str, Loss]:
    """Those of OTHERS that are installed; they are for GPUs."""
    return {name: loss for name, (_, loss) in OTHERS.items() if hidden.is_cuda and name not in absent()}


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
