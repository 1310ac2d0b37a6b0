"""The k largest logits of each token without sorting all of them: maxima of groups first, then a look inside.

The k largest logits lie in the k groups with the largest maxima. Keeping one maximum for 32 words costs one cheap pass
and tokens x words / 32 numbers for a tile of tokens; afterwards only 32 k logits a token are computed again.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from easyhard.logits.request import LINEAR, Request
from easyhard.logits.tiles import spans, tile_shape

GROUP = 32
GATHERED_NUMBERS = 1 << 20  # numbers of the head that a look inside holds at once


class GroupMaxima:
    """Largest logit of each group of 32 words, for one tile of tokens; column c of a tile is in group c mod `width`."""

    def __init__(self, tokens: int, words: int, like: Tensor, request: Request = LINEAR) -> None:
        self.words, self.request = words, request
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

    def top(self, k: int, hidden: Tensor, head: Tensor) -> tuple[Tensor, Tensor]:
        """The k largest logits, falling, computed again in float64 nats, and their words: (tokens, k) each.

        Equal logits come in the order of their words. Where the vocabulary has fewer than k words, the rest is -inf.
        """
        groups = self.values.flatten(1).topk(k, dim=1).indices  # (tokens, k)
        first = groups // self.width * self.tile_words + groups % self.width
        inside = torch.arange(0, self.tile_words, self.width, device=first.device)
        candidates = (first[:, :, None] + inside).flatten(1)  # (tokens, 32 k)
        parts = spans(len(hidden), max(1, GATHERED_NUMBERS // (k * GROUP * hidden.shape[1])))
        picked = torch.cat([self._pick(k, hidden[part], head, candidates[part]) for part in parts])
        exact = self._logits(hidden.double(), head, picked)
        exact, order = exact.sort(dim=1, descending=True, stable=True)
        return exact, picked.gather(1, order)

    def _pick(self, k: int, hidden: Tensor, head: Tensor, words: Tensor) -> Tensor:
        best = self._logits(hidden, head, words).topk(k, dim=1).indices
        return words.gather(1, best).sort(dim=1).values

    def _logits(self, hidden: Tensor, head: Tensor, words: Tensor) -> Tensor:
        """Logits (tokens, n) of the given words (tokens, n), -inf beyond the vocabulary."""
        known = words.clamp(max=self.words - 1)
        rows = head[known].to(hidden.dtype)  # (tokens, n, dim)
        z = self.request.finish(rows.mul_(hidden[:, None]).sum(2), known)
        return z.masked_fill(words >= self.words, float("-inf"))
