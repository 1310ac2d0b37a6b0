"""linear_cross_entropy, tiled and by Triton: no further from float64 than PyTorch's own is, plus 1e-5."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from easyhard.errors import InputError
from easyhard.logits import cross_entropy as module
from easyhard.logits.cross_entropy import linear_cross_entropy, per_token_loss
from plain_logits import DEVICE, WAYS, assert_same_bits, largest_tensor, problem, trust_triton

SHAPES = {
    "tiled": [(255, 507, 123), (1, 2000, 64), (300, 1, 8), (1, 1, 1), (513, 2049, 64), (7, 1025, 3)],
    "triton": [(45, 123, 20), (70, 67, 64), (3, 5, 1), (7, 1, 16)],
}
TOLERANCE = 1e-5


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    trust_triton(monkeypatch, module, request.param)
    return request.param


def step(loss_of: object, hidden: Tensor, head: Tensor, targets: Tensor, weights: Tensor) -> list[Tensor]:
    """Losses, and the gradients of their sum weighted with `weights`."""
    hidden, head = hidden.detach().clone().requires_grad_(), head.detach().clone().requires_grad_()
    losses = loss_of(hidden, head, targets)  # type: ignore[operator]
    (losses * weights).sum().backward()
    return [losses.detach(), hidden.grad, head.grad]


def plain(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(hidden @ head.T, targets, reduction="none")


def ours(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    return linear_cross_entropy(hidden, head, targets, reduction="none")


def assert_as_good_as_plain(hidden: Tensor, head: Tensor, targets: Tensor, tolerance: float = TOLERANCE) -> None:
    hidden, head, targets = (tensor.to(DEVICE) for tensor in (hidden, head, targets))
    weights = torch.linspace(-0.5, 1.5, len(hidden), device=DEVICE)
    truth = step(plain, hidden.double(), head.double(), targets, weights.double())
    found, own = (step(loss, hidden, head, targets, weights) for loss in (ours, plain))
    assert [f.dtype for f in found] == [torch.float32, hidden.dtype, head.dtype]
    for value, allowed, right in zip(found, own, truth, strict=True):
        assert (value - right).abs().max() <= (allowed - right).abs().max() + tolerance


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_as_close_to_float64_as_pytorch(way: str, dtype: torch.dtype) -> None:
    for shape in SHAPES[way]:
        assert_as_good_as_plain(*problem(*shape, dtype))


@pytest.mark.parametrize("scale", [10.0, 100.0])
def test_large_random_logits(scale: float) -> None:
    hidden, head, targets = problem(255, 2049, 64)
    size = scale * float((hidden @ head.T).abs().max())
    # logits of this size are themselves known to 6e-8 of it, by either way of adding the products up
    assert_as_good_as_plain(hidden * scale, head, targets, tolerance=TOLERANCE + 6e-7 * size * scale)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param([1e4, -1e4, 0.0, 1e4], id="plus and minus 1e4"),
        pytest.param([5.0] * 4, id="all equal"),
        pytest.param([-1e4] * 4, id="all equal and tiny"),
        pytest.param([1e4, 9999.0, 9998.0, 0.0], id="large and close"),
        pytest.param([60.0, 0.0, 0.0, 0.0], id="one dominant"),
        pytest.param([1e-40, 0.0, -1e-40, 2e-40], id="denormal"),
    ],
)
def test_adversarial_logits(way: str, row: list[float]) -> None:
    """hidden is 1, so the head's single column is the logits, exactly."""
    words, last_places = (2800, 0.0) if way == "tiled" else (76, 2.4e-7 * max(map(abs, row)))  # three tiles
    head = torch.tensor(row).repeat(words // 4)[:, None]
    assert_as_good_as_plain(torch.ones(4, 1), head, torch.tensor([0, 1, 2, words - 1]), TOLERANCE + last_places)


def test_largest_logit_comes_in_the_last_tile() -> None:
    """The running maximum has to rescale what came before it."""
    hidden, head, targets = problem(40, 3000, 16)
    head[2900] = 200 * hidden[7]
    targets[7] = 2900
    assert_as_good_as_plain(hidden, head, targets, tolerance=1e-3)


def test_gradients_in_float64() -> None:
    hidden, head, targets = problem(70, 2100, 16, torch.float64)
    weights = torch.linspace(-1, 1, 70, dtype=torch.float64)
    found, truth = (step(loss, hidden, head, targets, weights) for loss in (ours, plain))
    for value, right in zip(found, truth, strict=True):
        torch.testing.assert_close(value, right, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("reduction", ["sum", "mean", "none"])
def test_reductions(reduction: str) -> None:
    hidden, head, targets = problem(255, 507, 12)
    expected = cross_entropy(hidden @ head.T, targets, reduction=reduction)
    torch.testing.assert_close(linear_cross_entropy(hidden, head, targets, reduction=reduction), expected)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^reduction: 'median'"):
        linear_cross_entropy(hidden, head, targets, reduction="median")  # type: ignore[arg-type]


def test_only_the_gradient_asked_for() -> None:
    hidden, head, targets = problem(20, 30, 4)
    head.requires_grad_()
    linear_cross_entropy(hidden, head, targets).backward()
    assert hidden.grad is None
    assert head.grad is not None


def test_per_token_loss_is_the_loss_without_gradients(way: str) -> None:
    hidden, head, targets = (tensor.to(DEVICE) for tensor in problem(45, 123, 8))
    losses = per_token_loss(hidden.requires_grad_(), head, targets)
    assert not losses.requires_grad
    assert torch.equal(losses, ours(hidden, head, targets).detach())


def test_transposed_and_sliced_inputs() -> None:
    hidden, head, targets = problem(300, 1500, 8)
    strided = torch.empty(300, 16)[:, ::2].copy_(hidden)
    found = per_token_loss(strided, head.t().contiguous().t(), targets)
    assert torch.equal(found, per_token_loss(hidden, head, targets))


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_same_bits_for_any_number_of_threads(scale: float) -> None:
    hidden, head, targets = problem(1000, 3100, 16)
    weights = torch.linspace(-1, 1, 1000)
    assert_same_bits(
        lambda: dict(enumerate(step(ours, hidden * scale, head, targets, weights)))  # type: ignore[arg-type]
    )


def test_memory_is_bounded_by_tiles() -> None:
    """No tensor that lives during the step comes near tokens x words; the largest is the head's gradient."""
    hidden, head, targets = problem(1024, 20000, 16)
    hidden.requires_grad_()
    head.requires_grad_()
    largest = largest_tensor(lambda: linear_cross_entropy(hidden, head, targets).backward())
    assert largest <= max(head.nbytes, 2**21) < 1024 * 20000 * 4 / 10  # a tile has 2 MiB


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda h, w, t: (h[0], w, t), "hidden"),
        (lambda h, w, t: (h[:0], w, t[:0]), "hidden"),
        (lambda h, w, t: (h.long(), w, t), "hidden"),
        (lambda h, w, t: (h, w[:, :2], t), "head"),
        (lambda h, w, t: (h, w.double(), t), "head"),
        (lambda h, w, t: (h, w, t[:-1]), "targets"),
        (lambda h, w, t: (h, w, t.int()), "targets"),
        (lambda h, w, t: (h, w, t + 1), "targets"),
        (lambda h, w, t: (h, w, t - 1), "targets"),
        (lambda h, w, t: (h.index_fill(0, torch.tensor([3]), float("nan")), w, t), "hidden"),
        (lambda h, w, t: (h, w.index_fill(0, torch.tensor([3]), float("inf")), t), "head"),
    ],
)
def test_bad_input_is_named(change: object, named: str) -> None:
    hidden, head, targets = problem(9, 8, 4)
    targets[:2] = torch.tensor([0, 7])
    with pytest.raises(InputError, match=f"^{named}: "):
        linear_cross_entropy(*change(hidden, head, targets))  # type: ignore[operator]
