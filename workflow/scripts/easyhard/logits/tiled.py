"""One walk over the vocabulary in tiles that stay in cache: plain PyTorch, CPU or CUDA.

Floor per logit, d dims: 2d operations, one exponential, and a pass each for the sum, the entropy's product and sum and
the maxima of groups. At d = 64 on one AVX-512 core, in the order named: 0.60 + 0.14 + 0.04 + 0.12 + 0.07 ns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

import torch
from torch import Tensor

from easyhard.logits.arguments import logit_bound
from easyhard.logits.collectors import Collector, ExponentialSums, PlainSums, TargetLogit, TargetRank
from easyhard.logits.formulas import Gathered, evaluate, joined, needs
from easyhard.logits.maxima import GroupMaxima
from easyhard.logits.moments import mean_row, moments
from easyhard.logits.request import SCALED, Request
from easyhard.logits.tiles import LOG2_E, SAFE_EXPONENT, TargetColumns, compute_dtype, each, product, spans, tile_shape

EXPONENTIAL = frozenset({"total", "energy", "collision"})
ROUNDING = 1e-3  # nats by which a logit that is computed again may differ
LITTLE = 1e-3  # a mass below this is not 1 less the others': their rounding, near 1e-6, would be more than 0.1 % of it
PAIRS_AT_ONCE = 1 << 15  # of token and group that a tail holds


def gather(hidden: Tensor, head: Tensor, targets: Tensor | None, request: Request) -> dict[str, Tensor]:
    """Every statistic in one walk. Memory: a few tiles per thread."""
    walk = _Walk(
        head=head,
        request=request,
        unit=LOG2_E if _is_safe(logit_bound(hidden, head), request) else 1.0,
        keep=needs(request.statistics),
        keep_scaled=frozenset() if request.scaled is None else needs(request.scaled.statistics),
        linear=LinearMoments(head, request),
    )

    known = hidden.new_empty(0, dtype=torch.int64) if targets is None else targets

    def one_tile(tile: slice) -> dict[str, Tensor]:
        plain, scaled = walk.one_tile(hidden[tile].to(compute_dtype(hidden.dtype)), known[tile])
        found = evaluate(request.statistics, plain)
        if request.scaled is not None:
            values = evaluate(request.scaled.statistics, scaled)
            found |= {SCALED + name: column for name, column in values.items()}
        return found

    return joined(list(each(one_tile, spans(len(hidden), tile_shape(hidden.device).tokens), hidden.device)))


def _is_safe(bound: float, request: Request) -> bool:
    """Whether no logit can leave the range in which it is exponentiated without a shift."""
    if request.bias is not None:
        bound += float(request.bias.abs().max())  # infinite where a word is masked
    elif request.softcap is not None:
        bound = min(bound, request.softcap)
    if request.scaled is not None:
        bound *= max(1.0, 1 / request.scaled.temperature)
    return bound * LOG2_E < SAFE_EXPONENT


class LinearMoments:
    """Mean and spread over the vocabulary of logits without a softcap: z = h.w + b needs no walk for them.

    mean z = h.mean(w) + mean(b), and the variance of z is x^T Cov(w, b) x for x = (h, 1).
    """

    def __init__(self, head: Tensor, request: Request) -> None:
        scaled = () if request.scaled is None else request.scaled.statistics
        wanted = needs([*request.statistics, *scaled]) if request.softcap is None else frozenset()
        self.bias = request.bias is not None
        rows = torch.cat([head, request.bias.to(head)[:, None]], 1) if request.bias is not None and wanted else head
        self.row = mean_row(rows) if "mean" in wanted else None
        self.covariance = moments(rows).covariance if "spread" in wanted else None

    def of(self, hidden: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Mean and population standard deviation (tokens,) of the logits of hidden (tokens, dim), where wanted."""
        x = torch.nn.functional.pad(hidden.double(), (0, int(self.bias)), value=1.0)
        mean = None if self.row is None else (x @ self.row).to(hidden.dtype)
        if self.covariance is None:
            return mean, None
        return mean, ((x @ self.covariance) * x).sum(1).clamp(min=0).sqrt().to(hidden.dtype)


