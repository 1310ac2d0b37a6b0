"""Named precisions: what rounding states and head costs, emulated here, and that the kernels compute just that."""

import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("triton")

import triton
import triton.language as tl

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "logits"))
from precision import BF16, IMPLEMENTATIONS, STATISTICS, TF32, UNITS, bounds, emulated, exact, found, problem

from easyhard.logits.statistics import logit_statistics
from easyhard.logits.triton_tiles import nearest_tf32, rounded
from plain_logits import DEVICE

CPU = torch.device("cpu")
SHAPES = [(257, 2003, 64), (35, 1031, 2048)]
EVALUATION = 1e-5  # what float32 results may be off by, whatever the products


@pytest.mark.parametrize("precision", UNITS)
@pytest.mark.parametrize(("tokens", "words", "dim"), SHAPES)
def test_errors_stay_within_their_bounds(tokens: int, words: int, dim: int, precision: str) -> None:
    hidden, head = problem(tokens, words, dim, CPU)
    truth, values = exact(hidden, head), found(hidden, head, precision)
    for name, limit in bounds(hidden, head, precision, truth).items():
        assert bool(((values[name].double() - truth[name]).abs() <= limit + EVALUATION).all()), name


@pytest.mark.parametrize(("precision", "unit"), [("tf32", TF32), ("bf16", BF16)])
def test_errors_of_logits_are_those_of_rounding_to_nearest(precision: str, unit: float) -> None:
    """Within 5 % of the root mean square that independent roundings give, and of no preferred sign.

    An error spread evenly over +-unit of a mantissa m, whose density is 1 / (m log 2) on 1..2, has the mean square
    unit^2 / 3 * 3 / (8 log 2) relative to the number; d products of two such numbers add up. Tensor units that cut off
    would give twice the unit, and shrink every logit by unit / log 2.
    """
    hidden, head = problem(512, 1031, 64, CPU)
    exact_logits = hidden.double() @ head.double().T
    rounded_hidden, rounded_head = emulated(hidden, head, precision)
    error = rounded_hidden.double() @ rounded_head.double().T - exact_logits
    per_number = unit * (1 / (8 * torch.tensor(2.0).log())).sqrt()
    expected = (2**0.5 * per_number * exact_logits.square().mean().sqrt()).item()
    assert error.square().mean().sqrt().item() == pytest.approx(expected, rel=0.05)
    shrinking = (error * exact_logits).sum() / exact_logits.square().sum()
    assert abs(float(shrinking)) < 0.1 * unit


@pytest.mark.parametrize("precision", IMPLEMENTATIONS)
def test_the_kernels_give_what_is_emulated(precision: str) -> None:
    hidden, head = problem(33, 123, 40, DEVICE)
    kernels = logit_statistics(hidden, head, statistics=STATISTICS, implementation=IMPLEMENTATIONS[precision])
    wanted = exact(*emulated(hidden, head, precision))
    for name in STATISTICS:
        assert kernels[name].dtype == torch.float32
        assert float((kernels[name].double() - wanted[name]).abs().max()) <= EVALUATION, name


def test_nearest_tf32() -> None:
    """A tie goes away from zero; 2 - 2^-12 goes into the next binade."""
    given = [1 + 2**-11, -1 - 2**-11, 1 + 2**-11 - 2**-23, 2 - 2**-12, 1 + 2**-10, float("-inf")]
    nearest = [1 + 2**-10, -1 - 2**-10, 1.0, 2.0, 1 + 2**-10, float("-inf")]
    assert nearest_tf32(torch.tensor(given)).tolist() == nearest


@triton.jit
def _round_kernel(numbers: tl.tensor, out: tl.tensor, PRECISION: tl.constexpr) -> None:
    places = tl.arange(0, 64)
    tl.store(out + places, rounded(tl.load(numbers + places), PRECISION))


def test_kernels_round_alike() -> None:
    numbers = torch.randn(64, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    out = torch.empty_like(numbers)
    _round_kernel[(1,)](numbers, out, PRECISION="tf32")
    assert torch.equal(out, nearest_tf32(numbers))
    _round_kernel[(1,)](numbers, out, PRECISION="ieee")
    assert torch.equal(out, numbers)
