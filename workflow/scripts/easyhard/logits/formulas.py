"""Each statistic of a token's logits: what one walk over the vocabulary must gather for it, and the formula."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Gathered:
    """What a walk over the vocabulary leaves per token (tokens,), in nats; only what was asked for is set.

    Exponentials are taken relative to `peak`, so that no size of logit overflows.
    """

    peak: Tensor  # the shift c
    total: Tensor | None = None  # sum exp(z - c)
    energy: Tensor | None = None  # sum exp(z - c) (z - c)
    collision: Tensor | None = None  # sum exp(z - c)^2
    maximum: Tensor | None = None  # max z
    mean: Tensor | None = None  # mean z
    spread: Tensor | None = None  # population standard deviation of z
    target: Tensor | None = None  # z of the target
    top_logits: Tensor | None = None  # (tokens, k) float64, falling
    top_words: Tensor | None = None  # (tokens, k) int64
    tail_mass: Tensor | None = None  # (tokens, thresholds)

    def get(self, name: str) -> Tensor:
        """The gathered tensor `name`; asking for one that was not gathered is a programming error."""
        value = getattr(self, name)
        assert isinstance(value, Tensor), name
        return value


Formula = Callable[[Gathered], Tensor]
FORMULAS: dict[str, tuple[tuple[str, ...], Formula]] = {
    "log_sum_exp": (("total",), lambda g: g.peak + g.get("total").log()),
    "max_logit": (("maximum",), lambda g: g.get("maximum")),
    "max_probability": (("maximum", "total"), lambda g: (g.get("maximum") - g.peak).exp() / g.get("total")),
    "mean_logit": (("mean",), lambda g: g.get("mean")),
    "max_minus_mean": (("maximum", "mean"), lambda g: g.get("maximum") - g.get("mean")),
    "logit_std": (("spread",), lambda g: g.get("spread")),
    "entropy": (("total", "energy"), lambda g: g.get("total").log() - g.get("energy") / g.get("total")),
    "renyi2": (("total", "collision"), lambda g: 2 * g.get("total").log() - g.get("collision").log()),
    "target_logit": (("target",), lambda g: g.get("target")),
    "target_probability": (("target", "total"), lambda g: (g.get("target") - g.peak).exp() / g.get("total")),
    "loss": (("target", "total"), lambda g: g.get("total").log() - (g.get("target") - g.peak)),
    "argmax": (("top_words",), lambda g: g.get("top_words")[:, 0]),
    "margin": (("top_logits",), lambda g: (g.get("top_logits")[:, 0] - g.get("top_logits")[:, 1]).to(g.peak.dtype)),
    "top_logits": (("top_logits",), lambda g: g.get("top_logits").to(g.peak.dtype)),
    "tail_mass": (("total", "tail_mass"), lambda g: g.get("tail_mass")),
}
NEEDS_TARGETS = frozenset({"target_logit", "target_probability", "loss"})


def needs(statistics: Iterable[str]) -> frozenset[str]:
    """What must be gathered for `statistics`."""
    return frozenset(need for name in statistics for need in FORMULAS[name][0])


def evaluate(statistics: Iterable[str], gathered: Gathered) -> dict[str, Tensor]:
    """Name -> value of every statistic asked for."""
    return {name: FORMULAS[name][1](gathered) for name in statistics}


def joined(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """One dictionary of whole columns from the dictionaries of consecutive tiles of tokens."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
