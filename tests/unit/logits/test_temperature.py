"""The temperature: one that was planted is found again, and it is the float64 minimum of the definition."""

from math import exp, log

import pytest
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.draws import draw_targets
from easyhard.logits.temperature import fit_temperature
from plain_logits import capped


def problem(tokens: int, words: int, planted: float, softcap: float | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Targets drawn at a temperature, which divides capped logits."""
    generator = torch.Generator().manual_seed(5)
    hidden = torch.randn(tokens, 12, generator=generator)
    head = torch.randn(words, 12, generator=generator)
    cap = None if softcap is None else softcap / planted
    return hidden, head, draw_targets(hidden / planted, head, draws=1, seed=3, softcap=cap)[0][:, 0]


@pytest.mark.parametrize("softcap", [None, 3.0])
@pytest.mark.parametrize("planted", [0.6, 2.5])
def test_a_planted_temperature_is_found(planted: float, softcap: float | None) -> None:
    """And it is the minimum in float64."""
    hidden, head, targets = problem(3_000, 300, planted, softcap)
    z = capped(hidden.double() @ head.double().T, softcap)

    def mean_loss(log_temperature: float) -> float:
        return float(torch.nn.functional.cross_entropy(z / exp(log_temperature), targets))

    best = minimize_scalar(mean_loss, bounds=(log(0.1), log(10)), method="bounded", options={"xatol": 1e-8})
    found = fit_temperature(hidden, head, targets, softcap=softcap)
    assert found == pytest.approx(planted, rel=0.08)
    assert found == pytest.approx(exp(best.x), rel=2e-3)
    if softcap is not None:
        assert fit_temperature(hidden, head, targets) != pytest.approx(found, rel=0.1)


def test_it_stays_within_its_bounds() -> None:
    hidden, head, _ = problem(50, 300, 1.0)
    assert fit_temperature(hidden, head, (hidden @ head.T).argmax(1)) == pytest.approx(0.1, rel=0.01)
    assert fit_temperature(hidden, head, (hidden @ head.T).argmin(1)) == pytest.approx(10, rel=0.01)


def test_bad_input_is_named() -> None:
    hidden, head, targets = problem(20, 300, 1.0)
    with pytest.raises(InputError, match=r"^targets: "):
        fit_temperature(hidden, head, targets[1:])
