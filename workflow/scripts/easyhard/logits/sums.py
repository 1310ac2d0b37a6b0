"""Running sums of exponentials of a token's logits."""

from torch import Tensor

from easyhard.logits.tiles import LOG2_E, LOWEST, shift_to_peak

SUMS = frozenset({"total", "energy", "collision"})


class ExponentialSums:
    """total = sum exp(z - c), energy = sum exp(z - c)(z - c), collision = sum exp(z - c)^2, each (tokens,).

    c is 0 when `safe`: then logits come in units of log2(e) and are exponentiated as they are. Otherwise c is the
    largest logit so far, and what was summed under a smaller one is rescaled (online softmax).
    """

    def __init__(self, tokens: int, keep: frozenset[str], safe: bool, like: Tensor) -> None:
        self.keep, self.safe = keep & SUMS, safe
        self.peak = like.new_full((tokens,), 0.0 if safe else LOWEST)
        self.total, self.energy, self.collision = like.new_zeros(3, tokens)

    def add(self, z: Tensor) -> None:
        """Take in a tile of logits (tokens, words)."""
        if not self.keep:
            return
        if not self.safe:
            z = self._rescale(z)
        e = z.exp2()
        self.total.add_(e.sum(1))
        if "energy" in self.keep:
            self.energy.add_((e * z).sum(1))
        if "collision" in self.keep:
            self.collision.add_(e.square_().sum(1))

    def _rescale(self, z: Tensor) -> Tensor:
        z, drop = shift_to_peak(z, self.peak)
        shrink = drop.exp2()
        self.energy.add_(drop * self.total).mul_(shrink)
        self.total.mul_(shrink)
        self.collision.mul_(shrink.square())
        return z.clamp_(min=LOWEST)  # a masked word adds 0 x -1e30, not 0 x -inf

    def energy_in_nats(self) -> Tensor:
        """(tokens,)"""
        return self.energy / LOG2_E
