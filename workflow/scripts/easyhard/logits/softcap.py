"""Soft-capped logits where products come without what all words' logits of a token share, as those of low rank do."""

from dataclasses import dataclass

from torch import Tensor

from easyhard.logits.request import Request


@dataclass(frozen=True)
class SoftCap:
    """Logits c tanh((z + offset) / c) of the products z of some tokens, `cap` being c; offset (tokens,), nats."""

    cap: float
    offset: Tensor

    def of(self, z: Tensor, unit: float = 1.0) -> Tensor:
        """The logits of z (tokens, n), both `unit` to the nat, in a new tensor."""
        shifted = z + self.offset[:, None].to(z.dtype) * unit
        return Request((), softcap=self.cap).finish(shifted, slice(None), unit)

    def rows(self, tokens: Tensor) -> "SoftCap":
        """The same for some of the tokens, by their numbers."""
        return SoftCap(self.cap, self.offset[tokens])
