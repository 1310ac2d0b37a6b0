"""Statistics of low-rank logits: all ranks in one sweep over the vocabulary.

Ranks nest, z_r = z_s + (columns s..r), so d multiply-adds per logit serve all ranks below d; the rank d itself is the
exact product, d more. Each rank then costs what tiled.py counts: an exponential, three sums' passes, the maxima.
"""

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.arguments import check_states, largest_norm
from easyhard.logits.collectors import ExponentialSums, PlainSums
from easyhard.logits.factors import Factors, Kind, factors
from easyhard.logits.formulas import Gathered, evaluate, joined, needs
from easyhard.logits.maxima import GroupMaxima, largest
from easyhard.logits.moments import Moments, moments
from easyhard.logits.refine import Preview, refine
from easyhard.logits.softcap import SoftCap, check_softcap
from easyhard.logits.tiles import LOG2_E, SAFE_EXPONENT, compute_dtype, each, product, spans, tile_shape, worker_count
from easyhard.logits.trust import Trust, largest_difference

LOW_RANK_STATISTICS = ("max_probability", "max_logit", "max_minus_mean", "margin", "entropy")
KNOWN = (*LOW_RANK_STATISTICS, "argmax")
PEARSON_CHUNK, PEARSON_CHUNKS = 4000, 3
PEARSON_TOKENS = PEARSON_CHUNK * PEARSON_CHUNKS
PROJECTED_ROWS = 8192


def logits_pearson(hidden: Tensor, head: Moments, approximation: Factors, ranks: Sequence[int]) -> dict[int, float]:
    """Pearson r over all logits of a chunk between z_r and z, averaged over the first three chunks of 4,000 tokens.

    Not one logit is computed: with z = h.w and z_r = h.(K w + k), every sum over tokens and words is a product of
    moments of h and of w (float64).
    """
    chunks = [moments(hidden[tile]) for tile in spans(len(hidden), PEARSON_CHUNK)[:PEARSON_CHUNKS]]
    return {
        rank: sum(_pearson(chunk, head, *approximation.linear(rank)) for chunk in chunks) / len(chunks)
        for rank in ranks
    }


def _pearson(states: Moments, head: Moments, matrix: Tensor, offset: Tensor) -> float:
    mean = matrix @ head.mean + offset  # of u = K w + k over words
    cross = matrix @ head.second + offset[:, None] * head.mean  # mean u w^T
    square = matrix @ head.second @ matrix.T + mean[:, None] * offset + offset[:, None] * (mean - offset)  # mean u u^T

    def covariance(second: Tensor, first: Tensor, other: Tensor) -> Tensor:
        return (states.second * second).sum() - (states.mean @ first) * (states.mean @ other)

    own = covariance(square, mean, mean)
    exact = covariance(head.second, head.mean, head.mean)
    return float(covariance(cross, mean, head.mean) / (own * exact).sqrt())