@dataclass(frozen=True)
class _Walk:
    """What all tiles of tokens share, and the walk of one of them over the vocabulary."""

    head: Tensor
    request: Request
    unit: float  # log2(e) where logits are exponentiated as they are, else 1
    keep: frozenset[str]
    keep_scaled: frozenset[str]  # of the logits at the temperature
    linear: LinearMoments

    def one_tile(self, hidden: Tensor, targets: Tensor) -> tuple[Gathered, Gathered]:
        """What hidden (tokens, dim) and targets (tokens,), or none (0,), give: plain, and at the temperature."""
        shape, states = tile_shape(hidden.device), hidden * self.unit
        own = TargetColumns(targets, len(self.head), shape.words)
        sums = ExponentialSums(len(hidden), self.keep, self.unit == LOG2_E, hidden)
        cold = 1.0 if self.request.scaled is None else 1 / self.request.scaled.temperature
        scaled_sums = ExponentialSums(len(hidden), self.keep_scaled, self.unit == LOG2_E, hidden, cold)
        maxima = GroupMaxima(len(hidden), len(self.head), hidden, self.request)
        plain = PlainSums(len(hidden), self.unit, hidden)
        target = TargetLogit(own, self.unit, hidden)
        rank = TargetRank(own, self._own_logits(states, targets))
        both = self.keep | self.keep_scaled
        collectors: list[tuple[Collector, frozenset[str]]] = [
            (sums, EXPONENTIAL & self.keep),
            (scaled_sums, EXPONENTIAL & self.keep_scaled),
            (maxima, both & {"maximum", "top_logits", "top_words", "tail_mass"}),
            (plain, both & {"mean", "spread"} if self.request.softcap is not None else frozenset()),
            (target, both & {"target"}),
            (rank, both & {"target_rank"}),
        ]
        active = [collector for collector, given in collectors if given]
        for number, words in enumerate(spans(len(self.head), shape.words)):
            z = self._logits(states, words)
            for collector in active:
                collector.add(z, number)
        mean, spread = self.linear.of(hidden) if self.request.softcap is None else plain.mean_and_spread(len(self.head))
        gathered = Gathered(
            peak=sums.peak,
            total=sums.total,
            energy=sums.energy,
            collision=sums.collision,
            maximum=maxima.maximum() / self.unit,
            mean=mean,
            spread=spread,
            target=target.value,
            target_rank=rank.rank,
        )
        if both & {"top_logits", "top_words"}:
            gathered.top_logits, gathered.top_words = maxima.top(self.request.top_k, hidden, self.head)
        scaled = scaled_by(gathered, scaled_sums, cold)
        if "tail_mass" in self.keep:
            gathered.tail_mass = self._tails(gathered, maxima, hidden, self.request)
        if self.request.scaled is not None and "tail_mass" in self.keep_scaled:
            request = self.request.at_temperature(self.request.scaled)
            scaled.tail_mass = self._tails(scaled, maxima, hidden, request, cold)
        return gathered, scaled

    def _logits(self, states: Tensor, words: slice) -> Tensor:
        """A tile of logits (tokens, tile words), `unit` to the nat as the states are."""
        return self.request.finish(product(states, self.head[words].to(states.dtype)), words, self.unit)

    def _own_logits(self, states: Tensor, targets: Tensor) -> Tensor:
        """The targets' logits (tokens,) before the walk."""
        if "target_rank" not in self.keep | self.keep_scaled:
            return states.new_empty(len(targets))
        products = product(states, self.head[targets].to(states.dtype)).diagonal().clone()  # as a tile computes them
        return self.request.finish(products, targets, self.unit)

    def _tails(
        self, gathered: Gathered, maxima: GroupMaxima, hidden: Tensor, request: Request, scale: float = 1.0
    ) -> Tensor:
        """Mass (tokens, thresholds) of the words with p < exp(-threshold): what the others leave of 1.

        `gathered` and `request` are of `scale` times the logits. Only groups of words that hold one of the others are
        looked into. Where these leave so little that it is lost in their rounding, the tail itself is summed.
        """
        thresholds = request.tail_thresholds
        log_sum = gathered.peak + gathered.get("total").log()
        others = hidden.new_zeros(len(hidden), len(thresholds), dtype=torch.float64)
        tokens, groups = maxima.above((log_sum - max(thresholds) - ROUNDING) * (self.unit / scale))
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
            log_p = self.request.finish(product(hidden, self.head[words].to(hidden.dtype)), words)
            log_p.mul_(scale).sub_(log_sum[:, None])
            p, below = log_p.exp(), torch.empty_like(log_p)  # 0 and 1 as floats: four times as fast as a mask
            for number, threshold in enumerate(thresholds):
                masses[:, number].add_(torch.lt(log_p, -threshold, out=below).mul_(p).sum(1))
        return masses


def scaled_by(gathered: Gathered, sums: ExponentialSums | Gathered, scale: float) -> Gathered:
    """What is gathered of `scale` times the logits, whose `sums` are these."""

    def times(values: Tensor | None) -> Tensor | None:
        return None if values is None else values * scale

    return Gathered(
        peak=sums.peak,
        total=sums.total,
        energy=sums.energy,
        collision=sums.collision,
        maximum=times(gathered.maximum),
        mean=times(gathered.mean),
        spread=times(gathered.spread),
        target=times(gathered.target),
        target_rank=gathered.target_rank,
        top_logits=times(gathered.top_logits),
        top_words=gathered.top_words,
    )


def near_tail(top_log_p: Tensor, threshold: float) -> Tensor:
    """Mass (tokens,) of the words with p < exp(-threshold): at most exp(threshold) words are not among them."""
    return (1 - torch.where(top_log_p < -threshold, 0.0, top_log_p.exp()).sum(1)).clamp(min=0)
