"""Signals that are the answer: functions of the loss or the target, and what is too good to be anything else.

Measured on tokens that neither probes nor stacks are fitted on. Each measure is 0 for what knows nothing of the answer
and 1 for the answer itself; a signal that exceeds the bound of one of them is caught.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from easyhard.signals.areas import Area, area, clusters_of
from easyhard.signals.tokens import SELECT, TEST, TokenTable

ENOUGH, MOST, FEWEST = 1_000, 12_000, 50
"""Tokens: with fewer of select, those of test are looked at too; no more are; with fewer nothing is told."""

SURPRISING: Final = float(np.log(2))
"""Nats: of a token with a higher loss the target has less than half the probability. Where the model's first choice is
right, −log of the largest probability is the loss itself, and so an honest signal may be a function of it; not here."""
BOUNDS: Final = {"ordered": 0.72, "traced": 0.95, "beyond_past": 0.72, "of_target": 0.999, "of_first_choice": 0.72}
"""Of each measure. ordered: 0.85²; the highest rank correlation with the loss of ours is 0.42 on the bundled text, and
0.36 of those of the logits on WikiText-2. A copy of the loss exceeds it whose noise has less than 0.62 of its spread.
traced: functions as such."""
BOUNDS_SURPRISING: Final = {"ordered": 0.49, "traced": 0.95, "beyond_past": 0.49}
"""The same among surprising tokens, where the highest correlation of ours is 0.34: 0.7² is twice that."""
ROOM: Final = 0.25
"""The part of the way from the ceiling to 1 that an AUROC may go: no model is quite calibrated, and context tells what
it does not know. The best stack goes 0.03 of it on WikiText-2, and 0.01 on the bundled text."""

FOLLOWS: Final = 0.2
"""Of ordered, 0.45², without which an AUROC above that is no sign: a model far from calibrated, as after a few steps of
training, makes a ceiling that what is fitted to real losses passes, most of all where nearly all tokens are hard."""

LAGS: Final = (*range(1, 11), 12, 16, 20, 24, 32, 48, 50, 64, 100, 128)
"""Tokens back: those that moving averages of the usual widths let go of are among them."""
LEADS: Final = (0, 1, 2, 3)
LAGS_OF_SIGNAL: Final = (1, 2)
SETTLED: Final = 24  # tokens into a document, from which on a moving average has as many behind it; where half are
DETERMINED: Final = 1e-6  # of a signal's variance: what the past leaves of one that is known from it

Column = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Evidence:
    """What was measured of a signal, by name; the bounds that it exceeds."""

    figures: dict[str, float]
    reasons: tuple[str, ...]


class LeakTest:
    """Holds signals against the losses, targets and first choices of the same tokens.

    `rows` are the row numbers that are looked at, whole documents of select, or of select and test where select is
    small.
    """

    def __init__(
        self,
        tokens: TokenTable,
        threshold: float,
        *,
        target: ArrayLike | None = None,
        argmax_wrong: ArrayLike | None = None,
        probability_hard: ArrayLike | None = None,
    ) -> None:
        """target and argmax_wrong: (tokens,), None where not known. probability_hard: (tokens,), what the model says of
        a loss over `threshold` (nats); where it is known, so is what a calibrated model could reach, the ceiling."""
        self.rows = rows = _rows(tokens)
        self._loss = tokens.loss[rows].astype(np.float64)
        self._document = tokens.document[rows]
        self._everything = _Tokens(self._loss, np.arange(len(rows)))
        surprising = np.flatnonzero(self._loss > SURPRISING)
        self._surprising = _Tokens(self._loss, surprising) if len(surprising) >= FEWEST else None
        few = 2 * len(surprising) <= len(rows)
        self._folded = _Tokens(_folded(self._loss), np.arange(len(rows))) if few else None
        known = {"target": target, "count": tokens.target_count, "first_choice": argmax_wrong}
        self._groups = {name: np.asarray(own)[rows] for name, own in known.items() if own is not None}
        self._settled = _settled(self._document)
        self._losses = _shifted(self._loss, self._document, (*LAGS, *(-lead for lead in LEADS)))
        self._hard = self._loss > threshold
        self._cluster = clusters_of(self._document, tokens.sequence[rows])
        mass = None if probability_hard is None else np.asarray(probability_hard, np.float64)[rows].clip(0, 1)
        self._ceiling = None if mass is None else area(mass, mass)

    @property
    def can_tell(self) -> bool:
        """Whether there are tokens enough, and losses that vary."""
        return len(self.rows) >= FEWEST and bool(np.ptp(self._loss))

    def examine(self, values: ArrayLike) -> Evidence:
        """Measure a signal, (tokens,), of all tokens. One that is constant where it is looked at is none of the answer.

        - ordered: the square of Spearman's correlation with the loss over the highest that the signal's ties allow.
        - traced: Chatterjee's ξ of the signal on the loss, 1 for any function of it: doi:10.1080/01621459.2020.1758115.
        - beyond_past: of what earlier losses and its own last values leave of the signal, the share that is linear in
          the token's own loss and those of the next three. A moving average that has the token's own loss in it has 1.
        - folded, where half of the tokens are surprising or fewer: ξ on −log max(p, 1 − p), p being the target's
          probability. A model that knows but two words makes honest signals that are functions of this, and so of the
          loss, which traced does not count against them.
        - surprising_…: the same of tokens with a loss over SURPRISING, 1 where the signal is constant among them;
          ordered is 0 where it points the other way there than it does elsewhere.
        - of_target, of_first_choice: the share of the variance of ranks that lies between targets, or between tokens
          whose targets training saw equally often; and between right and wrong first choices of the model.
        - auroc of a loss over the threshold, in the signal's own direction, with ceiling and bound where they are
          known, and auroc_excess, the lower end of the 95 % interval of what it is above the bound.
        """
        signal = np.asarray(values)[self.rows].astype(np.float64)
        if not self.can_tell or not np.isfinite(signal).all() or not np.ptp(signal):
            return Evidence({}, ())
        ranks = rankdata(signal)
        upward = self._everything.correlation(ranks) > 0
        ranks = ranks if upward else len(ranks) + 1 - ranks
        figures = self._dependence(signal, ranks, self._everything, "")
        if self._surprising is not None:
            figures |= self._dependence(signal, ranks, self._surprising, "surprising_")
        if self._folded is not None:
            figures["folded"] = self._folded.traced(signal)
        figures |= self._of_groups(ranks) | self._area(signal)
        return Evidence(figures, _reasons(figures))

    def _dependence(self, signal: Column, ranks: Column, among: "_Tokens", prefix: str) -> dict[str, float]:
        own = signal[among.rows]
        if not np.ptp(own):
            return {f"{prefix}{name}": 1.0 for name in BOUNDS_SURPRISING}
        past = np.concatenate([self._losses[:, : len(LAGS)], _shifted(signal, self._document, LAGS_OF_SIGNAL)], axis=1)
        rows = among.rows[self._settled[among.rows]]
        rows = rows if len(rows) >= FEWEST else among.rows
        beyond = _beyond(signal[rows], past[rows], self._losses[rows, len(LAGS) :])
        ordered = max(among.correlation(ranks[among.rows]), 0.0) ** 2
        figures = {"ordered": ordered, "traced": among.traced(own), "beyond_past": beyond}
        return {f"{prefix}{name}": value for name, value in figures.items()}

    def _of_groups(self, ranks: Column) -> dict[str, float]:
        found = {name: _between(ranks, np.unique(own, return_inverse=True)[1]) for name, own in self._groups.items()}
        of_target = max(found.get("target", 0.0), found.get("count", 0.0))
        return {"of_target": of_target, "of_first_choice": found.get("first_choice", 0.0)}

    def _area(self, signal: Column) -> dict[str, float]:
        if self._hard.all() or not self._hard.any():
            return {}
        own = max((area(sign * signal, self._hard) for sign in (1, -1)), key=lambda found: found.value)
        if self._ceiling is None:
            return {"auroc": own.value}
        bound = self._ceiling.value + ROOM * (1 - self._ceiling.value)
        excess = Area(own.value - bound, own.influence - (1 - ROOM) * self._ceiling.influence)
        low, _ = excess.interval(self._cluster)
        return {"auroc": own.value, "ceiling": self._ceiling.value, "bound": bound, "auroc_excess": low}


def _reasons(figures: Mapping[str, float]) -> tuple[str, ...]:
    found = [
        name
        for name, bound in BOUNDS.items()
        if figures[name] >= bound and figures.get(f"surprising_{name}", 1.0) >= BOUNDS_SURPRISING.get(name, 0.0)
    ]
    if figures.get("folded", 0.0) >= BOUNDS["traced"]:
        found = [name for name in found if name != "traced"]
    above = figures.get("auroc_excess", 0.0) > 0 and figures["ordered"] >= FOLLOWS
    return (*found, *(["above_ceiling"] if above else []))


class _Tokens:
    """Some of the tokens, `rows` (n,), in the order of their losses."""

    def __init__(self, loss: Column, rows: Rows) -> None:
        own = loss[rows]
        self.rows, self._ranks = rows, rankdata(own)
        self._order = np.lexsort((np.random.default_rng(0).random(len(own)), own))  # equal losses in random order

    def correlation(self, values: Column) -> float:
        """Spearman's, of values (n,), over the highest that their ties and those of the losses allow."""
        ranks = rankdata(values)
        highest = _covariance(np.sort(ranks), np.sort(self._ranks))
        return float(_covariance(ranks, self._ranks) / highest) if highest > 0 else 0.0

    def traced(self, signal: Column) -> float:
        count = len(signal)
        up, down = rankdata(signal, "max")[self._order], rankdata(-signal, "max")
        return float(1 - count * np.abs(np.diff(up)).sum() / (2 * (down * (count - down)).sum()))