class LowRankSweep:
    """What this code gives per rank (for kind "plain"), without (tokens, words) arrays and for all ranks at once:

        u, s, vt = torch.linalg.svd(head, full_matrices=False)
        z = (hidden @ vt[:rank].T * s[:rank]) @ u[:, :rank].T           # (tokens, words)
        z.softmax(1).amax(1), z.amax(1), z.amax(1) - z.mean(1), ...

    The head (words, dim) is factored once, for batch after batch of hidden states. Ranks are 1..dim, rising; rank dim
    is the exact head, the same for every kind. `states` are the moments of hidden states of other tokens, for kind
    "weighted"; `statistics` names out of LOW_RANK_STATISTICS, and "argmax". With `refined`, 2 to the number of words,
    every rank below dim also gives REFINED_STATISTICS: that many words, the first by this rank, get their exact logits
    (see refine.py). With `softcap` c every logit z, of low rank or exact, becomes c tanh(z / c) before it is
    exponentiated. Only tiled PyTorch code does these, and finds the "argmax": on a GPU it takes the place of Triton's.
    `seconds` adds up, per rank, its steps' thread seconds over the number of threads. Raises InputError naming the
    argument that is wrong.
    """

    @torch.no_grad()
    def __init__(
        self,
        head: Tensor,
        ranks: Sequence[int],
        *,
        kind: Kind = "plain",
        states: Moments | None = None,
        statistics: Sequence[str] = LOW_RANK_STATISTICS,
        refined: int = 0,
        softcap: float | None = None,
    ) -> None:
        dim = head.shape[1]
        if not ranks or list(ranks) != sorted(set(ranks)) or ranks[0] < 1 or ranks[-1] > dim:
            raise InputError(f"ranks: {list(ranks)}; different whole numbers from 1 to dim = {dim}, rising, are wanted")
        check_softcap(softcap)
        if unknown := [name for name in statistics if name not in KNOWN]:
            raise InputError(f"statistics: {unknown}; names out of {', '.join(KNOWN)} are wanted")
        if refined and not 2 <= refined <= len(head):
            raise InputError(f"refined: {refined}; 0, or 2 to the number of words, {len(head)}, is wanted")
        self.head, self.ranks, self.names = head.contiguous(), list(ranks), tuple(statistics)
        self.refined, self.softcap = refined, softcap
        self.keep = needs(self.names) | ({"total", "energy"} if refined else frozenset())
        self.moments = moments(self.head)
        self.approximation = factors(kind, self.moments, states)
        self.seconds = dict.fromkeys(self.ranks, 0.0)
        low = ranks[-1] if ranks[-1] < dim else (0, *ranks)[-2]
        basis, dtype = self.approximation.left[:, :low], compute_dtype(head.dtype)

        def project(rows: slice) -> Tensor:
            return ((self.head[rows].double() - self.approximation.centre) @ basis).to(dtype)

        self.left = torch.cat(list(each(project, spans(len(head), PROJECTED_ROWS), head.device)))  # (words, low)
        self.norms = largest_norm("head", self.head), largest_norm("head", self.left) if low else 0.0

    @torch.no_grad()
    def run(self, hidden: Tensor) -> dict[int, dict[str, Tensor]]:
        """Per rank, each statistic (tokens,) of hidden (tokens, dim): int64 word numbers for argmax, else floats."""
        check_states(hidden, self.head)
        hidden = hidden.contiguous()
        tiled_only = self.refined or "argmax" in self.names or self.softcap is not None
        return self._run_fused(hidden) if not tiled_only and _trusted(hidden) else self._run_tiled(hidden)

    def _run_tiled(self, hidden: Tensor) -> dict[int, dict[str, Tensor]]:
        tiles = spans(len(hidden), tile_shape(hidden.device).tokens)
        parts = list(each(lambda tile: self._one_tile(hidden[tile]), tiles, hidden.device))
        for step, rank in enumerate(self.ranks):
            self.seconds[rank] += sum(part[step][1] for part in parts) / worker_count(hidden.device)
        return {rank: joined([part[step][0] for part in parts]) for step, rank in enumerate(self.ranks)}

    def _run_fused(self, hidden: Tensor) -> dict[int, dict[str, Tensor]]:
        """By Triton: one kernel for all ranks, so each is given an equal share of the seconds."""
        from easyhard.logits import triton_low_rank

        start = perf_counter()
        wide = hidden.double()
        reduced = (wide @ self.approximation.right[:, : self.left.shape[1]]).float()
        found = {}
        steps = triton_low_rank.sweep(hidden, self.head, reduced, self.left, self.ranks)
        for rank, gathered in zip(self.ranks, steps, strict=True):
            offset, mean = (part.float() for part in self._shared(rank, wide))
            peak = gathered.peak + offset
            found[rank] = evaluate(self.names, replace(gathered, peak=peak, maximum=peak, mean=mean))
        if hidden.is_cuda:
            torch.cuda.synchronize()
        for rank in self.ranks:
            self.seconds[rank] += (perf_counter() - start) / len(self.ranks)
        return found

    def _shared(self, rank: int, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """What all words' logits of hidden (tokens, dim) float64 share beside the factors' product, and their mean."""
        if rank == hidden.shape[1]:
            return torch.zeros_like(hidden[:, 0]), hidden @ self.moments.mean
        matrix, shift = self.approximation.linear(rank)
        return hidden @ self.approximation.centre, hidden @ (matrix @ self.moments.mean + shift)

    def coverage(self, rank: int) -> float:
        """Share of the energy in the components that `rank` keeps, 0..1."""
        return self.approximation.coverage(rank)

    def _one_tile(self, hidden: Tensor) -> list[tuple[dict[str, Tensor], float]]:
        """Statistics and thread seconds of every rank for hidden (tokens, dim)."""
        states, wide = hidden.to(compute_dtype(hidden.dtype)), hidden.double()
        right = self.approximation.right[:, : self.left.shape[1]]
        reduced = (wide @ right).to(states.dtype)  # (tokens, low)
        norms = largest_norm("hidden", states), largest_norm("hidden", reduced) if len(right.T) else 0.0
        bound = max(h * w for h, w in zip(norms, self.norms, strict=True)) if self.softcap is None else self.softcap
        safe = bound * LOG2_E < SAFE_EXPONENT
        steps = []
        for start, rank in zip((0, *self.ranks), self.ranks, strict=False):
            exact = states, self.head, slice(0, rank)
            source = exact if rank == hidden.shape[1] else (reduced, self.left, slice(start, rank))
            steps.append(_Step(self, *source, safe, wide))
        for number, words in enumerate(spans(len(self.head), tile_shape(hidden.device).words)):
            z = None
            for step in steps:
                z = step.add(z, words, number)
        return [(step.statistics(), step.seconds) for step in steps]


class _Step:
    """One rank of the sweep for one tile of tokens: the logits of the rank before, plus the columns start..rank."""

    def __init__(
        self, sweep: LowRankSweep, states: Tensor, words: Tensor, columns: slice, safe: bool, hidden: Tensor
    ) -> None:
        self.sweep, self.states, self.words, self.columns, self.hidden = sweep, states, words, columns, hidden
        self.offset, self.mean = sweep._shared(columns.stop, hidden)
        self.cap = None if sweep.softcap is None else SoftCap(sweep.softcap, self.offset)
        self.unit = LOG2_E if safe else 1.0
        self.rows = states[:, columns] * self.unit
        self.plain = PlainSums(len(states), self.unit, states)  # for the mean of capped logits alone
        self.sums = ExponentialSums(len(states), sweep.keep, safe, states)
        self.maxima = GroupMaxima(len(states), len(words), states)
        self.seconds = 0.0

    def add(self, previous: Tensor | None, words: slice, number: int) -> Tensor:
        """Take in a tile of words; previous (tokens, tile words) are the logits of the rank before."""
        start = perf_counter()
        columns = self.words[words, self.columns].to(self.rows.dtype).contiguous()
        z = product(self.rows, columns, previous if self.columns.start else None)
        self.maxima.add(z, number)  # of products, which a cap leaves in their order
        if self.cap is None:
            self.sums.add(z, number)
        else:
            logits = self.cap.of(z, self.unit)
            self.sums.add(logits, number)
            self.plain.add(logits, number)
        self.seconds += perf_counter() - start
        return z

    def statistics(self) -> dict[str, Tensor]:
        """Of this rank, once all words are taken in."""
        rank, sweep, hidden = self.columns.stop, self.sweep, self.hidden
        states, words = self.states[:, :rank].contiguous(), self.words[:, :rank]
        if not sweep.refined or rank == hidden.shape[1]:
            return evaluate(sweep.names, self._gathered(states, words, None))
        values, top = self.maxima.candidates(sweep.refined, states, words)
        preview = Preview(states, words, values, top, self.sums, self.cap, self.plain)
        found = evaluate(sweep.names, self._gathered(states, words, top.gather(1, largest(values, 2))))
        return found | refine(preview, hidden, sweep.head, self.offset, hidden @ sweep.moments.mean)

    def _gathered(self, states: Tensor, words: Tensor, best: Tensor | None) -> Gathered:
        """In nats, of the products states @ words.T; best (tokens, 2) are the words of the largest ones, where known.

        Under a cap the mean is that of the capped logits, and the offset has gone into them.
        """
        offset, mean = self.offset.to(states.dtype), self.mean.to(states.dtype)
        top_logits = top_words = None
        if self.sweep.keep & {"top_logits", "top_words"}:
            best = self.maxima.candidates(2, states, words)[1] if best is None else best
            top_logits, top_words = self.maxima.ordered(best, states, words)
        peak, maximum = self.sums.peak, self.maxima.maximum() / self.unit
        if self.cap is None:
            peak, maximum = peak + offset, maximum + offset
        else:
            maximum, mean = self.cap.of(maximum[:, None])[:, 0], self.plain.mean_and_spread(len(self.words))[0]
            top_logits = None if top_logits is None else self.cap.of(top_logits)
        return replace(
            self.sums.gathered(), peak=peak, maximum=maximum, mean=mean, top_logits=top_logits, top_words=top_words
        )


def _disagreement(hidden: Tensor, head: Tensor, targets: Tensor) -> float:
    dim = hidden.shape[1]
    sweep = LowRankSweep(head, sorted({1, dim // 2 or 1, dim}), kind="centred")
    runs = sweep._run_fused(hidden), sweep._run_tiled(hidden)
    return largest_difference(*([values for rank in run.values() for values in rank.values()] for run in runs))


_trusted = Trust("low rank", _disagreement)
