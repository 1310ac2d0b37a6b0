"""Triton: every statistic of the logits in one pass over the vocabulary, with nothing but running figures on chip.

Floor on an H200, N tokens, V words, d dims: 2NVd operations (N = 65,536, V = 69,830, d = 64: 586 GFLOP, 8.7 ms in
float32) and NV exponentials (1.2 ms). Bytes: hidden once, the head once for each block of tokens, mostly from cache.
"""

# mypy: disable-error-code="untyped-decorator, import-untyped, import-not-found"

from dataclasses import replace
from math import exp

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.nn.functional import pad

from easyhard.logits import triton_tiles as tiles
from easyhard.logits.arguments import logit_bound
from easyhard.logits.formulas import Gathered, needs
from easyhard.logits.request import MAX_TOP_K, SCALED, Request
from easyhard.logits.softcap import capped
from easyhard.logits.tiled import LinearMoments, near_tail, scaled_by
from easyhard.logits.triton_tiles import ABSENT, LOG2_E, LOWEST  # by name: so they count in Triton's cache keys

PICKED_TOKENS, PICKED_DIMS = 32, 64
FEW = 4  # largest logits that fit beside the widest tile


def gather(
    hidden: Tensor, head: Tensor, targets: Tensor | None, request: Request, precision: tiles.Precision = "ieee"
) -> dict[str, Tensor]:
    """Every statistic in one pass, those at a temperature too; and one more for all tail thresholds above log 33, of
    the plain logits and of the scaled ones each.

    precision names how float32 inputs are multiplied: "ieee" float32, "tf32x3" three products of tf32 halves, "tf32"
    and "bf16" rounded to these types first, to nearest. Products of what is rounded are exact, sums float32.
    Memory beyond inputs and outputs: some 10 numbers, and 2 top_k, for each token and split of the vocabulary.
    Raises InputError for float64, tensors off the GPU, and states or heads that are not finite.
    """
    if precision == "bf16":
        hidden, head = (tiles.loadable(matrix).bfloat16() for matrix in (hidden, head))
        return gather(hidden, head, targets, request)
    logit_bound(hidden, head)
    pass_ = _Pass(tiles.loadable(hidden, precision), tiles.loadable(head, precision), targets, request, precision)
    return request.evaluate(*pass_.gathered())


