"""Problems for the heavy step, and what plain code over whole rows of logits makes of them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from easyhard.logits.request import SCALED, Request

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
WAYS = ("tiled", "triton")
NO_REQUEST = Request(())
TOLERANCE = 1e-5  # for probabilities and nats; logit-like figures may be off by it relative to their size


def problem(tokens: int, words: int, dim: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden states (tokens, dim), a head (words, dim) whose logits have a spread of 2, and targets (tokens,)."""
    generator = torch.Generator().manual_seed(tokens * words + dim)
    hidden = torch.randn(tokens, dim, generator=generator).to(dtype)
    head = (2 * torch.randn(words, dim, generator=generator) / dim**0.5).to(dtype)
    return hidden, head, torch.randint(0, words, (tokens,), generator=generator)


def uneven_problem(tokens: int, words: int, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Anisotropic states, a head whose rows share a mean, and other states of the same kind."""
    generator = torch.Generator().manual_seed(tokens + words + dim)
    mixed = torch.randn(dim, dim, generator=generator) * torch.logspace(0.3, -0.5, dim)
    hidden = torch.randn(tokens, dim, generator=generator) @ mixed / dim**0.5
    other = torch.randn(4 * dim, dim, generator=generator) @ mixed / dim**0.5
    head = torch.randn(words, dim, generator=generator) * torch.linspace(2, 0.5, dim) / dim**0.5 + 0.3
    return hidden, head, other


def capped(z: Tensor, softcap: float | None) -> Tensor:
    return z if softcap is None else softcap * (z / softcap).tanh()


def statistics_of(z: Tensor, targets: Tensor | None = None, request: Request = NO_REQUEST) -> dict[str, Tensor]:
    """Every statistic of logits z (tokens, words) from its definition."""
    log_p = z.log_softmax(1)
    p, top = log_p.exp(), z.topk(min(max(request.top_k, 2), z.shape[1]), dim=1)
    second = top.values[:, 1] if z.shape[1] > 1 else torch.full_like(z[:, 0], float("-inf"))
    values = {
        "log_sum_exp": z.logsumexp(1),
        "max_logit": z.amax(1),
        "max_probability": p.amax(1),
        "mean_logit": z.mean(1),
        "max_minus_mean": z.amax(1) - z.mean(1),
        "logit_std": z.std(1, correction=0),
        "entropy": torch.special.entr(p).sum(1),
        "renyi2": -(p * p).sum(1).log(),
        "argmax": z.argmax(1),
        "margin": z.amax(1) - second,
        "top_logits": top.values[:, : request.top_k],
        "tail_mass": torch.stack([torch.where(log_p < -t, p, 0.0).sum(1) for t in request.tail_thresholds], 1),
    }
    if targets is not None:
        own = targets[:, None]
        values["target_logit"], values["loss"] = z.gather(1, own)[:, 0], -log_p.gather(1, own)[:, 0]
        values["target_probability"] = p.gather(1, own)[:, 0]
    return values


def reference(hidden: Tensor, head: Tensor, targets: Tensor, request: Request) -> dict[str, Tensor]:
    """What logit_statistics gives for the request, its figures at a temperature too."""
    z = capped(hidden @ head.T, request.softcap)
    plain = statistics_of(z, targets, request)
    at_temperature = Request((), top_k=request.top_k, tail_thresholds=request.scaled.tail_thresholds)
    scaled = statistics_of(z / request.scaled.temperature, targets, at_temperature) if request.scaled.statistics else {}
    return {name: plain[name] for name in request.statistics} | {
        SCALED + name: scaled[name] for name in request.scaled.statistics
    }


def assert_as_close_as_plain(
    found: dict[str, Tensor],
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    request: Request,
    tolerance: float = TOLERANCE,
) -> None:
    """No error above the plain code's own + the tolerance; whole numbers equal, or of logits that rounding parts."""
    truth = reference(hidden.double(), head.double(), targets, request)
    plain = reference(hidden.float(), head.float(), targets, request)
    z = capped(hidden.double() @ head.double().T, request.softcap)
    assert list(found) == list(truth)
    for name in truth:
        assert found[name].shape == truth[name].shape, name
        assert found[name].dtype == plain[name].dtype, name
        if name.removeprefix("scaled_") == "argmax":
            chosen, right = (values[name][:, None] for values in (found, truth))
            assert distance(z.gather(1, chosen), z.gather(1, right)) <= 1e-5, name
        else:
            assert distance(found[name], truth[name]) <= distance(plain[name], truth[name]) + tolerance, name


def distance(values: Tensor, truth: Tensor) -> float:
    """Largest error; equal infinities and nan against nan count as 0."""
    values, truth = values.double(), truth.double()
    same = (values == truth) | (values.isnan() & truth.isnan())
    return float(torch.where(same, 0.0, (values - truth).abs()).max())


def assert_same_bits(call: Callable[[], dict[str, Tensor]]) -> None:
    """For any number of threads."""
    before, results = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(call())
    torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(results[0][name], other[name]) for name in results[0])


def largest_tensor(call: Callable[[], object]) -> int:
    """Bytes of the largest tensor that is made; on one thread, since the profiler sees those of its own."""
    from torch.profiler import ProfilerActivity, profile

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        call()
    torch.set_num_threads(before)
    return max(event.self_cpu_memory_usage for event in recorded.events())


def trust_triton(monkeypatch: pytest.MonkeyPatch, module: object, way: str) -> None:
    """Let `module` take Triton's kernels for states on any device, in Triton's interpreter where there is no GPU."""
    if way == "triton":
        pytest.importorskip("triton")
        monkeypatch.setattr(module, "_trusted", lambda hidden: True)
