"""Exit policies: rules that say at each exit of a model, from what a signal says there, whether a token leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from scipy.stats import beta

Column = NDArray[np.float64]

KINDS: Final = {
    "one": "one threshold for all exits",
    "each": "a threshold an exit, at equal shares",
    "decaying": "a threshold that falls with the position (CALM, arXiv:2207.07061)",
    "patience": "as many exits in a row with the same first choice (PABEE, arXiv:2006.04152)",
    "beta": "one threshold on the probability of agreement by a Beta mixture (FREE, arXiv:2310.05424)",
    "learnt": "one threshold on a predicted excess loss",
}
EDGE: Final = 1e-6  # confidences are kept so far from 0 and 1, where densities may be infinite
START, FALL, RATE = 0.1, 0.9, 4.0  # CALM: λ(t) = 0.9 λ + 0.1 exp(−4 t / N)

Self = TypeVar("Self", bound="Policy")


@dataclass(frozen=True)
class Mixture:
    """Two Beta densities of a confidence, of the tokens that agree with the last exit and of the others.

    `agree` and `differ` are their shapes (a, b); `share` is that of the tokens that agree.
    """

    share: float
    agree: tuple[float, float]
    differ: tuple[float, float]

    def posterior(self, confidence: ArrayLike) -> Column:
        """The probability that a token agrees, given its confidence in 0 … 1, (tokens,)."""
        x = np.clip(np.asarray(confidence, dtype=np.float64), EDGE, 1 - EDGE)
        odds = np.log(self.share) - np.log1p(-self.share)
        return np.asarray(expit(odds + beta.logpdf(x, *self.agree) - beta.logpdf(x, *self.differ)))


@dataclass(frozen=True)
class Policy:
    """A token leaves at the first exit where its level is at least that exit's threshold, else at the last.

    `signal` is the name of a column without its exit; `exits` are layers, rising, the last of the model among them;
    `high_leaves` says whether high values stand for leaving. `thresholds` has one an exit but the last, in the units of
    `level`. `window` is N of a decaying threshold; `mixtures` those of a Beta mixture, one an exit but the last.
    """

    kind: str
    signal: str
    exits: Sequence[int]
    high_leaves: bool
    thresholds: Sequence[float] = ()
    window: int | None = None
    mixtures: Sequence[Mixture] | None = None

    @property
    def name(self) -> str:
        """kind/signal."""
        return f"{self.kind}/{self.signal}"

    def level(self, number: int, values: ArrayLike, position: ArrayLike) -> Column:
        """What is held against the threshold of exit number `number`, 0 … exits − 2, (tokens,); high leaves.

        values: of the signal there; position: in the window, from 0. The value or its negative; for a decaying
        threshold the λ at which the token just leaves; for a mixture the probability of agreement.
        """
        score = np.asarray(values, dtype=np.float64)
        if self.mixtures is not None:
            return self.mixtures[number].posterior(score)
        score = score if self.high_leaves else -score
        if self.window is None:
            return score
        return (score - START * np.exp(-RATE * np.asarray(position, dtype=np.float64) / self.window)) / FALL

    def leaves(self, number: int, values: ArrayLike, position: ArrayLike) -> NDArray[np.bool_]:
        """Whether tokens that have come to exit number `number` leave there, (tokens,)."""
        return self.level(number, values, position) >= self.thresholds[number]

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls: type[Self], stored: Mapping[str, Any]) -> Self:
        """A policy as `as_json` has it."""
        mixtures = stored["mixtures"]
        own = dict(stored) | {"mixtures": mixtures and [_mixture(one) for one in mixtures]}
        return cls(**own)


def _mixture(stored: Mapping[str, Any]) -> Mixture:
    return Mixture(stored["share"], tuple(stored["agree"]), tuple(stored["differ"]))