class _Pass:
    """One call: launches the kernels and merges what the splits of the vocabulary leave."""

    def __init__(
        self, hidden: Tensor, head: Tensor, targets: Tensor | None, request: Request, precision: tiles.Precision
    ) -> None:
        self.hidden, self.head, self.targets, self.request = hidden, head, targets, request
        self.keep, self.keep_scaled = needs(request.statistics), needs(request.scaled.statistics)
        self.both = self.keep | self.keep_scaled
        self.cold = 1 / request.scaled.temperature
        self.tile = tiles.tile_for(hidden, precision)
        self.thresholds = request.tail_thresholds if "tail_mass" in self.keep else ()
        self.scaled_thresholds = request.scaled.tail_thresholds if "tail_mass" in self.keep_scaled else ()
        self.near = [t for t in (*self.thresholds, *self.scaled_thresholds) if exp(t) < MAX_TOP_K + 1]

    def gathered(self) -> tuple[Gathered, Gathered]:
        """Everything the request needs, in nats: of the logits, and of those at the temperature."""
        softcap, words, target = self.request.softcap, len(self.head), None
        if self.targets is not None and "target" in self.both:
            target = tiles.target_logits(self.hidden, self.head, self.targets, self.tile, softcap)
        left = self._walk()
        plain = tiles.merged(left["peak"], left["total"], left.get("energy"), left.get("collision"))
        plain.maximum, plain.target = plain.peak, target
        if "first" in left:
            mean = left["first"].sum(0) / words
            spread = (left["second"].sum(0) / words - mean.square()).clamp(min=0).sqrt()
            plain.mean, plain.spread = mean.float(), spread.float()
        elif softcap is None:
            plain.mean, plain.spread = LinearMoments(self.head, self.both).of(self.hidden.float())
        top = None
        if "top_words" in left:
            top, top_words = self._exact_top(left["top_logits"], left["top_words"])
            plain.top_logits, plain.top_words = top[:, : self.request.top_k], top_words[:, : self.request.top_k]
        plain.tail_mass = self._tails(plain, top, self.thresholds, 1.0)
        if not self.keep_scaled:
            return plain, plain
        sums = (left.get(SCALED + name) for name in ("total", "energy", "collision"))
        scaled = scaled_by(plain, tiles.merged(left["peak"] * self.cold, *sums), self.cold)
        scaled.tail_mass = self._tails(scaled, top, self.scaled_thresholds, self.cold)
        return plain, scaled

    def _walk(self) -> dict[str, Tensor]:
        """What each split of the vocabulary leaves: name -> (splits, tokens), tops (splits, tokens, k)."""
        tokens, words, top = len(self.hidden), len(self.head), self._top_count()
        tile = self.tile if top <= FEW else replace(self.tile, words=min(self.tile.words, 128))  # registers run out
        span, splits = tiles.split_words(self.hidden, words, tile)
        moments = self.request.softcap is not None and bool(self.both & {"mean", "spread"})

        def new(wanted: bool, dtype: torch.dtype = torch.float32, *shape: int) -> Tensor | None:
            return self.hidden.new_empty(splits, tokens, *shape, dtype=dtype) if wanted else None

        out = {
            "peak": new(True),
            "total": new(True),
            "energy": new("energy" in self.keep),
            "collision": new("collision" in self.keep),
            SCALED + "total": new("total" in self.keep_scaled),
            SCALED + "energy": new("energy" in self.keep_scaled),
            SCALED + "collision": new("collision" in self.keep_scaled),
            "first": new(moments, torch.float64),
            "second": new(moments, torch.float64),
            "top_logits": new(top > 0, torch.float32, top),
            "top_words": new(top > 0, torch.int32, top),
        }
        _walk_kernel[(triton.cdiv(tokens, tile.tokens) * splits,)](
            self.hidden, self.head, *out.values(), self.cold,
            tokens=tokens, words=words, span=span, splits=splits, softcap=self.request.softcap,
            TOP=top, SLOTS=triton.next_power_of_2(max(top, 1)), **tile.launch,
        )  # fmt: skip
        return {name: value for name, value in out.items() if value is not None}

    def _top_count(self) -> int:
        """How many of the largest logits the pass keeps."""
        if not self.both & {"top_logits", "top_words"} and not self.near:
            return 0
        return max(self.request.top_k, 2, *(int(exp(t)) for t in self.near))

    def _tails(
        self, gathered: Gathered, top: Tensor | None, thresholds: tuple[float, ...], scale: float
    ) -> Tensor | None:
        """Mass (tokens, thresholds) of the words with p < exp(-threshold), where there are thresholds.

        `gathered` is of `scale` times the logits, of which `top` (tokens, k) are the largest. What these do not tell
        takes one more pass for all thresholds.
        """
        if not thresholds:
            return None
        tokens, log_total = len(self.hidden), gathered.get("total").log()
        masses = torch.empty(len(thresholds), tokens, device=self.hidden.device)
        far = [number for number, threshold in enumerate(thresholds) if threshold not in self.near]
        if far:
            out = masses.new_empty(len(far), tokens)
            _tail_kernel[(triton.cdiv(tokens, self.tile.tokens),)](
                self.hidden, self.head, gathered.peak, log_total, out, scale,
                tokens=tokens, words=len(self.head), softcap=self.request.softcap,
                THRESHOLDS=tuple(thresholds[number] for number in far), COUNT=len(far), **self.tile.launch,
            )  # fmt: skip
            masses[far] = out
        for number in set(range(len(thresholds))) - set(far):
            assert top is not None
            masses[number] = near_tail((top - top[:, :1]) * scale - log_total[:, None], thresholds[number])
        return masses.T

    def _exact_top(self, values: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """The largest logits over all splits (tokens, k), computed again in float64 and falling, and their words."""
        splits, tokens, asked = values.shape
        top = min(asked, len(self.head))
        best = values.transpose(0, 1).reshape(tokens, splits * asked).topk(top, dim=1)
        words = words.transpose(0, 1).reshape(tokens, splits * asked).gather(1, best.indices).sort(dim=1).values
        out = self.hidden.new_empty(tokens, top, dtype=torch.float64)
        _picked_kernel[(triton.cdiv(tokens, PICKED_TOKENS), top)](
            self.hidden, self.head, words, out, tokens, DIM=self.hidden.shape[1], TOP=top,
            TOKENS=PICKED_TOKENS, BLOCK_K=PICKED_DIMS,
        )  # fmt: skip
        exact, order = capped(out, self.request.softcap).sort(dim=1, descending=True, stable=True)
        missing = (0, asked - top)  # where the vocabulary has fewer words
        return pad(exact, missing, value=float("-inf")), pad(words.gather(1, order).long(), missing)


@triton.jit
def _summed(
    x: tl.tensor,
    drop: tl.tensor,
    total: tl.tensor,
    energy: tl.tensor,
    collision: tl.tensor,
    energy_out: tl.tensor,
    collision_out: tl.tensor,
    AXIS: tl.constexpr,
) -> tl.tensor:
    """Running sums after a tile x = log2(e)(z - peak), the peak having risen by -drop; what is not put out stays."""
    shrink = tl.exp2(drop)
    e = tl.exp2(x)
    if energy_out is not None:
        energy = (energy + drop * total) * shrink + tl.sum(e * x, AXIS)
    if collision_out is not None:
        collision = collision * (shrink * shrink) + tl.sum(e * e, AXIS)
    return total * shrink + tl.sum(e, AXIS), energy, collision


@triton.jit
def _walk_kernel(
    hidden: tl.tensor,
    head: tl.tensor,
    peak_out: tl.tensor,
    total_out: tl.tensor,
    energy_out: tl.tensor,
    collision_out: tl.tensor,
    scaled_total_out: tl.tensor,
    scaled_energy_out: tl.tensor,
    scaled_collision_out: tl.tensor,
    first_out: tl.tensor,
    second_out: tl.tensor,
    top_out: tl.tensor,
    top_words_out: tl.tensor,
    cold: tl.tensor,
    tokens: tl.tensor,
    words: tl.tensor,
    span: tl.tensor,
    splits: tl.tensor,
    softcap: tl.tensor,
    TOP: tl.constexpr,
    SLOTS: tl.constexpr,
    TILE: tl.constexpr,
) -> None:
    """One block of tokens over one split of the words; splits of one block run side by side."""
    split = tl.program_id(0) % splits
    rows = tl.program_id(0) // splits * TILE.tokens + tl.arange(0, TILE.tokens)
    real = rows < tokens
    states = tiles.block(hidden, rows, tokens, 0, TILE.dim, TILE.dims)
    peak = tl.full((TILE.tokens,), ABSENT, tl.float32)
    zeros = tl.full((TILE.tokens,), 0, tl.float32)
    total, energy, collision = zeros, zeros, zeros
    scaled_total, scaled_energy, scaled_collision = zeros, zeros, zeros
    first, second = zeros.to(tl.float64), zeros.to(tl.float64)
    slots = tl.broadcast_to(tl.arange(0, SLOTS)[None, :], (TILE.tokens, SLOTS))
    best = tl.where(slots < TOP, ABSENT, float("inf"))  # no logit displaces the slots beyond TOP
    best_words = tl.full((TILE.tokens, SLOTS), 0, tl.int32)
    for start in range(split * span, tl.minimum((split + 1) * span, words), TILE.words):
        columns = start + tl.arange(0, TILE.words)
        beside = tl.expand_dims(columns, 1 - TILE.axis)
        z = tiles.products(hidden, head, rows, columns, tokens, words, states, TILE)
        z = tiles.finish(z, softcap, columns, words, TILE.axis)
        left = tl.max(z, TILE.axis)
        raised = tl.maximum(peak, left)
        drop = (peak - raised) * LOG2_E
        x = (z - tl.expand_dims(raised, TILE.axis)) * LOG2_E
        total, energy, collision = _summed(x, drop, total, energy, collision, energy_out, collision_out, TILE.axis)
        if scaled_total_out is not None:
            x = tl.maximum(x * cold, LOWEST)  # a cold one would take absent words to -inf
            drop = tl.maximum(drop * cold, LOWEST)
            scaled_total, scaled_energy, scaled_collision = _summed(
                x,
                drop,
                scaled_total,
                scaled_energy,
                scaled_collision,
                scaled_energy_out,
                scaled_collision_out,
                TILE.axis,
            )
        peak = raised
        if first_out is not None:
            known = tl.where(beside < words, z, 0.0)
            first += tl.sum(known, TILE.axis).to(tl.float64)
            second += tl.sum(known * known, TILE.axis).to(tl.float64)
        if TOP > 0:
            worst = tl.min(best, 1)
            if tl.max((left > worst).to(tl.int32), 0) > 0:  # a loop right here would keep loads from running ahead
                while tl.max((left > worst).to(tl.int32), 0) > 0:  # each turn takes the largest logit of every token
                    word = tl.min(tl.where(z == tl.expand_dims(left, TILE.axis), beside, 2147483647), TILE.axis)
                    slot = tl.min(tl.where(best == worst[:, None], slots, SLOTS), 1)
                    takes = (slots == slot[:, None]) & (left > worst)[:, None]
                    best = tl.where(takes, left[:, None], best)
                    best_words = tl.where(takes, word[:, None], best_words)
                    z = tl.where(beside == tl.expand_dims(word, TILE.axis), ABSENT, z)
                    left = tl.max(z, TILE.axis)
                    worst = tl.min(best, 1)
    at = split.to(tl.int64) * tokens + rows
    tl.store(peak_out + at, peak, mask=real)
    tl.store(total_out + at, total, mask=real)
    if energy_out is not None:
        tl.store(energy_out + at, energy / LOG2_E, mask=real)
    if collision_out is not None:
        tl.store(collision_out + at, collision, mask=real)
    if scaled_total_out is not None:
        tl.store(scaled_total_out + at, scaled_total, mask=real)
    if scaled_energy_out is not None:
        tl.store(scaled_energy_out + at, scaled_energy / LOG2_E, mask=real)
    if scaled_collision_out is not None:
        tl.store(scaled_collision_out + at, scaled_collision, mask=real)
    if first_out is not None:
        tl.store(first_out + at, first, mask=real)
        tl.store(second_out + at, second, mask=real)
    if TOP > 0:
        places = at[:, None] * TOP + slots
        tl.store(top_out + places, best, mask=real[:, None] & (slots < TOP))
        tl.store(top_words_out + places, best_words, mask=real[:, None] & (slots < TOP))


@triton.jit
def _picked_kernel(
    hidden: tl.tensor,
    head: tl.tensor,
    picked: tl.tensor,
    out: tl.tensor,
    tokens: tl.tensor,
    DIM: tl.constexpr,
    TOP: tl.constexpr,
    TOKENS: tl.constexpr,
    BLOCK_K: tl.constexpr,
) -> None:
    """Products in float64 of a block of tokens, each with one word of its own."""
    rows = tl.program_id(0) * TOKENS + tl.arange(0, TOKENS)
    places = rows.to(tl.int64) * TOP + tl.program_id(1)
    columns = tl.load(picked + places, mask=rows < tokens, other=0)
    result = tl.full((TOKENS,), 0, tl.float64)
    for start in range(0, DIM, BLOCK_K):
        h = tiles.block(hidden, rows, tokens, start, DIM, BLOCK_K).to(tl.float64)
        w = tiles.block(head, columns, 2147483647, start, DIM, BLOCK_K).to(tl.float64)
        result += tl.sum(h * w, 1)
    tl.store(out + places, result, mask=rows < tokens)


@triton.jit
def _tail_kernel(
    hidden: tl.tensor,
    head: tl.tensor,
    peak_in: tl.tensor,
    log_total_in: tl.tensor,
    out: tl.tensor,
    scale: tl.tensor,
    tokens: tl.tensor,
    words: tl.tensor,
    softcap: tl.tensor,
    THRESHOLDS: tl.constexpr,
    COUNT: tl.constexpr,
    TILE: tl.constexpr,
) -> None:
    """sum p [log p < -threshold] of a block of tokens for each threshold, z times `scale` and its normalisers known."""
    rows = tl.program_id(0) * TILE.tokens + tl.arange(0, TILE.tokens)
    states = tiles.block(hidden, rows, tokens, 0, TILE.dim, TILE.dims)
    peak = tl.load(peak_in + rows, mask=rows < tokens, other=0.0)
    log_total = tl.load(log_total_in + rows, mask=rows < tokens, other=0.0)
    masses = (tl.full((TILE.tokens,), 0, tl.float32),) * COUNT
    for start in range(0, words, TILE.words):
        columns = start + tl.arange(0, TILE.words)
        z = tiles.products(hidden, head, rows, columns, tokens, words, states, TILE)
        z = tiles.finish(z, softcap, columns, words, TILE.axis)
        log_p = z * scale - tl.expand_dims(peak, TILE.axis) - tl.expand_dims(log_total, TILE.axis)
        p = tl.exp2(log_p * LOG2_E)
        for number in tl.static_range(COUNT):
            below = tl.sum(tl.where(log_p < -THRESHOLDS[number], p, 0.0), TILE.axis)
            masses = masses[1:] + (masses[0] + below,)  # noqa: RUF005
    for number in tl.static_range(COUNT):
        tl.store(out + number * tokens + rows, masses[number], mask=rows < tokens)
