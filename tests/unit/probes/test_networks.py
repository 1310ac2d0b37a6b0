"""Networks' outputs and gradients against plain PyTorch with automatic differentiation; and the probes' targets."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, softmax

from easyhard.probes.networks import Weights, first_weights, gradients, outputs
from easyhard.probes.tasks import tasks_of
from easyhard.signals.catalogue import TASKS, Architecture, multiply_adds
from probe_data import BLEND

ARCHITECTURES: tuple[Architecture, ...] = ("linear", "mlp", "mixture")


def plain(architecture: Architecture, weights: Weights, x: torch.Tensor) -> torch.Tensor:
    if architecture == "linear":
        return (x * weights[0]).sum(1)
    before = x @ weights[0].T
    activation = before.clamp(min=0) if architecture == "mlp" else 13**0.5 * softmax(before, 1)
    return activation @ weights[1] + weights[2]


def case(architecture: Architecture, dtype: torch.dtype) -> tuple[Weights, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(3)
    weights = [tensor.to(dtype) for tensor in first_weights(architecture, 7, 13, seed=5)]
    weights = [tensor + 0.1 * torch.randn(tensor.shape, generator=random) for tensor in weights]
    x = torch.randn(255, 8, generator=random).to(dtype)
    return [tensor.to(dtype) for tensor in weights], x, torch.rand(255, generator=random).to(dtype)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_outputs_and_gradients(architecture: Architecture, dtype: torch.dtype, tolerance: float) -> None:
    weights, x, target = case(architecture, dtype)
    exact = [tensor.double().requires_grad_() for tensor in weights]
    expected = plain(architecture, exact, x.double())
    binary_cross_entropy_with_logits(expected, target.double()).backward()
    torch.testing.assert_close(
        outputs(architecture, weights, x).double(), expected.detach(), rtol=tolerance, atol=tolerance
    )
    found = gradients(architecture, weights, x, lambda output: (torch.sigmoid(output) - target) / len(target))
    for tensor, truth in zip(found, exact, strict=True):
        assert truth.grad is not None
        torch.testing.assert_close(tensor.double(), truth.grad, rtol=10 * tolerance, atol=tolerance)


@pytest.mark.parametrize(("architecture", "expected"), [("linear", 64), ("mlp", 8_320), ("mixture", 8_320)])
def test_multiply_adds(architecture: Architecture, expected: int) -> None:
    assert multiply_adds(architecture, 64, 128) == expected
    weights = first_weights(architecture, 64, 128, seed=0)
    of_ones = 1 if architecture == "linear" else 128 + 1  # the weights of the constant input, and the offset
    assert sum(tensor.numel() for tensor in weights) - of_ones == expected


LOSS = torch.tensor([0.5, 3.0, 3.1, 9.0])
ENTROPY = torch.tensor([1.0, 2.0, 4.0, 5.0])
TAIL = torch.tensor([0.1, 0.4, 0.5, 1.00001])


def test_all_tasks() -> None:
    correct = torch.tensor([True, False, False, True])
    tasks = tasks_of(LOSS, ENTROPY, tail_mass=TAIL, correct=correct, **BLEND)
    assert set(tasks) == set(TASKS)
    assert tasks["easy"].target.tolist() == tasks["guided_easy"].truth.tolist() == [1, 1, 0, 0]
    assert tasks["correct"].target.tolist() == [1, 0, 0, 1]
    torch.testing.assert_close(tasks["log1p_loss"].target, (LOSS + 1).log())
    assert torch.equal(tasks["tail_mass"].target, torch.tensor([0.1, 0.4, 0.5, 1.0]))
    torch.testing.assert_close(tasks["guided_easy"].target, torch.tensor([0.925, 0.7, 0.375, 0.0]))
    torch.testing.assert_close(tasks["guided_loss"].target, 0.75 * ENTROPY + 0.25 * LOSS)
    assert torch.equal(tasks["guided_loss"].truth, LOSS)
    hard = torch.tensor([0.075, 0.3, 0.625, 1.0])
    torch.testing.assert_close(tasks["guided_both"].target, 0.75 * ENTROPY + 0.25 * LOSS + 2 * hard)
    torch.testing.assert_close(tasks["guided_both"].truth, LOSS + 2 * torch.tensor([0.0, 0.0, 1.0, 1.0]))


def test_tasks_need_their_columns() -> None:
    always = tasks_of(LOSS, ENTROPY, **BLEND)
    assert list(always) == ["loss", "log1p_loss", "easy", "entropy", "guided_loss"]
    with_tail = tasks_of(LOSS, ENTROPY, tail_mass=TAIL, **BLEND)
    assert with_tail.keys() - always.keys() == {"tail_mass", "guided_easy", "guided_both"}
