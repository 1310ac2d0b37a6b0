"""The temperature: one that was planted is found again, and it is the float64 minimum of the definition."""

from math import exp, log

import pytest
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.draws import draw_targets
from easyhard.logits.temperature import fit_temperature


def problem(tokens: int, words: int, planted: float) -> tuple[Tensor, Tensor, Tensor]:
    """Targets drawn at a temperature."""
    generator = torch.Generator().manual_seed(5)
    hidden = torch.randn(tokens, 12, generator=generator)
    head = torch.randn(words, 12, generator=generator)
    return hidden, head, draw_targets(hidden / planted, head, draws=1, seed=3)[0][:, 0]


@pytest.mark.parametrize("planted", [0.6, 1.0, 2.5])
def test_a_planted_temperature_is_found(planted: float) -> None:
    assert fit_temperature(*problem(6_000, 300, planted)) == pytest.approx(planted, rel=0.04)


def test_it_is_the_minimum_in_float64() -> None:
    hidden, head, targets = problem(301, 1_030, 1.4)
    logits = hidden.double() @ head.double().T

    def mean_loss(log_temperature: float) -> float:
        return float(torch.nn.functional.cross_entropy(logits / exp(log_temperature), targets))

    best = minimize_scalar(mean_loss, bounds=(log(0.1), log(10)), method="bounded", options={"xatol": 1e-8})
    assert fit_temperature(hidden, head, targets) == pytest.approx(exp(best.x), rel=2e-3)


def test_it_stays_within_its_bounds() -> None:
    hidden, head, _ = problem(50, 300, 1.0)
    assert fit_temperature(hidden, head, (hidden @ head.T).argmax(1)) == pytest.approx(0.1, rel=0.01)
    assert fit_temperature(hidden, head, (hidden @ head.T).argmin(1)) == pytest.approx(10, rel=0.01)


def test_bad_input_is_named() -> None:
    hidden, head, targets = problem(20, 300, 1.0)
    with pytest.raises(InputError, match=r"^targets: "):
        fit_temperature(hidden, head, targets[1:])
