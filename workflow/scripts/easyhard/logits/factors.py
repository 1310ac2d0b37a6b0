"""Low-rank factors of the output head, from a d x d eigenproblem in float64 instead of an SVD of V x d."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.moments import Moments
from easyhard.logits.tiles import each

Kind = Literal["plain", "centred", "weighted"]


@dataclass(frozen=True)
class Factors:
    """z_r = h.centre + (h right[:, :r]) ((w - centre) left[:, :r])^T: the rank-r logits of state h and word w; float64.

    energy (dim,), falling, is what each component adds to the squared logits that are approximated.
    """

    centre: Tensor  # (dim,)
    left: Tensor  # (dim, dim)
    right: Tensor  # (dim, dim)
    energy: Tensor  # (dim,)

    def coverage(self, rank: int) -> float:
        """Share of the energy in the first `rank` components, 0..1."""
        return float(self.energy[:rank].sum() / self.energy.sum())

    def linear(self, rank: int) -> tuple[Tensor, Tensor]:
        """(K, k) with z_r = h.(K w + k) for every state h and word w: K (dim, dim), k (dim,)."""
        matrix = self.right[:, :rank] @ self.left[:, :rank].T
        return matrix, self.centre - matrix @ self.centre


def factors(kind: Kind, head: Moments, states: Moments | None = None) -> Factors:
    """Factors of the head W (words, dim) from its moments.

    plain: the SVD of W, as the founding study has it. centred: of W - mean row, which softmax cannot tell from W.
    weighted: the best in mean square on states with second moment C = L L (from `states`): the SVD of (W - mean row) L,
    as SVD-LLM (arXiv 2403.07378) whitens. Raises InputError for another kind, or weighted without `states`.
    """
    if kind == "plain":
        return _from_gram(head.second * head.count, torch.zeros_like(head.mean), None)
    if kind == "centred":
        return _from_gram(head.covariance * head.count, head.mean, None)
    if kind != "weighted":
        raise InputError(f"kind: {kind!r}; plain, centred or weighted is wanted")
    if states is None:
        raise InputError("states: none; weighted factors want hidden states of other tokens")
    if states.mean.shape != head.mean.shape:
        raise InputError(f"states: dim {len(states.mean)}; the head's, {len(head.mean)}, is wanted")
    return _from_gram(head.covariance * head.count, head.mean, states.second)


def _from_gram(gram: Tensor, centre: Tensor, second: Tensor | None) -> Factors:
    """From gram = (W - centre)^T (W - centre) (dim, dim); `second` is E[h h^T], the identity where none."""
    if second is None:
        energy, basis = _eigen(gram)
        return Factors(centre, basis, basis, energy)
    scale, axes = _eigen(second)
    root = scale.clamp(min=float(scale[0]) * 1e-12).sqrt()  # directions that no state takes get a tiny weight
    whiten, unwhiten = axes * root, axes / root  # L and its inverse transposed
    energy, basis = _eigen(whiten.T @ gram @ whiten)
    even = energy.clamp(min=float(energy[0]) * 1e-12) ** 0.25  # columns of words as long as those of states
    return Factors(centre, whiten @ basis / even, unwhiten @ basis * even, energy)


def _eigen(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, falling, not below 0, and eigenvectors as columns; on one thread, for the same bits always."""
    values, vectors = next(each(torch.linalg.eigh, [symmetric], symmetric.device))
    return values.flip(0).clamp(min=0), vectors.flip(1)
