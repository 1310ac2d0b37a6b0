"""A soft cap on the logits: low rank, refining, draws, temperature and signals against whole capped rows in float64."""

from math import exp, log

import pytest
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.draws import draw_targets
from easyhard.logits.factors import Kind, factors
from easyhard.logits.low_rank import LOW_RANK_STATISTICS, LowRankSweep
from easyhard.logits.moments import moments
from easyhard.logits.refine import REFINED_STATISTICS
from easyhard.logits.temperature import fit_temperature
from easyhard.signals.head_batch import head_signals
from plain_statistics import plain_statistics

CAP = 3.0
DIM, RANKS = 16, [2, 7, 16]
KINDS: list[Kind] = ["plain", "centred", "weighted"]


def problem(tokens: int = 200, words: int = 2_100) -> tuple[Tensor, Tensor, Tensor]:
    """States, a head whose logits reach past the cap, and other states."""
    generator = torch.Generator().manual_seed(tokens + words)
    hidden = torch.randn(tokens, DIM, generator=generator)
    head = 2.5 * torch.randn(words, DIM, generator=generator) / DIM**0.5 + 0.2
    return hidden, head, torch.randn(4 * DIM, DIM, generator=generator)


def capped(z: Tensor, cap: float = CAP) -> Tensor:
    return cap * (z / cap).tanh()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1.0, 300.0])  # also logits far beyond the cap, and beyond what exp can take
def test_low_rank_and_refined_as_whole_rows(kind: Kind, scale: float) -> None:
    hidden, head, other = problem()
    hidden, cap = hidden * scale, CAP * scale
    sweep = LowRankSweep(
        head, RANKS, kind=kind, states=other, statistics=(*LOW_RANK_STATISTICS, "argmax"), refined=8, softcap=cap
    )
    found = sweep.run(hidden)
    h, w = hidden.double(), head.double()
    exact = capped(h @ w.T, cap)
    for rank in RANKS:
        matrix, shift = factors(kind, moments(w), moments(other.double())).linear(rank)
        product = h @ (w @ matrix.T + shift).T if rank < DIM else h @ w.T
        z = capped(product, cap)
        assert_close(found[rank], plain_statistics(z), scale)
        sorted_products = product.sort(dim=1, descending=True)
        clear = sorted_products.values[:, 0] - sorted_products.values[:, 1] > 1e-4 * scale
        assert torch.equal(found[rank]["argmax"][clear], sorted_products.indices[clear, 0])
        if rank == DIM:
            continue
        clear = sorted_products.values[:, 7] - sorted_products.values[:, 8] > 1e-4 * scale
        assert clear.float().mean() > 0.8
        top = sorted_products.indices[:, :8]
        refined = z.scatter(1, top, exact.gather(1, top))
        best = exact.gather(1, top).sort(dim=1, descending=True).values
        expected = {f"refined_{name}": values for name, values in plain_statistics(refined).items()} | {
            "refined_max_logit": best[:, 0],
            "refined_max_probability": refined.softmax(1).gather(1, top).amax(1),
            "refined_max_minus_mean": best[:, 0] - refined.mean(1),
            "refined_margin": best[:, 0] - best[:, 1],
        }
        assert set(expected) < set(REFINED_STATISTICS)
        ours = {name: found[rank][name][clear] for name in expected}
        assert_close(ours, {name: values[clear] for name, values in expected.items()}, scale)


def assert_close(ours: dict[str, Tensor], expected: dict[str, Tensor], scale: float) -> None:
    for name, values in expected.items():
        tolerance = 2e-5 * scale if "probability" not in name and "entropy" not in name else 2e-5 * scale**0.5
        assert torch.allclose(ours[name].double(), values, rtol=1e-4, atol=tolerance), name


def test_draws_are_from_the_capped_logits() -> None:
    hidden, head, _ = problem(40)
    log_p = capped(hidden.double() @ head.double().T).log_softmax(1)
    words, losses = draw_targets(hidden, head, draws=400, seed=1, softcap=CAP)
    assert torch.allclose(losses.double(), -log_p.gather(1, words), atol=2e-5)
    entropy = torch.special.entr(log_p.exp()).sum(1)
    error = (losses.mean(1) - entropy) / losses.std(1) * 400**0.5
    assert abs(float(error.mean())) < 4 / 40**0.5  # uncapped draws have losses nats lower


def test_the_temperature_divides_capped_logits() -> None:
    hidden, head, _ = problem(300)
    z = capped(hidden.double() @ head.double().T)
    targets = draw_targets(hidden / 0.7, head, draws=1, seed=2, softcap=CAP / 0.7)[0][:, 0]  # planted: 0.7

    def mean_loss(log_temperature: float) -> float:
        return float(torch.nn.functional.cross_entropy(z / exp(log_temperature), targets))

    best = minimize_scalar(mean_loss, bounds=(log(0.1), log(10)), method="bounded", options={"xatol": 1e-8})
    found = fit_temperature(hidden, head, targets, softcap=CAP)
    assert found == pytest.approx(exp(best.x), rel=2e-3)
    assert found == pytest.approx(0.7, rel=0.1)
    assert fit_temperature(hidden, head, targets) != pytest.approx(found, rel=0.1)


def test_signals_are_of_capped_logits() -> None:
    hidden, head, _ = problem(100)
    targets = torch.arange(100)
    found = head_signals(hidden, head, targets, temperature=1.5, softcap=CAP)
    z = capped(hidden.double() @ head.double().T)
    for prefix, logits in (("", z), ("scaled_", z / 1.5)):
        p = logits.softmax(1)
        assert torch.allclose(found[f"{prefix}max_probability"].double(), p.amax(1), atol=1e-6)
        assert torch.allclose(found[f"{prefix}entropy"].double(), torch.special.entr(p).sum(1), atol=2e-5)
    assert torch.allclose(found["max_minus_mean"].double(), z.amax(1) - z.mean(1), atol=1e-5)


def test_a_wrong_cap_is_refused() -> None:
    hidden, head, _ = problem(5)
    for call in (
        lambda: draw_targets(hidden, head, draws=1, seed=0, softcap=0.0),
        lambda: LowRankSweep(head, [2], softcap=-1.0),
    ):
        with pytest.raises(InputError, match="softcap"):
            call()
