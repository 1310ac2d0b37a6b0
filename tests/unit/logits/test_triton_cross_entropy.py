"""The Triton cross-entropy against float64 truth, on a GPU where there is one, else in Triton's interpreter."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

pytest.importorskip("triton")

from easyhard.logits import triton_cross_entropy

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
DTYPES = [torch.float32, torch.bfloat16, torch.float16]


def inputs(tokens: int, words: int, dim: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """hidden, head, targets and the gradients (tokens,) of the losses, of both signs."""
    random = torch.Generator().manual_seed(tokens * words * dim)
    hidden = torch.randn(tokens, dim, generator=random).to(dtype).to(DEVICE)
    head = torch.randn(words, dim, generator=random).mul(3 * dim**-0.5).to(dtype).to(DEVICE)  # logits of spread 3
    targets = torch.randint(words, (tokens,), generator=random).to(DEVICE)
    return hidden, head, targets, torch.randn(tokens, generator=random).to(DEVICE)


def ours(hidden: Tensor, head: Tensor, targets: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Losses, and the gradients to hidden and head, from the two kernels."""
    losses, peak, total, expected = triton_cross_entropy.forward(hidden, head, targets, with_expected=True)
    grad_hidden = grad[:, None] * (expected - head[targets])
    return (
        losses,
        grad_hidden.to(hidden.dtype),
        triton_cross_entropy.grad_head(hidden, head, targets, peak, total, grad),
    )


def plain(hidden: Tensor, head: Tensor, targets: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    hidden, head = hidden.detach().requires_grad_(), head.detach().requires_grad_()
    losses = cross_entropy(hidden @ head.T, targets, reduction="none")
    grads = torch.autograd.grad(losses, (hidden, head), grad.to(losses.dtype))
    return losses.detach(), grads[0], grads[1]


def check(hidden: Tensor, head: Tensor, targets: Tensor, grad: Tensor) -> None:
    """No error above the plain implementation's own + 1e-5."""
    truth = plain(hidden.double(), head.double(), targets, grad.double())
    allowed = plain(hidden, head, targets, grad)
    for name, value, own, right in zip(
        ("losses", "hidden", "head"), ours(hidden, head, targets, grad), allowed, truth, strict=True
    ):
        assert value.dtype == (torch.float32 if name == "losses" else hidden.dtype), name
        assert (value - right).abs().max() <= (own - right).abs().max() + 1e-5, name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("tokens", "words", "dim"), [(45, 123, 20), (123, 255, 64), (3, 5, 1)])
def test_losses_and_gradients(tokens: int, words: int, dim: int, dtype: torch.dtype) -> None:
    check(*inputs(tokens, words, dim, dtype))


@pytest.mark.parametrize("factor", [1e4, 1e-39, 0.0])
def test_adversarial_logits(factor: float) -> None:
    """Large, denormal, and all equal: head's numbers are the logits, exactly, whatever their size."""
    _, head, targets, grad = inputs(16, 75, 16, torch.float32)
    check(torch.eye(16, device=DEVICE), head.round() * factor, targets, grad)


def test_vocabulary_of_one() -> None:
    hidden, head, targets, grad = inputs(7, 1, 16, torch.float32)
    losses, grad_hidden, grad_head = ours(hidden, head, targets, grad)
    assert bool((losses.abs() <= 1e-6).all())
    assert bool((grad_hidden.abs() <= 1e-5).all())
    assert bool((grad_head.abs() <= 1e-5).all())


def test_the_same_bits_twice() -> None:
    given = inputs(70, 123, 20, torch.float32)
    for first, again in zip(ours(*given), ours(*given), strict=True):
        assert torch.equal(first, again)


def test_losses_alone() -> None:
    hidden, head, targets, _ = inputs(45, 123, 20, torch.float32)
    losses, _, _, expected = triton_cross_entropy.forward(hidden, head, targets, with_expected=False)
    assert expected.shape == (45, 0)
    torch.testing.assert_close(losses, cross_entropy(hidden @ head.T, targets, reduction="none"), atol=1e-5, rtol=0)
