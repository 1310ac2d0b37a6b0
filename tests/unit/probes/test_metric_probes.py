"""The metric probes: they learn a smooth function, in its own unit, from train tokens alone."""

from typing import cast

import numpy as np
import pytest
import torch

from easyhard.errors import InputError
from easyhard.probes.inputs import random_parts
from easyhard.probes.metric_probes import MetricProbeSettings, MetricProbeSummary, fit_metric_probes
from easyhard.probes.mlp import he_mlp
from easyhard.probes.store import MetricPredictions
from easyhard.progress import Progress

SETTINGS = MetricProbeSettings(test_share=0.2, hidden=64, learning_rate=0.05, batch_size=64, epochs=40)


Fitted = tuple[MetricPredictions, dict[str, MetricProbeSummary]]


def fit(hidden: torch.Tensor, metrics: dict[str, torch.Tensor], seed: int = 0, epochs: int = 40) -> Fitted:
    settings = cast(MetricProbeSettings, {**SETTINGS, "epochs": epochs})
    progress = Progress("metric probes", len(metrics), "probes")
    return fit_metric_probes(hidden, metrics, settings, seed=seed, progress=progress)


def data() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    random = torch.Generator().manual_seed(1)
    hidden = torch.randn(1_500, 4, generator=random)
    noise = torch.randn(1_500, generator=random)
    return hidden, {"max_logit": 1_000 + 50 * hidden[:, 0].abs(), "margin": noise}


def test_learns_what_hidden_states_tell_and_nothing_of_noise() -> None:
    hidden, metrics = data()
    predictions, summaries = fit(hidden, metrics)
    assert len(predictions.row) == 300
    np.testing.assert_array_equal(predictions.actual["max_logit"], metrics["max_logit"].numpy()[predictions.row])
    assert np.corrcoef(predictions.actual["max_logit"], predictions.predicted["max_logit"])[0, 1] > 0.97
    assert abs(np.corrcoef(predictions.actual["margin"], predictions.predicted["margin"])[0, 1]) < 0.2
    assert np.abs(predictions.predicted["max_logit"] - predictions.actual["max_logit"]).mean() < 10
    assert summaries["margin"]["parameters"] == 4 * 64 + 64 + 64 + 1


def test_one_epoch_equals_plain_gradient_descent_written_out() -> None:
    hidden, metrics = data()
    predictions, _ = fit(hidden, {"max_logit": metrics["max_logit"]}, seed=5, epochs=1)
    test, train = random_parts(1_500, (0.2,), 5)
    x, y = hidden.double()[train].numpy(), metrics["max_logit"].double()[train].numpy()
    mean, std = y.mean(), y.std()
    first, _, second, _ = he_mlp(4, (64,), seed=5)
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
    np.testing.assert_allclose(predictions.predicted["max_logit"], expected * std + mean, rtol=1e-5)


def test_a_constant_metric_is_named() -> None:
    hidden, _ = data()
    with pytest.raises(InputError, match="margin: every train token has the value 3; a metric that varies is wanted"):
        fit(hidden, {"margin": torch.full((1_500,), 3.0)})


def test_a_non_finite_metric_is_named() -> None:
    hidden, metrics = data()
    metrics["margin"][4] = float("nan")
    with pytest.raises(InputError, match="margin: 1 of 1500 values are not finite"):
        fit(hidden, metrics)
