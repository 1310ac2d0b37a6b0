"""What a caller wants of the logits, checked once and handed to every implementation alike."""

from dataclasses import dataclass

from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.formulas import FORMULAS, NEEDS_TARGETS, Gathered, evaluate
from easyhard.logits.softcap import check_softcap

MAX_TOP_K = 32
SCALED = "scaled_"  # what the name of a statistic at a temperature begins with


@dataclass(frozen=True)
class Scaled:
    """Statistics of logits that are divided by `temperature`, and the thresholds of their tail masses in nats."""

    temperature: float
    statistics: tuple[str, ...]
    tail_thresholds: tuple[float, ...] = (3.0,)


NOT_SCALED = Scaled(1.0, (), ())


@dataclass(frozen=True)
class Request:
    """The statistics wanted, and how logits are made: softcap tanh(h W^T / softcap) where there is a softcap."""

    statistics: tuple[str, ...]
    softcap: float | None = None
    top_k: int = 2
    tail_thresholds: tuple[float, ...] = (3.0,)
    scaled: Scaled = NOT_SCALED

    def evaluate(self, plain: Gathered, scaled: Gathered) -> dict[str, Tensor]:
        """Name -> value of every statistic, from what is gathered of the logits and of those at the temperature."""
        values = evaluate(self.scaled.statistics, scaled)
        return evaluate(self.statistics, plain) | {SCALED + name: value for name, value in values.items()}

    def check(self, words: int, targets: Tensor | None) -> None:
        """Raise InputError naming the argument that is wrong."""
        names = (*self.statistics, *self.scaled.statistics)
        unknown = [name for name in names if name not in FORMULAS]
        if unknown or not self.statistics:
            raise InputError(f"statistics: {unknown or 'none'}; names out of {', '.join(FORMULAS)} are wanted")
        missing = sorted(NEEDS_TARGETS & set(names))
        if targets is None and missing:
            raise InputError(f"targets: none, which {', '.join(missing)} cannot do without")
        if not 0 < self.scaled.temperature < float("inf"):
            raise InputError(f"temperature: {self.scaled.temperature}; a positive number is wanted")
        check_softcap(self.softcap)
        if not 2 <= self.top_k <= MAX_TOP_K:
            raise InputError(f"top_k: {self.top_k}; 2 to {MAX_TOP_K} is wanted")
        if "top_logits" in names and self.top_k > words:
            raise InputError(f"top_k: {self.top_k}; at most the number of words, {words}, is wanted")
        thresholds = (*self.tail_thresholds, *self.scaled.tail_thresholds)
        if any(not threshold > 0 for threshold in thresholds):
            raise InputError(f"tail_thresholds: {thresholds}; positive numbers of nats are wanted")
