"""What a caller wants of the logits, checked once and handed to every implementation alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.formulas import FORMULAS, NEEDS_TARGETS

MAX_TOP_K = 32


SCALED = "scaled_"
"""What the name of a statistic at a temperature begins with."""


@dataclass(frozen=True)
class Scaled:
    """Statistics of logits that are divided by `temperature`, and the thresholds of their tail masses in nats."""

    temperature: float
    statistics: tuple[str, ...]
    tail_thresholds: tuple[float, ...] = (3.0,)


@dataclass(frozen=True)
class Request:
    """The statistics wanted, and how logits are made: softcap tanh((h W^T + bias) / softcap), -inf where bias is."""

    statistics: tuple[str, ...]
    bias: Tensor | None = None  # (words,)
    softcap: float | None = None
    top_k: int = 2
    tail_thresholds: tuple[float, ...] = (3.0,)
    scaled: Scaled | None = None

    def at_temperature(self, scaled: Scaled) -> "Request":
        """The request that gives what is `scaled`, if states are divided by the temperature.

        c tanh((h.w + b) / c) / T = (c / T) tanh(((h / T).w + b / T) / (c / T)).
        """
        return replace(
            self,
            statistics=scaled.statistics,
            bias=None if self.bias is None else self.bias / scaled.temperature,
            softcap=None if self.softcap is None else self.softcap / scaled.temperature,
            tail_thresholds=scaled.tail_thresholds,
            scaled=None,
        )

    def finish(self, products: Tensor, words: slice | Tensor, unit: float = 1.0) -> Tensor:
        """Turn the products h.w of `words` into their logits, in place; both are `unit` to the nat."""
        bias = None if self.bias is None else self.bias[words].to(products.dtype)
        if bias is not None:
            products.add_(bias, alpha=unit)
        if self.softcap is not None:  # tanh(x) = 2 sigmoid(2x) - 1, five times as fast
            cap = self.softcap * unit
            products.mul_(2 / cap).sigmoid_().mul_(2 * cap).sub_(cap)
            if bias is not None:
                products.masked_fill_(bias == float("-inf"), float("-inf"))
        return products

    def check(self, words: int, targets: Tensor | None) -> None:
        """Raise InputError naming the argument that is wrong."""
        _check_names(self.statistics, targets)
        if self.scaled is not None:
            if not 0 < self.scaled.temperature < float("inf"):
                raise InputError(f"temperature: {self.scaled.temperature}; a positive number is wanted")
            self.at_temperature(self.scaled).check(words, targets)
        if self.bias is not None:
            _check_bias(self.bias, words)
        if self.softcap is not None and not 0 < self.softcap < float("inf"):
            raise InputError(f"softcap: {self.softcap}; a positive number is wanted")
        if not 2 <= self.top_k <= MAX_TOP_K:
            raise InputError(f"top_k: {self.top_k}; 2 to {MAX_TOP_K} is wanted")
        if {"top_logits", "top_words"} & set(self.statistics) and self.top_k > words:
            raise InputError(f"top_k: {self.top_k}; at most the number of words, {words}, is wanted")
        if any(not threshold > 0 for threshold in self.tail_thresholds):
            raise InputError(f"tail_thresholds: {self.tail_thresholds}; positive numbers of nats are wanted")


LINEAR = Request(())


def _check_names(statistics: Sequence[str], targets: Tensor | None) -> None:
    unknown = [name for name in statistics if name not in FORMULAS]
    if unknown or not statistics:
        raise InputError(f"statistics: {unknown or 'none'}; names out of {', '.join(FORMULAS)} are wanted")
    missing = sorted(NEEDS_TARGETS & set(statistics))
    if targets is None and missing:
        raise InputError(f"targets: none, which {', '.join(missing)} cannot do without")


def _check_bias(bias: Tensor, words: int) -> None:
    if bias.shape != (words,) or not bias.is_floating_point():
        raise InputError(f"bias: {bias.dtype} {tuple(bias.shape)}; floats ({words},), one a word, are wanted")
    if bool((bias.isnan() | (bias == float("inf"))).any()):
        raise InputError("bias: has nan or +inf; finite values, or -inf for a masked word, are wanted")
    if bool((bias == float("-inf")).all()):
        raise InputError("bias: -inf for every word; at least one word must stay unmasked")
