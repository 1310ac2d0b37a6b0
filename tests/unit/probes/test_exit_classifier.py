"""The exit classifier against Adam written out in float64, and against least squares."""

import numpy as np
import pytest
import torch

from easyhard.errors import InputError
from easyhard.probes.exit_classifier import ExitClassifier, fit_exit_classifier, predict
from easyhard.probes.mlp import mlp
from easyhard.progress import Progress


def data(tokens: int = 401, dim: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    hidden = torch.randn(tokens, dim, generator=random)
    noise = torch.randn(tokens, generator=random)
    return hidden, 5 + hidden @ torch.linspace(-1, 1, dim) + 0.5 * noise


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


def fit(hidden: torch.Tensor, loss: torch.Tensor, epochs: int, rate: float = 1e-2, seed: int = 42) -> ExitClassifier:
    progress = Progress("exit classifier", epochs, "epochs")
    return fit_exit_classifier(hidden, loss, epochs=epochs, learning_rate=rate, seed=seed, progress=progress)


def test_fifty_epochs_equal_adam_written_out() -> None:
    hidden, loss = data()
    expected = adam(hidden, loss, 50, 1e-2, 42)
    classifier = fit(hidden, loss, 50)
    np.testing.assert_allclose(predict(classifier, hidden).numpy(), expected, atol=2e-5)
    assert classifier.threshold == pytest.approx(np.median(expected), abs=2e-5)
    assert classifier.train_mse == pytest.approx(np.mean((expected - loss.numpy()) ** 2), rel=1e-4)


def test_the_founding_schedule_stops_far_from_least_squares_and_a_long_one_reaches_it() -> None:
    hidden, loss = data()
    x = np.column_stack([hidden.numpy(), np.ones(len(hidden))])
    best = np.linalg.lstsq(x, loss.numpy(), rcond=None)[1][0] / len(loss)
    assert fit(hidden, loss, 50).train_mse > 10 * best
    assert fit(hidden, loss, 2_000).train_mse == pytest.approx(best, rel=1e-3)


def test_same_seed_same_result() -> None:
    hidden, loss = data()
    one, same, other = fit(hidden, loss, 5, seed=1), fit(hidden, loss, 5, seed=1), fit(hidden, loss, 5, seed=2)
    assert one.threshold == same.threshold != other.threshold


def test_non_finite_loss_is_refused() -> None:
    hidden, loss = data()
    loss[3] = float("nan")
    with pytest.raises(InputError, match="loss: 1 of 401 values are not finite"):
        fit(hidden, loss, 1)
