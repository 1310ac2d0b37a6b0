"""One walk over the vocabulary in tiles that stay in cache: plain PyTorch, CPU or CUDA.

Floor per logit, d dims: 2d operations, one exponential, and a pass each for the sum, the entropy's product and sum and
the maxima of groups. At d = 64 on one AVX-512 core, in the order named: 0.60 + 0.14 + 0.04 + 0.12 + 0.07 ns.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import exp

import torch
from torch import Tensor

from easyhard.logits.arguments import logit_bound
from easyhard.logits.collectors import ExponentialSums, PlainSums, TargetLogit
from easyhard.logits.formulas import Gathered, joined, needs
from easyhard.logits.maxima import GroupMaxima
from easyhard.logits.moments import mean_row, moments
from easyhard.logits.request import Request
from easyhard.logits.softcap import capped
from easyhard.logits.tiles import LOG2_E, SAFE_EXPONENT, TargetColumns, compute_dtype, each, product, spans, tile_shape

EXPONENTIAL = frozenset({"total", "energy", "collision"})
ROUNDING = 1e-3  # nats by which a logit that is computed again may differ
LITTLE = 1e-3  # a mass below this is not 1 less the others': their rounding, near 1e-6, would be more than 0.1 % of it
PAIRS_AT_ONCE = 1 << 15  # of token and group that a tail holds


def gather(hidden: Tensor, head: Tensor, targets: Tensor | None, request: Request) -> dict[str, Tensor]:
    """Every statistic in one walk. Memory: a few tiles per thread."""
    walk = Walk(head, request, logit_bound(hidden, head))
    known = hidden.new_empty(0, dtype=torch.int64) if targets is None else targets

    def one_tile(tile: slice) -> dict[str, Tensor]:
        return request.evaluate(*walk.one_tile(hidden[tile].to(compute_dtype(hidden.dtype)), known[tile]))

    return joined(list(each(one_tile, spans(len(hidden), tile_shape(hidden.device).tokens), hidden.device)))


class LinearMoments:
    """Mean and spread over the vocabulary of logits z = h.w without a softcap, which need no walk.

    mean z = h.mean(w), and the variance of z is h^T Cov(w) h.
    """

    def __init__(self, head: Tensor, wanted: frozenset[str]) -> None:
        self.row = mean_row(head) if "mean" in wanted else None
        self.covariance = moments(head).covariance if "spread" in wanted else None

    def of(self, hidden: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Mean and population standard deviation (tokens,) of the logits of hidden (tokens, dim), where wanted."""
        h = hidden.double()
        mean = None if self.row is None else (h @ self.row).to(hidden.dtype)
        if self.covariance is None:
            return mean, None
        return mean, ((h @ self.covariance) * h).sum(1).clamp(min=0).sqrt().to(hidden.dtype)


