"""Soft-capped logits c tanh(z / c), as Gemma 2 makes them, of products z = h.w."""

from dataclasses import dataclass

from torch import Tensor

from easyhard.errors import InputError


def check_softcap(softcap: float | None) -> None:
    """Raise InputError for a cap that is not positive and finite."""
    if softcap is not None and not 0 < softcap < float("inf"):
        raise InputError(f"softcap: {softcap}; a positive number is wanted")


def capped(products: Tensor, softcap: float | None, unit: float = 1.0) -> Tensor:
    """Turn products into their logits, in place, where there is a softcap; both are `unit` to the nat."""
    if softcap is None:
        return products
    cap = softcap * unit  # tanh(x) = 2 sigmoid(2x) - 1, five times as fast
    return products.mul_(2 / cap).sigmoid_().mul_(2 * cap).sub_(cap)


@dataclass(frozen=True)
class SoftCap:
    """Logits c tanh((z + offset) / c) of products z, `cap` being c: offset (tokens,), nats, is what a token's share.

    Products of low rank come without what all words' logits of a token have in common.
    """

    cap: float
    offset: Tensor

    def of(self, z: Tensor, unit: float = 1.0) -> Tensor:
        """The logits of z (tokens, n), both `unit` to the nat, in a new tensor."""
        return capped(z + self.offset[:, None].to(z.dtype) * unit, self.cap, unit)
