"""The loss probes: they learn what can be learnt, stop early, and keep their best weights."""

from typing import cast

import numpy as np
import pytest
import torch
from torch.nn.functional import mse_loss

from easyhard.errors import InputError
from easyhard.probes import loss_probes
from easyhard.probes.loss_probes import LossProbeSettings, ProbeSummary, fit_loss_probes
from easyhard.probes.mlp import HIDDEN_SIZES, mlp
from easyhard.probes.store import LossPredictions
from easyhard.progress import Progress

SETTINGS = LossProbeSettings(
    test_share=0.15,
    validation_share=0.15,
    easy_threshold=3.0,
    learning_rate=3e-3,
    batch_size=128,
    max_epochs=25,
    patience=4,
)


def data(tokens: int = 2_000, dim: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """A loss that depends on |h₀|, which a linear probe cannot see, and on h₁, which it can."""
    random = torch.Generator().manual_seed(3)
    hidden = torch.randn(tokens, dim, generator=random)
    return hidden, 3 + 2 * hidden[:, 0].abs() + hidden[:, 1]


Fitted = tuple[LossPredictions, dict[str, ProbeSummary]]


def fit(hidden: torch.Tensor, loss: torch.Tensor, seed: int = 7, **changes: int) -> Fitted:
    settings = cast(LossProbeSettings, {**SETTINGS, **changes})
    return fit_loss_probes(hidden, loss, settings, seed=seed, progress=Progress("loss probes", 8, "probes"))


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit(*data())


def test_predictions_are_of_the_test_tokens_alone(fitted: Fitted) -> None:
    predictions, summaries = fitted
    assert len(predictions.row) == 300
    np.testing.assert_array_equal(predictions.loss, data()[1].numpy()[predictions.row])
    assert list(predictions.regression) == list(predictions.classification) == list(HIDDEN_SIZES)
    assert set(summaries) == {f"{task}_{probe}" for task in ("regression", "classification") for probe in HIDDEN_SIZES}
    assert summaries["regression_linear"]["parameters"] == 5
    assert all(1 <= summary["epochs"] <= 25 and summary["seconds"] > 0 for summary in summaries.values())


def test_regression_finds_what_a_linear_probe_cannot(fitted: Fitted) -> None:
    predictions, _ = fitted
    r = {probe: np.corrcoef(values, predictions.loss)[0, 1] for probe, values in predictions.regression.items()}
    assert 0.3 < r["linear"] < 0.75
    assert min(r["mlp2"], r["mlp3"], r["mlp2_wide"]) > 0.97


def test_classification_gives_probabilities_of_easy(fitted: Fitted) -> None:
    predictions, _ = fitted
    easy = predictions.loss <= SETTINGS["easy_threshold"]
    for probe, values in predictions.classification.items():
        assert 0 <= values.min() <= values.max() <= 1
        assert values[easy].mean() > values[~easy].mean(), probe
    wide = predictions.classification["mlp2_wide"]
    assert ((wide >= 0.5) == easy).mean() > 0.93
    assert wide.mean() == pytest.approx(easy.mean(), abs=0.05)


def test_test_tokens_do_not_reach_the_training() -> None:
    hidden, loss = data(400)
    before, _ = fit(hidden, loss, max_epochs=3)
    changed = loss.clone()
    changed[torch.from_numpy(before.row)] -= 100  # every step of training makes the test part worse
    after, _ = fit(hidden, changed, max_epochs=3)
    for probe in HIDDEN_SIZES:
        np.testing.assert_array_equal(before.regression[probe], after.regression[probe])


def test_same_seed_same_predictions() -> None:
    hidden, loss = data(400)
    one, same, other = (fit(hidden, loss, seed, max_epochs=2)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.regression["mlp3"], same.regression["mlp3"])
    assert not np.array_equal(one.row, other.row)


def test_training_stops_after_patience_and_keeps_the_best_weights() -> None:
    hidden, loss = data(300)
    parts = loss_probes._Parts(loss_probes._Part(hidden[:200], loss[:200]), loss_probes._Part(hidden[200:], loss[200:]))
    errors: list[float] = []

    def objective(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        error = mse_loss(output, target)
        if not torch.is_grad_enabled():
            errors.append(error.item())
        return error

    settings = cast(LossProbeSettings, {**SETTINGS, "learning_rate": 0.2, "max_epochs": 200})
    model = mlp(4, (32,), seed=0)
    summary = loss_probes._train(model, parts, objective, settings, seed=0)
    assert summary["epochs"] == len(errors) < 200
    assert int(np.argmin(errors)) == len(errors) - 1 - SETTINGS["patience"]
    with torch.no_grad():
        assert mse_loss(model(hidden[200:]), loss[200:]).item() == min(errors) < errors[-1]


def test_non_finite_states_are_refused() -> None:
    hidden, loss = data(100)
    hidden[0, 0] = float("inf")
    with pytest.raises(InputError, match="hidden: 1 of 400 values are not finite"):
        fit(hidden, loss)
