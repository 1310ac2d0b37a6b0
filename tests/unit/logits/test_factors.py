"""Low-rank factors against the best there can be: Eckart-Young on the logit matrix itself."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from easyhard.logits.factors import Kind, factors
from easyhard.logits.moments import moments

KINDS: list[Kind] = ["plain", "centred", "weighted"]
SHAPES = [(200, 40, 5), (57, 333, 8), (1000, 64, 12)]


def problem(states: int, words: int, dim: int) -> tuple[Tensor, Tensor]:
    """Anisotropic states with a mean, and a head whose rows share one; float64."""
    generator = torch.Generator().manual_seed(states + words + dim)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    hidden = normal(states, dim) @ (normal(dim, dim) * torch.logspace(0, -2, dim)) + normal(dim)
    return hidden, normal(words, dim) * torch.logspace(0, -1, dim) + normal(dim)


def centred(logits: Tensor) -> Tensor:
    return logits - logits.mean(1, keepdim=True)


def mean_square_error(kind: Kind, hidden: Tensor, head: Tensor, rank: int) -> float:
    """Of the logits without each token's mean, which softmax does not see."""
    matrix, shift = factors(kind, moments(head), moments(hidden)).linear(rank)
    approximation = hidden @ (head @ matrix.T + shift).T
    return float((centred(approximation) - centred(hidden @ head.T)).square().mean())


@pytest.mark.parametrize("shape", SHAPES)
def test_weighted_is_the_best_of_all_approximations(shape: tuple[int, int, int]) -> None:
    """No matrix of rank r is closer to the centred logits H (W - mean)^T than their own SVD cut at r."""
    hidden, head = problem(*shape)
    logits = centred(hidden @ head.T)
    squares = torch.linalg.svdvals(logits).square()
    for rank in range(1, shape[2] + 1):
        best = float(squares[rank:].sum() / logits.numel())
        assert mean_square_error("weighted", hidden, head, rank) == pytest.approx(best, rel=1e-8, abs=1e-8)
        for other in ("plain", "centred"):
            assert mean_square_error(other, hidden, head, rank) >= best * (1 - 1e-8) - 1e-8


def test_weighted_is_much_better_where_states_are_not_white() -> None:
    hidden, head = problem(1000, 64, 12)
    errors = {kind: mean_square_error(kind, hidden, head, 4) for kind in KINDS}
    assert errors["weighted"] < 0.9 * min(errors["plain"], errors["centred"])


def test_weighted_on_fewer_states_than_dims() -> None:
    """Directions that no state takes have no weight; four states need no more than four components."""
    hidden, head = problem(4, 90, 9)
    assert mean_square_error("weighted", hidden, head, 4) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_changes_the_softmax_at_full_rank(kind: Kind) -> None:
    """Centring moves all logits of a token alike, and gives the move back: even the logits stay."""
    hidden, head = problem(57, 333, 8)
    made = factors(kind, moments(head), moments(hidden))
    cut = hidden @ made.right @ ((head - made.centre) @ made.left).T  # without what all words share
    exact = hidden @ head.T
    torch.testing.assert_close(cut.softmax(1), exact.softmax(1), rtol=0, atol=1e-10)
    torch.testing.assert_close(centred(cut).amax(1), centred(exact).amax(1), rtol=0, atol=1e-9)
    torch.testing.assert_close(cut + (hidden @ made.centre)[:, None], exact, rtol=0, atol=1e-9)
    assert all(a >= b for a, b in pairwise(made.energy.tolist()))
    assert all(made.coverage(rank) <= made.coverage(rank + 1) for rank in range(1, 8))
    assert made.coverage(8) == pytest.approx(1, abs=1e-12)


def test_coverage_is_the_share_of_squared_singular_values() -> None:
    _, head = problem(57, 333, 8)
    energy = torch.linalg.svdvals(head).square()
    found = factors("plain", moments(head)).coverage(3)
    assert found == pytest.approx(float(energy[:3].sum() / energy.sum()), abs=1e-12)
