"""linear_cross_entropy: losses and gradients no further from float64 than PyTorch's own are, plus 1e-5."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from easyhard.errors import InputError
from easyhard.logits.cross_entropy import linear_cross_entropy, per_token_loss

SHAPES = [(255, 507, 123), (1, 2000, 64), (300, 1, 8), (1, 1, 1), (513, 2049, 64), (7, 1025, 3)]
TOLERANCE = 1e-5


def problem(tokens: int, words: int, dim: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(tokens * words + dim)
    hidden = torch.randn(tokens, dim, generator=generator).to(dtype)
    head = (torch.randn(words, dim, generator=generator) / dim**0.5).to(dtype)
    return hidden, head, torch.randint(0, words, (tokens,), generator=generator)


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


def largest_error(values: list[Tensor], truths: list[Tensor]) -> list[float]:
    return [float((value.double() - truth).abs().max()) for value, truth in zip(values, truths, strict=True)]


def assert_as_good_as_plain(hidden: Tensor, head: Tensor, targets: Tensor, tolerance: float = TOLERANCE) -> None:
    weights = torch.linspace(0.5, 1.5, len(hidden))
    truth = step(plain, hidden.double(), head.double(), targets, weights.double())
    found = largest_error(step(ours, hidden, head, targets, weights), truth)
    allowed = largest_error(step(plain, hidden, head, targets, weights), truth)
    for error, own in zip(found, allowed, strict=True):
        assert error <= own + tolerance


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", SHAPES)
def test_as_close_to_float64_as_pytorch(shape: tuple[int, int, int], dtype: torch.dtype) -> None:
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
def test_adversarial_logits(row: list[float]) -> None:
    """hidden is 1, so the head's single column is the logits, exactly."""
    head = torch.tensor(row).repeat(700)[:, None]  # 2,800 words: three tiles
    assert_as_good_as_plain(torch.ones(4, 1), head, torch.tensor([0, 1, 2, 2799]))


def test_largest_logit_comes_in_the_last_tile() -> None:
    """The running maximum has to rescale what came before it."""
    hidden, head, targets = problem(40, 3000, 16)
    head[2900] = 200 * hidden[7]
    targets[7] = 2900
    assert_as_good_as_plain(hidden, head, targets, tolerance=1e-3)


def test_gradients_in_float64() -> None:
    hidden, head, targets = problem(70, 2100, 16, torch.float64)
    weights = torch.rand(70, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for found, truth in zip(
        step(ours, hidden, head, targets, weights), step(plain, hidden, head, targets, weights), strict=True
    ):
        torch.testing.assert_close(found, truth, rtol=1e-10, atol=1e-12)


def test_gradcheck() -> None:
    hidden, head, targets = problem(3, 5, 2, torch.float64)
    assert torch.autograd.gradcheck(ours, (hidden.requires_grad_(), head.requires_grad_(), targets))


@pytest.mark.parametrize("reduction", ["sum", "mean", "none"])
def test_reductions(reduction: str) -> None:
    hidden, head, targets = problem(255, 507, 12)
    expected = cross_entropy(hidden @ head.T, targets, reduction=reduction)
    torch.testing.assert_close(linear_cross_entropy(hidden, head, targets, reduction=reduction), expected)  # type: ignore[arg-type]


def test_only_the_gradient_asked_for() -> None:
    hidden, head, targets = problem(20, 30, 4)
    head.requires_grad_()
    linear_cross_entropy(hidden, head, targets).backward()
    assert hidden.grad is None
    assert head.grad is not None


def test_per_token_loss_is_the_loss_without_gradients() -> None:
    hidden, head, targets = problem(300, 1500, 8)
    losses = per_token_loss(hidden.requires_grad_(), head, targets)
    assert not losses.requires_grad
    assert torch.equal(losses, linear_cross_entropy(hidden, head, targets, reduction="none").detach())


def test_transposed_and_sliced_inputs() -> None:
    hidden, head, targets = problem(300, 1500, 8)
    strided = torch.empty(300, 16)[:, ::2].copy_(hidden)
    assert torch.equal(
        per_token_loss(strided, head.t().contiguous().t(), targets), per_token_loss(hidden, head, targets)
    )


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_same_bits_for_any_number_of_threads(scale: float) -> None:
    hidden, head, targets = problem(1000, 5000, 64)
    weights, before = torch.rand(1000, generator=torch.Generator().manual_seed(0)), torch.get_num_threads()
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(step(ours, hidden * scale, head, targets, weights))
    torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_memory_is_bounded_by_tiles() -> None:
    """No tensor that lives during the step comes near tokens x words; the largest is the head's gradient."""
    from torch.profiler import ProfilerActivity, profile

    hidden, head, targets = problem(1024, 20000, 16)
    hidden.requires_grad_()
    head.requires_grad_()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        linear_cross_entropy(hidden, head, targets).backward()
    largest = max(event.self_cpu_memory_usage for event in recorded.events())
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


def test_unknown_reduction() -> None:
    with pytest.raises(InputError, match=r"^reduction: "):
        linear_cross_entropy(*problem(9, 8, 4), reduction="median")  # type: ignore[arg-type]
