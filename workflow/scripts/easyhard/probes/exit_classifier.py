"""The founding exit classifier: one linear layer on the hidden state, fitted to the loss of every train token."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from easyhard.probes.inputs import check_inputs
from easyhard.probes.mlp import mlp
from easyhard.progress import Progress


@dataclass(frozen=True)
class ExitClassifier:
    """A fitted classifier: a token leaves early when its predicted loss is at most `threshold` (nats).

    `threshold` is the median prediction on train, `train_mse` the mean squared error there (nats²).
    """

    model: nn.Sequential
    threshold: float
    train_mse: float
    seconds: float


def fit_exit_classifier(
    hidden: Tensor, loss: Tensor, *, epochs: int, learning_rate: float, seed: int, progress: Progress
) -> ExitClassifier:
    """Fit w·h + b to the loss by full-batch Adam on the squared error.

    hidden: (tokens, dim) float32; loss: (tokens,) float32, nats; both on the device that is to do the work.
    `progress` counts epochs. The founding study takes 50 epochs at learning rate 1e-2, which is short of convergence.
    Raises InputError on shapes that disagree, fewer than two tokens, or values that are not finite.
    """
    check_inputs(hidden, "loss", loss)
    start = time.perf_counter()
    model = mlp(hidden.shape[1], (), seed=seed).to(hidden.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    for epoch in range(epochs):
        optimizer.zero_grad()
        error = mse_loss(model(hidden), loss)
        error.backward()
        optimizer.step()
        progress.update(epoch + 1, mse=error.item())
    prediction = _predict(model, hidden)
    train_mse = mse_loss(prediction, loss).item()
    threshold = float(np.median(prediction.double().cpu().numpy()))
    return ExitClassifier(model, threshold, train_mse, time.perf_counter() - start)


def predict(classifier: ExitClassifier, hidden: Tensor) -> Tensor:
    """Return the predicted loss, (tokens,) in nats, of hidden states (tokens, dim) on the classifier's device."""
    return _predict(classifier.model, hidden)


@torch.no_grad()
def _predict(model: nn.Sequential, hidden: Tensor) -> Tensor:
    prediction: Tensor = model(hidden)
    return prediction
