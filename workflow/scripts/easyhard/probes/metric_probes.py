"""The founding test of how well a hidden state foretells the logits' statistics, without the vocabulary."""

import time
from collections.abc import Mapping
from typing import TypedDict

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from easyhard.errors import InputError
from easyhard.probes.inputs import check_inputs, random_parts
from easyhard.probes.mlp import he_mlp
from easyhard.probes.store import MetricPredictions
from easyhard.progress import Progress


class MetricProbeSettings(TypedDict):
    """How the metric probes are trained; `test_share` is of all tokens, `hidden` the layer's size."""

    test_share: float
    hidden: int
    learning_rate: float
    batch_size: int
    epochs: int


class MetricProbeSummary(TypedDict):
    """How one probe's training went: wall seconds and number of weights."""

    seconds: float
    parameters: int


def fit_metric_probes(
    hidden: Tensor, metrics: Mapping[str, Tensor], settings: MetricProbeSettings, *, seed: int, progress: Progress
) -> tuple[MetricPredictions, dict[str, MetricProbeSummary]]:
    """Fit one ReLU perceptron of one hidden layer to each metric by plain SGD on the standardised values.

    hidden: (tokens, dim) float32; metrics: signal → (tokens,) float32; all on the device that is to do the work. He
    initialisation; tokens are parted at random into train and test. Returns true and predicted values of the test
    part, in the metric's own unit, and a summary by signal. `progress` counts probes. Raises InputError on bad
    shapes, too few tokens, values that are not finite, or a metric that is constant on the train part.
    """
    for name, values in metrics.items():
        check_inputs(hidden, name, values)
    test, train = (part.to(hidden.device) for part in random_parts(len(hidden), (settings["test_share"],), seed))
    actual, predicted = {}, {}
    summaries: dict[str, MetricProbeSummary] = {}
    for name, values in metrics.items():
        start = time.perf_counter()
        model = he_mlp(hidden.shape[1], (settings["hidden"],), seed=seed).to(hidden.device)
        mean, std = _moments(name, values[train])
        _train(model, hidden[train], (values[train] - mean) / std, settings, seed)
        with torch.no_grad():
            predicted[name] = (model(hidden[test]) * std + mean).cpu().numpy()
        actual[name] = values[test].cpu().numpy()
        parameters = sum(weights.numel() for weights in model.parameters())
        summaries[name] = MetricProbeSummary(seconds=time.perf_counter() - start, parameters=parameters)
        progress.update(len(summaries))
    return MetricPredictions(test.cpu().numpy(), actual, predicted), summaries


def _moments(name: str, values: Tensor) -> tuple[Tensor, Tensor]:
    if values.min() == values.max():
        raise InputError(
            f"{name}: every train token has the value {values[0].item():g}; a metric that varies is wanted"
        )
    std, mean = torch.std_mean(values, correction=0)
    return mean, std


def _train(model: nn.Module, hidden: Tensor, target: Tensor, settings: MetricProbeSettings, seed: int) -> None:
    """Train `model` in place: hidden (tokens, dim) → target (tokens,), standardised."""
    optimizer = torch.optim.SGD(model.parameters(), lr=settings["learning_rate"])
    generator = torch.Generator().manual_seed(seed)
    for _ in range(settings["epochs"]):
        order = torch.randperm(len(target), generator=generator).to(target.device)
        for rows in torch.split(order, settings["batch_size"]):
            optimizer.zero_grad()
            mse_loss(model(hidden[rows]), target[rows]).backward()
            optimizer.step()