def _folded(loss: Column) -> Column:
    """1 − max(p, 1 − p) of p = exp(−loss), which is in the order of −log max(p, 1 − p)."""
    p = np.exp(-loss)
    return 1 - np.maximum(p, 1 - p)


def _covariance(left: Column, right: Column) -> float:
    return float((left - left.mean()) @ (right - right.mean()))


def _rows(tokens: TokenTable) -> Rows:
    rows = tokens.rows(SELECT)
    if len(rows) < ENOUGH:
        rows = tokens.rows(SELECT, TEST)
    if len(rows) <= MOST:
        return rows
    borders = np.flatnonzero(np.diff(tokens.document[rows])) + 1
    whole = borders[borders <= MOST]
    return rows[: whole[-1] if len(whole) else MOST]


def _settled(document: NDArray[Any]) -> NDArray[np.bool_]:
    """Tokens that are SETTLED tokens or more into their document, (tokens,); all, where these are fewer than half."""
    starts = np.append(True, document[1:] != document[:-1])[: len(document)]
    row = np.arange(len(document))
    found: NDArray[np.bool_] = row - np.maximum.accumulate(np.where(starts, row, 0)) >= SETTLED
    return found if 2 * found.sum() >= len(found) else np.ones(len(found), dtype=np.bool_)


