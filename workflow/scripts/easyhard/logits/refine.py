"""Low rank, then refine: the words that a preview puts first get their exact logits (SVD-softmax, Shim et al., 2017).

The preview is a low-rank product, whose maxima of groups and exponential sums the sweep has at hand anyway. Beside
them a token costs k dim multiply-adds for its k exact logits, and 32 k rank to find the k words inside their groups.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from easyhard.logits.collectors import ExponentialSums, PlainSums
from easyhard.logits.formulas import Gathered, evaluate
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
GATHERED_NUMBERS = 1 << 17  # numbers of the head that are held at once
ROUNDING = 1e-5  # share of a refined sum that the rounding of previews may be; moves an entropy by 1e-4 nats


class Sums(NamedTuple):
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
class Preview:
    """What a walk over the vocabulary leaves of the logits states @ left.T of one tile of tokens."""

    states: Tensor  # (tokens, rank)
    left: Tensor  # (words, rank)
    values: Tensor  # (tokens, k): the k largest products
    top: Tensor  # (tokens, k): their words
    sums: ExponentialSums  # of the logits: under a cap those of the capped ones, offset and all
    cap: SoftCap | None
    plain: PlainSums  # of the capped logits; empty without a cap


def refine(preview: Preview, hidden: Tensor, head: Tensor, offset: Tensor, mean: Tensor) -> dict[str, Tensor]:
    """REFINED_STATISTICS (tokens,) of hidden (tokens, dim) against head (words, dim), k of the words exact:

        p = states @ left.T + offset[:, None]                     # (tokens, words): the preview
        z, top = p.clone(), p.topk(k, dim=1).indices
        z.scatter_(1, top, (hidden @ head.T).gather(1, top))
        log_sum_exp, entropy = z.logsumexp(1), Categorical(logits=z).entropy()

    offset (tokens,) is what a token's previews share, mean (tokens,) its exact mean logit; both float64. The largest
    and second logit, the argmax and the tail mass are taken from the k exact ones, so the largest is never above the
    true one. Under a cap, previews and exact logits are capped, and the mean is that of z. The tail mass is what the
    words of probability exp(-3) or more, at most 20, leave of 1: z's own, unless a word that was not refined has that
    much.
    """
    previews, words = preview.values.double(), preview.top
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
    cap = None if preview.cap is None else SoftCap(preview.cap.cap, preview.cap.offset[doubtful])
    again = tail_sums(preview.states[doubtful], preview.left, words[doubtful], cap)
    rest = Sums(*(old.index_copy(0, doubtful, new) for old, new in zip(rest, again, strict=True)))
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
