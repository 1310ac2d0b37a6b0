"""Signals that are read off the hidden state alone, by algebra: no word's logit is computed."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from easyhard.signals.declare import HERE, Sizes, signal

if TYPE_CHECKING:  # as in head.py
    from torch import Tensor

NEIGHBOURS = 10


def _matrix(sizes: Sizes) -> int:
    """x^T C x."""
    return sizes.dim**2 + sizes.dim


@signal(
    title="norm of the state",
    formula="‖h‖₂",
    high_means_easy=None,  # a norm before the head tells confidence only where nothing normalises it
    source="Park et al., arXiv:2310.05316",
    multiply_adds=lambda sizes: sizes.dim,
)
def hidden_norm(hidden: Tensor) -> Tensor:
    return hidden.norm(dim=1)


@signal(
    title="Mahalanobis distance",
    formula="(h − μ)ᵀ Σ⁻¹ (h − μ), μ and Σ of train states",
    high_means_easy=None,  # far from what training saw is also where rare, telling contexts lie
    source="Lee et al., arXiv:1807.03888, with one class",
    multiply_adds=_matrix,
)
def mahalanobis(hidden: Tensor, reference_mean: Tensor, reference_whitening: Tensor) -> Tensor:
    return ((hidden - reference_mean) @ reference_whitening).square().sum(1)


@signal(
    title="distance to neighbours",
    formula=f"mean distance to the {NEIGHBOURS} nearest of M train states",
    high_means_easy=None,  # as for mahalanobis
    source="Sun et al., arXiv:2204.06507",
    multiply_adds=lambda sizes: sizes.references * sizes.dim,
)
def nearest_distance(hidden: Tensor, reference_states: Tensor) -> Tensor:
    h = hidden.to(reference_states.dtype)
    centre = reference_states.mean(0)
    h, references = h - centre, reference_states - centre
    squared = h.square().sum(1)[:, None] + references.square().sum(1) - 2 * h @ references.T  # (tokens, M)
    nearest = squared.topk(NEIGHBOURS, dim=1, largest=False).indices
    # Their squares, added and subtracted, find the nearest; a small distance between long states is lost in them.
    return sum((h - references[column]).norm(dim=1) for column in nearest.T) / NEIGHBOURS


@signal(
    title="std of the logits",
    formula="√(hᵀ Cov(W) h)",
    high_means_easy=True,  # spread-out logits make a peaked softmax
    source=HERE,
    multiply_adds=_matrix,
)
def logit_std(hidden: Tensor, head_covariance: Tensor) -> Tensor:
    return _variance(hidden, head_covariance).sqrt()


@signal(
    title="mean logit",
    formula="mean z = h·w̄",
    high_means_easy=None,  # softmax does not see it; only training can have put something there
    source=HERE,
    multiply_adds=lambda sizes: sizes.dim,
)
def mean_logit(hidden: Tensor, head_mean: Tensor) -> Tensor:
    return hidden @ head_mean


@signal(
    title="Gaussian log-sum-exp",
    formula="log V + μ + σ²/2, μ = h·w̄, σ² = hᵀ Cov(W) h",
    high_means_easy=None,  # for normal logits it is log_sum_exp; else μ, which softmax does not see, may outweigh σ²
    source="mean of a lognormal",
    multiply_adds=lambda sizes: _matrix(sizes) + sizes.dim,
)
def gaussian_lse(hidden: Tensor, head_mean: Tensor, head_covariance: Tensor, words: int) -> Tensor:
    return log(words) + hidden @ head_mean + _variance(hidden, head_covariance) / 2


def _variance(hidden: Tensor, covariance: Tensor) -> Tensor:
    """Population variance (tokens,) of a state's logits over the vocabulary."""
    return ((hidden @ covariance) * hidden).sum(1).clamp(min=0)
