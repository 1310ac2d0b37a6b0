"""Low rank, then refine: the words that a preview puts first get their exact logits (SVD-softmax, Shim et al., 2017).

The preview is a low-rank product, whose maxima of groups and exponential sums the sweep has at hand anyway. Beside
them a token costs k dim multiply-adds for its k exact logits, and 32 k rank to find the k words inside their groups.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from easyhard.logits.collectors import ExponentialSums, PlainSums
from easyhard.logits.formulas import Gathered, evaluate
from easyhard.logits.maxima import GROUP, GroupMaxima
from easyhard.logits.softcap import SoftCap
from easyhard.logits.tiled import near_tail
from easyhard.logits.tiles import product, spans, tile_shape

FORMULA_OF = {
    "refined_max_probability": "max_probability",
    "refined_max_logit": "max_logit",
    "refined_max_minus_mean": "max_minus_mean",
    "refined_margin": "margin",
    "refined_entropy": "entropy",
    "refined_tail_mass_3": "tail_mass",
    "refined_argmax": "argmax",
}
REFINED_STATISTICS = tuple(FORMULA_OF)
TAIL_THRESHOLD = 3.0
PAIRS = 16  # pairs of token and group in one small product
GATHERED_NUMBERS = 1 << 17  # numbers of the head that are held at once
ROUNDING = 1e-5  # share of a refined sum that the rounding of previews may be; moves an entropy by 1e-4 nats


@dataclass(frozen=True)
class Sums:
    """total = sum exp(z - peak) and energy = sum exp(z - peak)(z - peak) over some words: each (tokens,), float64."""

    peak: Tensor
    total: Tensor
    energy: Tensor

    def at(self, peak: Tensor) -> "Sums":
        """The same sums relative to another peak (tokens,), not below the own."""
        drop = self.peak - peak
        shrink = drop.exp()
        return Sums(peak, self.total * shrink, (self.energy + drop * self.total) * shrink)


@dataclass(frozen=True)
class Blocks:
    """Low-rank factors of the words, group by group as GroupMaxima has them, so that a group is read in one piece."""

    factors: Tensor  # (groups, low, GROUP)
    absent: Tensor  # (groups, 1, GROUP): -inf where the vocabulary has ended, 0 elsewhere


@dataclass(frozen=True)
class Preview:
    """What a walk over the vocabulary leaves of the logits states @ left.T of one tile of tokens."""

    states: Tensor  # (tokens, rank)
    left: Tensor  # (words, rank)
    maxima: GroupMaxima  # of the products
    sums: ExponentialSums  # of the logits: under a cap those of the capped ones, offset and all
    cap: SoftCap | None
    plain: PlainSums  # of the capped logits; empty without a cap


def group_blocks(left: Tensor) -> Blocks:
    """Blocks of the words' factors left (words, low)."""
    tile = tile_shape(left.device).words
    tiles = len(spans(len(left), tile))

    def grouped(rows: Tensor, value: float) -> Tensor:
        full = pad(rows, (0, 0, 0, tiles * tile - len(rows)), value=value).view(tiles, GROUP, tile // GROUP, -1)
        return full.permute(0, 2, 3, 1).flatten(0, 1).contiguous()

    return Blocks(grouped(left, 0.0), grouped(left.new_zeros(len(left), 1), float("-inf")))


def refine(
    preview: Preview, k: int, hidden: Tensor, head: Tensor, blocks: Blocks, offset: Tensor, mean: Tensor
) -> dict[str, Tensor]:
    """REFINED_STATISTICS (tokens,) of hidden (tokens, dim) against head (words, dim), k of the words exact:

        p = states @ left.T + offset[:, None]                     # (tokens, words): the preview
        z, top = p.clone(), p.topk(k, dim=1).indices
        z.scatter_(1, top, (hidden @ head.T).gather(1, top))
        log_sum_exp, entropy = z.logsumexp(1), Categorical(logits=z).entropy()

    offset (tokens,) is what a token's previews share, mean (tokens,) its exact mean logit; both float64. The largest
    and second logit, the argmax and the tail mass are taken from the k exact ones, so the largest is never above the
    true one. Under a cap, previews and exact logits are capped, and the mean is that of z. The tail mass is what the
    words of probability exp(-3) or more, at most 20, leave of 1: z's own, unless a word that was not refined has that
    much. k is 2 to the number of words. `blocks` are group_blocks of the factors.
    """
    previews, words = preview_top(k, preview.maxima, preview.states, blocks)
    exact, order = exact_logits(hidden, head, words).sort(dim=1, descending=True, stable=True)
    words = words.gather(1, order)
    if preview.cap is not None:
        offset = torch.zeros_like(offset)
        previews, exact = preview.cap.of(previews), SoftCap(preview.cap.cap, offset).of(exact)
        mean = (preview.plain.first + exact.sum(1) - previews.sum(1)) / len(head)
    sums = _refined_sums(preview, previews, exact - offset[:, None], words)
    peak, log_total = sums.peak + offset, sums.total.log()
    gathered = Gathered(
        peak=peak,
        total=sums.total,
        energy=sums.energy,
        maximum=exact[:, 0],
        mean=mean,
        top_logits=exact,
        top_words=words,
        tail_mass=near_tail(exact - (peak + log_total)[:, None], TAIL_THRESHOLD),
    )
    found = evaluate(FORMULA_OF.values(), gathered)
    narrow = {name: found[formula].to(preview.states.dtype) for name, formula in FORMULA_OF.items()}
    return narrow | {"refined_argmax": found["argmax"]}


def preview_top(k: int, maxima: GroupMaxima, states: Tensor, blocks: Blocks) -> tuple[Tensor, Tensor]:
    """The k largest previews of states (tokens, rank), as float64, and their words: (tokens, k) each, in no order.

    They lie in the k groups with the largest maxima, of which all words are looked at.
    """
    values = maxima.values.flatten(1)
    groups = _largest(values, min(k, values.shape[1]))
    previews = _look_inside(groups, states, blocks)  # (tokens, groups * GROUP)
    best = _largest(previews, k)
    group = groups.gather(1, best // GROUP)
    first = group // maxima.width * maxima.tile_words + group % maxima.width
    return previews.gather(1, best).double(), first + best % GROUP * maxima.width


def _largest(values: Tensor, k: int) -> Tensor:
    """Columns (rows, k) of the k largest of each row, in any order."""
    if values.device.type != "cpu":
        return values.topk(k, dim=1, sorted=False).indices
    first = values.shape[1] - k  # NumPy's partition takes a quarter of the time of PyTorch's topk
    return torch.from_numpy(np.argpartition(values.numpy(), first, axis=1)[:, first:])


def _look_inside(groups: Tensor, states: Tensor, blocks: Blocks) -> Tensor:
    """Previews (tokens, picked * GROUP) of all words of each token's groups (tokens, picked).

    Tokens that picked the same group are multiplied with it PAIRS at a time: so factors are read, and copied, once for
    PAIRS tokens, where a product for each pair would do nothing but copy.
    """
    group, pair = groups.flatten().sort(stable=True)
    counts = torch.bincount(group, minlength=len(blocks.factors))
    batches = (counts + PAIRS - 1) // PAIRS
    slots = torch.arange(len(group), device=group.device)
    slots += (batches.cumsum(0) * PAIRS - counts.cumsum(0) - (batches * PAIRS - counts))[group]
    owner = torch.repeat_interleave(batches)  # the group of each batch
    rows = states.new_zeros(len(owner) * PAIRS, states.shape[1])
    rows[slots] = states.index_select(0, pair // groups.shape[1])  # 3-5 times as fast as states[...]
    factors = blocks.factors[:, : states.shape[1]].index_select(0, owner)  # (batches, rank, GROUP)
    products = torch.baddbmm(blocks.absent[owner], rows.view(len(owner), PAIRS, -1), factors)
    found = products.new_empty(len(group), GROUP)
    found[pair] = products.flatten(0, 1).index_select(0, slots)
    return found.view(len(groups), -1)


def exact_logits(hidden: Tensor, head: Tensor, words: Tensor) -> Tensor:
    """Logits (tokens, k), float64, of hidden (tokens, dim) for its own words (tokens, k) of head (words, dim)."""
    k, dim = words.shape[1], head.shape[1]

    def exact(tokens: slice) -> Tensor:
        rows = head.index_select(0, words[tokens].flatten()).double()
        return torch.bmm(rows.view(-1, k, dim), hidden[tokens].double()[:, :, None])[:, :, 0]

    return torch.cat([exact(part) for part in spans(len(words), max(1, GATHERED_NUMBERS // (k * dim)))])


def _refined_sums(preview: Preview, previews: Tensor, exact: Tensor, words: Tensor) -> Sums:
    """Sums over all words: exact (tokens, k) of `words`, and the preview's less previews (tokens, k) of these words.

    Where previews are so large, or so far above the exact logits, that their rounding counts, the other words are
    summed once more, alone.
    """
    whole = Sums(preview.sums.peak.double(), preview.sums.total.double(), preview.sums.energy.double())
    whole = whole.at(torch.maximum(whole.peak, previews.amax(1)))
    replaced, top = _sums_of(previews, whole.peak), _sums_of(exact, exact.amax(1))
    rest = Sums(whole.peak, (whole.total - replaced.total).clamp(min=0), whole.energy - replaced.energy)
    refined = _added(rest, top)
    rounding = torch.finfo(preview.states.dtype).eps * previews.abs().amax(1) * whole.at(refined.peak).total
    doubtful = (rounding > ROUNDING * refined.total).nonzero()[:, 0]
    if len(doubtful) == 0:
        return refined
    cap = None if preview.cap is None else preview.cap.rows(doubtful)
    again = tail_sums(preview.states[doubtful], preview.left, words[doubtful], cap)
    rest = Sums(
        rest.peak.index_copy(0, doubtful, again.peak),
        rest.total.index_copy(0, doubtful, again.total),
        rest.energy.index_copy(0, doubtful, again.energy),
    )
    return _added(rest, top)


def _sums_of(logits: Tensor, peak: Tensor) -> Sums:
    shifted = logits - peak[:, None]
    return Sums(peak, shifted.exp().sum(1), (shifted.exp() * shifted).sum(1))


def _added(one: Sums, other: Sums) -> Sums:
    peak = torch.maximum(one.peak, other.peak)
    one, other = one.at(peak), other.at(peak)
    return Sums(peak, one.total + other.total, one.energy + other.energy)


def tail_sums(states: Tensor, left: Tensor, top: Tensor, cap: SoftCap | None = None) -> Sums:
    """Sums of states (tokens, rank) @ left.T, capped or not, over all words but each token's own top (tokens, k)."""
    sums = ExponentialSums(len(states), frozenset({"energy"}), safe=False, like=states)
    for number, words in enumerate(spans(len(left), tile_shape(left.device).words)):
        z = product(states, left[words].contiguous())
        z = z if cap is None else cap.of(z)
        rows, columns = ((top >= words.start) & (top < words.stop)).nonzero(as_tuple=True)
        z[rows, top[rows, columns] - words.start] = float("-inf")
        sums.add(z, number)
    return Sums(sums.peak.double(), sums.total.double(), sums.energy.double())
