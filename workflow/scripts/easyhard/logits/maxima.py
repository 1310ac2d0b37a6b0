"""The largest logits of each token without sorting all of them: maxima of groups first, then a look inside.

The k largest logits lie in the k groups with the largest maxima, and logits above a threshold in the groups whose
maxima are. Keeping one maximum for 32 words costs one cheap pass and tokens x words / 32 numbers for a tile of tokens;
afterwards only the logits of the groups that matter are computed again.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from easyhard.logits.softcap import capped
from easyhard.logits.tiles import spans, tile_shape

GROUP = 32
PAIRS = 16  # pairs of token and group in one small product
SET = 8  # columns of which only the largest value is looked at first
FEW = 64
GATHERED_NUMBERS = 1 << 20  # numbers of the head that a look inside holds at once


class GroupMaxima:
    """Largest logit of each group of 32 words, for one tile of tokens; column c of a tile is in group c mod `width`."""

    def __init__(self, tokens: int, words: int, like: Tensor, softcap: float | None = None) -> None:
        self.words, self.softcap = words, softcap
        self.tile_words = tile_shape(like.device).words
        self.width = self.tile_words // GROUP
        self.values = like.new_empty(tokens, len(spans(words, self.tile_words)), self.width)

    def add(self, z: Tensor, number: int) -> None:
        """Take in the logits (tokens, tile words) of tile `number`."""
        missing = self.tile_words - z.shape[1]
        full = pad(z, (0, missing), value=float("-inf")) if missing else z
        torch.amax(full.view(len(z), GROUP, self.width), 1, out=self.values[:, number])

    def maximum(self) -> Tensor:
        """The largest logit (tokens,), in the unit that came in."""
        return self.values.flatten(1).amax(1)

    def ordered(self, words: Tensor, hidden: Tensor, head: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, falling, in float64 nats, and words of hidden (tokens, dim) for its own `words` (tokens, n).

        Equal logits come in the order of their words; words beyond the vocabulary have the logit -inf.
        """
        words = words.sort(dim=1).values
        rows = head[words.clamp(max=self.words - 1)].double()  # (tokens, n, dim)
        exact = capped(rows.mul_(hidden.double()[:, None]).sum(2), self.softcap)
        exact = exact.masked_fill(words >= self.words, float("-inf"))
        exact, order = exact.sort(dim=1, descending=True, stable=True)
        return exact, words.gather(1, order)

    def candidates(self, k: int, hidden: Tensor, head: Tensor) -> tuple[Tensor, Tensor]:
        """The k largest logits of hidden (tokens, dim) and their words in head (words, dim): (tokens, k), unordered."""
        values = self.values.flatten(1)
        groups = largest(values, min(k, values.shape[1]))
        tokens = torch.arange(len(groups), device=groups.device).repeat_interleave(groups.shape[1])
        logits = self.inside(tokens, groups.flatten(), hidden, head).view(len(groups), -1)
        best = largest(logits, k)
        words = self._first(groups.gather(1, best // GROUP)) + best % GROUP * self.width
        return logits.gather(1, best), words

    def inside(self, tokens: Tensor, groups: Tensor, hidden: Tensor, head: Tensor) -> Tensor:
        """All logits (pairs, GROUP) of `groups` for `tokens`, int64 pairs (pairs,); -inf beyond the vocabulary.

        hidden (all tokens, dim) and head (words, dim). Tokens that want one group are multiplied with it PAIRS at a
        time: so its words are read, and copied, once for PAIRS tokens, where a product for each pair would only copy.
        """
        group, pair = groups.sort(stable=True)
        counts = torch.bincount(group, minlength=self.values[0].numel())
        batches = (counts + PAIRS - 1) // PAIRS
        places = torch.arange(len(group), device=group.device)
        places += (batches.cumsum(0) * PAIRS - counts.cumsum(0) - (batches * PAIRS - counts))[group]
        rows = places.new_zeros(int(batches.sum()) * PAIRS)  # tokens; places left over are given to the first one
        rows[places] = tokens[pair]
        owned = self._words_of(torch.repeat_interleave(batches))  # (batches, GROUP)
        products = hidden.new_empty(len(owned), PAIRS, GROUP)
        known = owned.clamp(max=self.words - 1)
        for part in spans(len(owned), max(1, GATHERED_NUMBERS // (GROUP * hidden.shape[1]))):
            states = hidden.index_select(0, rows[part.start * PAIRS : part.stop * PAIRS]).view(-1, PAIRS, head.shape[1])
            factors = head.index_select(0, known[part].flatten()).to(hidden.dtype).view(-1, GROUP, head.shape[1])
            torch.bmm(states, factors.transpose(1, 2), out=products[part])
        found = places.new_empty(len(places))
        found[pair] = places
        logits = capped(products.flatten(0, 1).index_select(0, found), self.softcap)
        last = (groups >= self.words // self.tile_words * self.width).nonzero()[:, 0]  # of the tile that is not full
        logits[last] = logits[last].masked_fill(self._words_of(groups[last]) >= self.words, float("-inf"))
        return logits

    def _first(self, groups: Tensor) -> Tensor:
        """The first word of each of the groups (any shape)."""
        return groups // self.width * self.tile_words + groups % self.width

    def _words_of(self, groups: Tensor) -> Tensor:
        """The words (n, GROUP) of groups (n,), beyond the last one where the vocabulary has ended."""
        return self._first(groups)[:, None] + torch.arange(0, self.tile_words, self.width, device=groups.device)


def largest(values: Tensor, k: int) -> Tensor:
    """Columns (rows, k) of the k largest of each row, in any order.

    They lie among the k sets of columns with the largest maxima, so only the columns of these are partitioned.
    """
    if values.device.type != "cpu":
        return values.topk(k, dim=1, sorted=False).indices
    columns = values.shape[1]
    sets = columns // SET
    if sets < 2 * k:
        return _partitioned(values, k)
    whole = values[:, : sets * SET].unflatten(1, (SET, sets))
    near = _partitioned(whole.amax(1), k)
    near = (near[:, None] + torch.arange(0, sets * SET, sets)[:, None]).flatten(1)  # (rows, SET k)
    rest = torch.arange(sets * SET, columns).expand(len(values), -1)
    near = torch.cat([near, rest], 1)
    return near.gather(1, _partitioned(values.gather(1, near), k))


def _partitioned(values: Tensor, k: int) -> Tensor:
    if k * FEW <= values.shape[1]:  # PyTorch keeps a heap then, else it partitions, slower than NumPy
        return values.topk(k, dim=1, sorted=False).indices
    first = values.shape[1] - k
    return torch.from_numpy(np.argpartition(values.numpy(), first, axis=1)[:, first:])
