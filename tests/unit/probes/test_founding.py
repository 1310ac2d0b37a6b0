"""The founding probes: what is trained on what, against optimisers written out, and the rules of early stopping."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from easyhard.errors import InputError
from easyhard.probes import founding
from easyhard.probes.founding import HIDDEN_SIZES, fit, fit_all, he_mlp, metric_probes, mlp, random_parts
from probe_data import LOSS_SETTINGS, METRIC_SETTINGS, states


def loss_of(hidden: torch.Tensor) -> torch.Tensor:
    """A loss that depends on |h₀|, which a linear probe cannot see, and on h₁, which it can."""
    return 3 + 2 * hidden[:, 0].abs() + hidden[:, 1]


def test_sizes_and_initialisation() -> None:
    for name, size in (("linear", 65), ("mlp2", 8_449), ("mlp3", 24_961), ("mlp2_wide", 16_897)):
        assert sum(w.numel() for w in mlp(64, HIDDEN_SIZES[name], seed=0).parameters()) == size
    weight = mlp(64, (4_000,), seed=0)[0].weight
    assert weight.abs().max() <= 1 / 8
    assert weight.std().item() == pytest.approx(1 / 8 / math.sqrt(3), rel=0.02)
    for layer in he_mlp(64, (4_000,), seed=0):
        if isinstance(layer, nn.Linear):
            assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / layer.in_features), rel=0.05)
            assert not layer.bias.any()
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, same, other = (he_mlp(64, (128,), seed=seed)[0].weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)  # the global one is left alone
    assert mlp(3, (5,), seed=1)(states(1, 3)).shape == (1,)


def adam(hidden: torch.Tensor, loss: torch.Tensor, epochs: int, rate: float, seed: int) -> np.ndarray:
    """Predictions after `epochs` steps of Adam on the squared error (arXiv:1412.6980, algorithm 1), in float64."""
    layer = mlp(hidden.shape[1], (), seed=seed)[0]
    weights = np.append(layer.weight.detach().double().numpy()[0], layer.bias.item())
    x = np.column_stack([hidden.double().numpy(), np.ones(len(hidden))])
    y = loss.double().numpy()
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, epochs + 1):
        gradient = 2 / len(y) * x.T @ (x @ weights - y)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        weights -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return x @ weights


def test_the_exit_classifier_equals_adam_written_out_and_ends_far_from_least_squares() -> None:
    hidden = states(401, 6)
    loss = 5 + hidden @ torch.linspace(-1, 1, 6) + 0.5 * states(401, 1, seed=1)[:, 0]
    x = np.column_stack([hidden.numpy(), np.ones(401)])
    best = np.linalg.lstsq(x, loss.numpy(), rcond=None)[1][0] / 401
    for epochs, seed in ((50, 42), (3, 1)):
        probe = founding.exit_classifier(loss, {"learning_rate": 1e-2, "epochs": epochs})
        model, run = fit(hidden, probe, seed)
        assert run == epochs
        np.testing.assert_allclose(probe.say(model, hidden), adam(hidden, loss, epochs, 1e-2, seed), atol=2e-5)
        assert mse_loss(probe.say(model, hidden), loss) > 10 * best


def test_one_epoch_of_a_metric_probe_equals_plain_gradient_descent_written_out() -> None:
    hidden = states(1_500)
    metric = 1_000 + 50 * hidden[:, 0].abs()
    probes = metric_probes({"max_logit": metric}, METRIC_SETTINGS | {"epochs": 1}, seed=5)
    columns, _ = fit_all(hidden, probes, seed=5)
    test, train = random_parts(hidden, (0.2,), 5)
    x, y = hidden.double()[train].numpy(), metric.double()[train].numpy()
    mean, std = y.mean(), y.std()
    first, _, second, _ = he_mlp(6, (64,), seed=5)
    w1, b1 = first.weight.detach().double().numpy().copy(), np.zeros(64)
    w2, b2 = second.weight.detach().double().numpy()[0].copy(), 0.0
    order = torch.randperm(1_200, generator=torch.Generator().manual_seed(5)).numpy()
    for rows in np.split(order, range(64, 1_200, 64)):
        hidden_units = np.maximum(x[rows] @ w1.T + b1, 0)
        error = 2 / len(rows) * (hidden_units @ w2 + b2 - (y[rows] - mean) / std)
        back = np.outer(error, w2) * (hidden_units > 0)
        w2, b2 = w2 - 0.05 * error @ hidden_units, b2 - 0.05 * error.sum()
        w1, b1 = w1 - 0.05 * back.T @ x[rows], b1 - 0.05 * back.sum(axis=0)
    expected = np.maximum(hidden.double()[test].numpy() @ w1.T + b1, 0) @ w2 + b2
    np.testing.assert_allclose(columns["metric/max_logit"][test], expected * std + mean, rtol=1e-5)
    assert np.isnan(columns["metric/max_logit"][train]).all()


def test_a_metric_that_is_constant_or_not_finite_is_named() -> None:
    for value in (3.0, math.inf, math.nan):
        values = torch.full((100,), 3.0)
        values[:90] = value  # any train part has some
        message = f"margin: train values from {min(value, 3.0)} to {value}; finite ones that vary are wanted"
        with pytest.raises(InputError, match=message.replace(".0", "")):
            metric_probes({"margin": values}, METRIC_SETTINGS, seed=0)


def test_a_probe_that_diverges_is_named_and_leaves_no_gap_in_its_column() -> None:
    hidden = states(400)
    probes = metric_probes({"margin": hidden[:, 0]}, METRIC_SETTINGS | {"learning_rate": 1e6}, seed=0)
    with pytest.raises(InputError, match=r"^learning_rate: 1e\+06; the probe diverged, a lower one is wanted"):
        fit_all(hidden, probes, seed=0)


def test_regressions_find_what_a_linear_one_cannot_and_classifiers_give_probabilities() -> None:
    hidden = states(2_000)
    columns, summaries = fit_all(hidden, founding.loss_probes(loss_of(hidden), LOSS_SETTINGS, seed=7), seed=7)
    assert list(columns) == [f"{task}/{name}" for task in ("regression", "classification") for name in HIDDEN_SIZES]
    assert summaries["regression/linear"]["parameters"] == 7
    assert all(1 <= summary["epochs"] <= 25 for summary in summaries.values())
    test = random_parts(hidden, (0.15, 0.15), 7)[0].numpy()
    for column in columns.values():
        assert column.dtype == np.float32
        np.testing.assert_array_equal(np.flatnonzero(~np.isnan(column)), test)
    loss = loss_of(hidden).numpy()[test]
    easy = loss <= 3.0
    r = {name: np.corrcoef(columns[f"regression/{name}"][test], loss)[0, 1] for name in HIDDEN_SIZES}
    assert 0.3 < r["linear"] < 0.75
    assert min(r["mlp2"], r["mlp3"], r["mlp2_wide"]) > 0.97
    for name in HIDDEN_SIZES:
        values = columns[f"classification/{name}"][test]
        assert 0 <= values.min() <= values.max() <= 1
        assert values[easy].mean() > values[~easy].mean(), name
    assert ((values >= 0.5) == easy).mean() > 0.93
    assert values.mean() == pytest.approx(easy.mean(), abs=0.05)


def test_test_tokens_do_not_reach_the_training_and_the_seed_parts_them() -> None:
    hidden, settings = states(400), LOSS_SETTINGS | {"max_epochs": 2}
    loss = loss_of(hidden)
    changed = loss.clone()
    changed[random_parts(hidden, (0.15, 0.15), 7)[0]] -= 100  # every step of training makes the test part worse
    before, after = (fit_all(hidden, founding.loss_probes(given, settings, 7), 7)[0] for given in (loss, changed))
    other, _ = fit_all(hidden, founding.loss_probes(loss, settings, 8), 8)
    for name, values in before.items():
        np.testing.assert_array_equal(values, after[name])
        assert not np.array_equal(values, other[name], equal_nan=True)


def test_training_stops_after_patience_and_keeps_the_best_weights() -> None:
    hidden = states(300)
    loss = loss_of(hidden)
    errors: list[float] = []

    def objective(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        error = mse_loss(output, target)
        if not torch.is_grad_enabled():
            errors.append(error.item())
        return error

    how = {"batch_size": 128, "patience": 4, "hidden_sizes": (32,), "objective": objective}
    train, held = torch.arange(200), torch.arange(200, 300)
    probe = founding.Probe(loss, train, held, torch.optim.Adam, 0.2, 200, validation=held, **how)
    model, epochs = fit(hidden, probe, seed=0)
    assert epochs == len(errors) < 200
    assert int(np.argmin(errors)) == len(errors) - 1 - 4
    assert mse_loss(probe.say(model, hidden[200:]), loss[200:]).item() == min(errors) < errors[-1]


def test_random_parts() -> None:
    for tokens, shares, sizes in (
        (65_536, (0.15, 0.15), [9_831, 9_831, 45_874]),
        (65_536, (0.2,), [13_108, 52_428]),
        (100, (0.07,), [7, 93]),  # a whole share is not rounded up by float error: .07 · 100 > 7
    ):
        assert [len(part) for part in random_parts(torch.empty(tokens), shares, 42)] == sizes
    one, same, other = (random_parts(torch.empty(1_000), (0.15, 0.15), seed) for seed in (1, 1, 2))
    assert torch.equal(torch.cat(one).sort().values, torch.arange(1_000))
    assert torch.equal(one[0], same[0])
    assert not torch.equal(one[0], other[0])
    with pytest.raises(InputError, match=r"tokens: 2 parted by shares .* leaves a part empty"):
        random_parts(torch.empty(2), (0.15, 0.15), 0)