def _shifted(values: Column, document: NDArray[Any], lags: tuple[int, ...]) -> Column:
    """The values so many tokens back, (tokens, lags), less their mean; 0 beyond the document."""
    centred = values - values.mean() if len(values) else values
    found = np.zeros((len(values), len(lags)))
    for column, lag in enumerate(lags):
        back = np.arange(len(values)) - lag
        inside = (back >= 0) & (back < len(values))
        inside[inside] = document[back[inside]] == document[inside]
        found[inside, column] = centred[back[inside]]
    return found


def _beyond(values: Column, past: Column, more: Column) -> float:
    """Of what is left of values (n,) by least squares on past (n, columns), the share that more (n, columns) takes."""
    target = values - values.mean()
    spread = float(target @ target)
    left = [_residual(target, columns) / spread for columns in (past, np.concatenate([past, more], axis=1))]
    return 0.0 if left[0] <= DETERMINED else float(np.clip(1 - left[1] / left[0], 0, 1))


def _residual(target: Column, columns: Column) -> float:
    """The sum of squares that least squares leave."""
    x = columns - columns.mean(axis=0)
    scale = np.sqrt((x * x).sum(axis=0))
    x = x[:, scale > 0] / scale[scale > 0]
    solved = np.linalg.lstsq(x.T @ x, x.T @ target, rcond=1e-12)[0]
    rest = target - x @ solved
    return float(rest @ rest)


def _between(values: Column, group: NDArray[np.integer]) -> float:
    """The share of the variance of values (n,) between groups (n,), numbered from 0; corrected for their number."""
    count, sizes = len(values), np.bincount(group)
    centred = values - values.mean()
    total = float(centred @ centred)
    if count - len(sizes) < FEWEST // 2 or not total:
        return 0.0
    between = float((np.bincount(group, weights=centred) ** 2 / sizes).sum())
    return max(0.0, 1 - (1 - between / total) * (count - 1) / (count - len(sizes)))