class Walk:
    """What all tiles of tokens share, and the walk of one of them over the vocabulary.

    No logit is larger than `bound`. Logits that cannot leave the range in which they are exponentiated without a shift
    come in the unit log2(e) to the nat, else 1.
    """

    def __init__(self, head: Tensor, request: Request, bound: float) -> None:
        self.head, self.softcap, self.request = head, request.softcap, request
        self.keep, self.keep_scaled = needs(request.statistics), needs(request.scaled.statistics)
        self.both = self.keep | self.keep_scaled
        self.cold = 1 / request.scaled.temperature
        bound = bound if self.softcap is None else min(bound, self.softcap)
        self.safe = bound * max(1.0, self.cold) * LOG2_E < SAFE_EXPONENT
        self.unit = LOG2_E if self.safe else 1.0
        self.linear = LinearMoments(head, self.both if self.softcap is None else frozenset())

    def one_tile(
        self, hidden: Tensor, targets: Tensor, sums: ExponentialSums | None = None
    ) -> tuple[Gathered, Gathered]:
        """What hidden (tokens, dim) and targets (tokens,), or none (0,), give: plain, and at the temperature.

        `sums`, where given, take the place of the walk's own.
        """
        shape, states = tile_shape(hidden.device), hidden * self.unit
        own = TargetColumns(targets, len(self.head), shape.words)
        sums = sums or ExponentialSums(len(hidden), self.keep, self.safe, hidden)
        scaled_sums = ExponentialSums(len(hidden), self.keep_scaled, self.safe, hidden, self.cold)
        maxima = GroupMaxima(len(hidden), len(self.head), hidden, self.softcap)
        plain = PlainSums(len(hidden), self.unit, hidden)
        target = TargetLogit(own, self.unit, hidden)
        collectors = [
            (sums.add, EXPONENTIAL & sums.keep),
            (scaled_sums.add, EXPONENTIAL & self.keep_scaled),
            (maxima.add, self.both & {"maximum", "top_logits", "top_words", "tail_mass"}),
            (plain.add, self.both & {"mean", "spread"} if self.softcap is not None else frozenset()),
            (target.add, self.both & {"target"}),
        ]
        active = [add for add, given in collectors if given]
        for number, words in enumerate(spans(len(self.head), shape.words)):
            z = capped(product(states, self.head[words].to(states.dtype)), self.softcap, self.unit)
            for add in active:
                add(z, number)
        mean, spread = self.linear.of(hidden) if self.softcap is None else plain.mean_and_spread(len(self.head))
        gathered = replace(
            sums.gathered(),
            maximum=maxima.maximum() / self.unit,
            mean=mean,
            spread=spread,
            target=target.value,
        )
        if self.both & {"top_logits", "top_words"}:
            top_words = maxima.candidates(self.request.top_k, hidden, self.head)[1]
            gathered.top_logits, gathered.top_words = maxima.ordered(top_words, hidden, self.head)
        scaled = scaled_by(gathered, scaled_sums.gathered(), self.cold)
        if "tail_mass" in self.keep:
            gathered.tail_mass = self._tails(gathered, maxima, hidden, self.request.tail_thresholds)
        if "tail_mass" in self.keep_scaled:
            scaled.tail_mass = self._tails(scaled, maxima, hidden, self.request.scaled.tail_thresholds, self.cold)
        return gathered, scaled

    def _tails(
        self, gathered: Gathered, maxima: GroupMaxima, hidden: Tensor, thresholds: Sequence[float], scale: float = 1.0
    ) -> Tensor:
        """Mass (tokens, thresholds) of the words with p < exp(-threshold): what the others leave of 1.

        `gathered` is of `scale` times the logits. Only groups of words that hold one of the others are looked into.
        Where these leave so little that it is lost in their rounding, the tail itself is summed.
        """
        log_sum = gathered.peak + gathered.get("total").log()
        others = hidden.new_zeros(len(hidden), len(thresholds), dtype=torch.float64)
        bar = (log_sum - max(thresholds) - ROUNDING) * (self.unit / scale)
        tokens, groups = (maxima.values.flatten(1) >= bar[:, None]).nonzero(as_tuple=True)
        for part in spans(len(tokens), PAIRS_AT_ONCE):
            own = tokens[part]
            logits = maxima.inside(own, groups[part], hidden, self.head)
            p = logits.mul_(scale).sub_(log_sum[own][:, None]).mul_(LOG2_E).exp2_()
            masses = [torch.nn.functional.threshold(p, exp(-threshold), 0.0).sum(1) for threshold in thresholds]
            others.index_add_(0, own, torch.stack(masses, 1).double())
        tails = (1 - others).clamp_(min=0)
        little = (tails.amin(1) < LITTLE).nonzero()[:, 0]
        if len(little):
            tails[little] = self._summed_tails(hidden[little], log_sum[little], thresholds, scale)
        return tails.to(hidden.dtype)

    def _summed_tails(self, hidden: Tensor, log_sum: Tensor, thresholds: Sequence[float], scale: float) -> Tensor:
        """The same for hidden (tokens, dim), float64, by one more walk, over the words of the tail itself."""
        masses = hidden.new_zeros(len(hidden), len(thresholds), dtype=torch.float64)
        for words in spans(len(self.head), tile_shape(hidden.device).words):
            log_p = capped(product(hidden, self.head[words].to(hidden.dtype)), self.softcap)
            log_p.mul_(scale).sub_(log_sum[:, None])
            p, below = log_p.exp(), torch.empty_like(log_p)  # 0 and 1 as floats: four times as fast as a mask
            for number, threshold in enumerate(thresholds):
                masses[:, number].add_(torch.lt(log_p, -threshold, out=below).mul_(p).sum(1))
        return masses


def scaled_by(gathered: Gathered, sums: Gathered, scale: float) -> Gathered:
    """What is gathered of `scale` times the logits, whose `sums` are these."""
    values = {name: getattr(gathered, name) for name in ("maximum", "mean", "spread", "target", "top_logits")}
    scaled = {name: value * scale for name, value in values.items() if value is not None}
    return replace(gathered, peak=sums.peak, total=sums.total, energy=sums.energy, collision=sums.collision, **scaled)


def near_tail(top_log_p: Tensor, threshold: float) -> Tensor:
    """Mass (tokens,) of the words with p < exp(-threshold): at most exp(threshold) words are not among them."""
    return (1 - torch.where(top_log_p < -threshold, 0.0, top_log_p.exp()).sum(1)).clamp(min=0)
