"""Signals of the hidden state against numpy, scikit-learn and the logits that they stand for."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.moments import moments
from easyhard.signals.hidden_batch import RIDGE, References, fit_references, hidden_signals, logit_moment_signals


def states(tokens: int, dim: int, seed: int = 0) -> Tensor:
    """Correlated, off centre, one direction nearly dead."""
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(tokens, dim, generator=generator) @ torch.randn(
        dim, dim, generator=torch.Generator().manual_seed(9)
    )
    mixed[:, 0] *= 1e-3
    return mixed + 2.0


def references(train: Tensor, seed: int = 0, count: int = 4096) -> References:
    """From states that come in batches of odd sizes."""
    return fit_references(iter(train.split([1, 0, len(train) - 1])), len(train), seed=seed, count=count)


HEAD = torch.randn(1507, 11, generator=torch.Generator().manual_seed(3)) + 0.3


def test_every_signal_is_its_definition() -> None:
    hidden, train = states(1500, 11), states(3000, 11, seed=1)
    found = hidden_signals(hidden, moments(HEAD), references(train))
    h, t, w = hidden.double().numpy(), train.double().numpy(), HEAD.double().numpy()
    covariance = np.cov(t.T, bias=True)
    covariance += RIDGE * covariance.trace() / 11 * np.eye(11)
    off = h - t.mean(0)
    logits = h @ w.T
    neighbours = NearestNeighbors(n_neighbors=10).fit(t).kneighbors(h)[0].mean(1)
    truth = {
        "hidden_norm": np.linalg.norm(h, axis=1),
        "mahalanobis": (off @ np.linalg.inv(covariance) * off).sum(1),
        "nearest_distance": neighbours,
        "logit_std": logits.std(1),
        "mean_logit": logits.mean(1),
        "gaussian_lse": np.log(1507) + logits.mean(1) + logits.var(1) / 2,
    }
    assert set(found) == set(truth)
    for name, column in found.items():
        assert column.dtype == torch.float32
        np.testing.assert_allclose(column.numpy(), truth[name], rtol=2e-5, atol=2e-5, err_msg=name)


def test_of_an_exit_are_those_that_need_no_references() -> None:
    hidden, head = states(1500, 11), moments(HEAD)
    whole, found = (
        hidden_signals(hidden, head, references(states(3000, 11, seed=1))),
        logit_moment_signals(hidden, head),
    )
    assert set(found) == {"logit_std", "mean_logit", "gaussian_lse"}
    assert all(torch.equal(column, whole[name]) for name, column in found.items())


def test_gaussian_lse_is_the_log_sum_exp_of_normal_logits() -> None:
    generator = torch.Generator().manual_seed(0)
    head = torch.randn(200_000, 4, generator=generator)
    hidden = torch.randn(50, 4, generator=generator) / 2
    found = hidden_signals(hidden, moments(head), references(states(20, 4)))["gaussian_lse"]
    assert float((found - (hidden @ head.T).logsumexp(1)).abs().max()) < 0.02


def test_a_state_that_training_saw_is_at_its_neighbours() -> None:
    train = states(10, 5).repeat_interleave(10, 0)  # ten copies of each
    found = hidden_signals(train[::10].contiguous(), moments(HEAD[:, :5]), references(train))
    assert float(found["nearest_distance"].max()) == 0


def test_a_small_distance_between_long_states_keeps_its_digits() -> None:
    train, hidden = states(3000, 11, seed=1) + 300, states(1500, 11) + 300
    found = hidden_signals(hidden, moments(HEAD), references(train))["nearest_distance"]
    truth = NearestNeighbors(n_neighbors=10).fit(train.double()).kneighbors(hidden.double())[0].mean(1)
    np.testing.assert_allclose(found.numpy(), truth, rtol=2e-5)


def test_references_are_drawn_by_the_seed() -> None:
    train = states(500, 5)
    one, same, other = (references(train, seed=seed, count=100) for seed in (1, 1, 2))
    assert torch.equal(one.states, same.states)
    assert not torch.equal(one.states, other.states)
    assert torch.equal(one.mean, other.mean)
    assert len(one.states.unique(dim=0)) == 100
    assert torch.equal(references(train).states, train)


def test_a_direction_that_no_state_takes_stays_finite() -> None:
    train = states(100, 5)
    train[:, 1] = 0.0
    found = hidden_signals(states(10, 5), moments(HEAD[:, :5]), references(train))
    assert bool(found["mahalanobis"].isfinite().all())
    equal = hidden_signals(states(10, 5), moments(HEAD[:, :5]), references(torch.ones(100, 5)))
    assert bool(equal["nearest_distance"].isfinite().all())


def test_same_bits_for_any_number_of_threads() -> None:
    hidden, before, found = states(2500, 11), torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(hidden_signals(hidden, moments(HEAD), references(states(3000, 11))))
    torch.set_num_threads(before)
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_too_few_states_are_named() -> None:
    with pytest.raises(InputError, match=r"^states: 9 of them; 10 up are wanted"):
        references(states(9, 5))
