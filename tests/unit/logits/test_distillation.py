"""The divergence that translators learn from, against automatic differentiation in float64, and maps that are known."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.distillation import divergence_from, fit_translators, translated
from plain_logits import DEVICE, assert_same_bits, capped, largest_tensor, problem

SHAPES = [(255, 507, 123), (1, 2000, 64), (300, 1, 8), (513, 2049, 64), (7, 1025, 3)]
CAPS = [None, 0.5, 5.0, 300.0]
SETTINGS = {"learning_rate": 0.01, "batch_size": 128, "max_epochs": 60, "patience": 5, "held_back": 0.1}


def pair(tokens: int, words: int, dim: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """States of an exit and of the last one, (tokens, dim) each, half of them nearly the same, and a head."""
    states, head, _ = problem(2 * tokens, words, dim, dtype)
    hidden, last = states.split(tokens)
    hidden = torch.where(torch.arange(tokens)[:, None] % 2 == 0, hidden, last + 0.01 * hidden)
    return hidden.to(DEVICE), last.to(DEVICE), head.to(DEVICE)


def plain(hidden: Tensor, last: Tensor, head: Tensor, softcap: float | None) -> Tensor:
    log_p, log_last = (capped(states @ head.T, softcap).log_softmax(1) for states in (hidden, last))
    return (log_last.exp() * (log_last - log_p)).sum(1)


def ours(hidden: Tensor, last: Tensor, head: Tensor, softcap: float | None) -> Tensor:
    return divergence_from(last, head, softcap)(hidden, torch.arange(len(last), device=last.device))


def step(loss_of: Callable[..., Tensor], hidden: Tensor, *given: object) -> tuple[Tensor, Tensor]:
    """Divergences, and the gradient of their sum weighted with rising weights."""
    leaf = hidden.detach().requires_grad_()
    values = loss_of(leaf, *given)
    (gradient,) = torch.autograd.grad((values * torch.linspace(-0.5, 1.5, len(leaf)).to(leaf)).sum(), leaf)
    return values.detach(), gradient


@pytest.mark.parametrize("softcap", CAPS)
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_in_float64(shape: tuple[int, int, int], softcap: float | None) -> None:
    hidden, last, head = pair(*shape, torch.float64)
    for scale in (1, 20):
        found, truth = (step(way, scale * hidden, scale * last, head, softcap) for way in (ours, plain))
        for value, right in zip(found, truth, strict=True):
            torch.testing.assert_close(value, right, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("softcap", CAPS)
@pytest.mark.parametrize("scale", [1.0, 20.0])
def test_as_close_to_float64_as_pytorch(softcap: float | None, scale: float) -> None:
    hidden, last, head = pair(255, 2049, 64)
    hidden, last = scale * hidden, scale * last
    truth = step(plain, hidden.double(), last.double(), head.double(), softcap)
    found, own = (step(way, hidden, last, head, softcap) for way in (ours, plain))
    size = float(capped(hidden @ head.T, softcap).abs().max()) + (softcap or 0)
    for value, allowed, right in zip(found, own, truth, strict=True):
        assert (value - right).abs().max() <= (allowed - right).abs().max() + 1e-5 + 1e-6 * scale * size


@pytest.mark.parametrize("softcap", [None, 5.0])
def test_rows_say_whose_states_they_are(softcap: float | None) -> None:
    hidden, last, head = pair(50, 300, 8, torch.float64)
    rows = torch.tensor([7, 41, 7], device=DEVICE)
    found = divergence_from(last, head, softcap)(hidden[:3], rows)
    torch.testing.assert_close(found, plain(hidden[:3], last[rows], head, softcap))


@pytest.mark.parametrize("softcap", [None, 5.0])
def test_same_bits_for_any_number_of_threads(softcap: float | None) -> None:
    hidden, last, head = pair(1100, 3100, 16)
    assert_same_bits(lambda: dict(enumerate(step(ours, hidden, last, head, softcap))))  # type: ignore[arg-type]


@pytest.mark.parametrize("softcap", [None, 5.0])
def test_memory_is_bounded_by_tiles(softcap: float | None) -> None:
    hidden, last, head = pair(1024, 20000, 16)
    assert largest_tensor(lambda: step(ours, hidden, last, head, softcap)) <= 2**21 < 1024 * 20000 * 4 / 10


def known(tokens: int, dim: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Raw states, the A (dim, dim) and b (dim,) of a map, and a head of 300 words."""
    generator = torch.Generator().manual_seed(dim)
    raw, head = (torch.randn(rows, dim, generator=generator, dtype=dtype) for rows in (tokens, 300))
    matrix, shift = (0.5 * torch.randn(size, generator=generator, dtype=dtype) / dim**0.5 for size in ((dim, dim), dim))
    return raw.to(DEVICE), matrix.to(DEVICE), shift.to(DEVICE), head.to(DEVICE)


def mapped(raw: Tensor, matrix: Tensor, shift: Tensor) -> Tensor:
    """h + A h + b, one state at a time."""
    return torch.stack([h + matrix @ h + shift for h in raw])


def with_bias(states: Tensor) -> Tensor:
    """A last coordinate 1, as the head's bias wants it."""
    return torch.cat([states, torch.ones_like(states[:, :1])], 1)


@pytest.mark.parametrize("softcap", [None, 5.0])
def test_a_known_map_is_found(softcap: float | None) -> None:
    """The last exit's states are h + A h + b: no other A and b bring the divergence to 0."""
    raw, matrix, shift, head = known(2000, 6)
    last = with_bias(mapped(raw, matrix, shift))
    head = with_bias(head)
    found = fit_translators({2: raw}, last, with_bias, head, softcap=softcap, settings=SETTINGS, seed=0)
    for value, right in zip(found[2], (matrix, shift), strict=True):
        torch.testing.assert_close(value, right, rtol=0, atol=2e-3)
    rows = torch.arange(len(raw), device=DEVICE)
    assert float(divergence_from(last, head, softcap)(with_bias(translated(raw, found[2])), rows).mean()) < 1e-5


def rms(states: Tensor) -> Tensor:
    return states / states.square().mean(1, keepdim=True).sqrt()


def test_a_map_is_learnt_through_a_norm() -> None:
    """The norm leaves the size open, so what is found is judged by its divergence: a thousandth of the plain lens's."""
    raw, matrix, shift, head = known(2000, 8, torch.float32)
    last = rms(mapped(raw, matrix, shift))
    found = fit_translators({1: raw}, last, rms, head, settings=SETTINGS, seed=0)
    divergence, rows = divergence_from(last, head), torch.arange(len(raw), device=DEVICE)
    before, after = (float(divergence(rms(states), rows).mean()) for states in (raw, translated(raw, found[1])))
    assert after < before / 1000


def test_what_is_learnt_by_heart_is_not_kept() -> None:
    """States that say nothing of the last exit's: the fit gets worse on tokens held back, and the start is returned."""
    _, last, head = pair(80, 300, 16)
    raw = torch.randn(80, 16, generator=torch.Generator().manual_seed(0)).to(DEVICE) * 1e-3
    settings = {**SETTINGS, "learning_rate": 1.0, "held_back": 0.5}
    matrix, shift = fit_translators({1: raw}, 1e-3 * last, lambda h: h, head, settings=settings, seed=0)[1]
    assert not matrix.any()
    assert not shift.any()


def test_an_exit_is_fitted_alone_and_by_its_seed() -> None:
    raw, matrix, shift, head = known(400, 5)
    last, settings = mapped(raw, matrix, shift), {**SETTINGS, "max_epochs": 2}

    def fit(exits: list[int], seed: int) -> dict[int, tuple[Tensor, Tensor]]:
        return fit_translators(dict.fromkeys(exits, raw), last, lambda h: h, head, settings=settings, seed=seed)

    both, alone, other = fit([1, 3], 0), fit([3], 0), fit([3], 1)
    assert list(both) == [1, 3]
    assert torch.equal(both[3][0], alone[3][0])
    assert not torch.equal(both[1][0], both[3][0])
    assert not torch.equal(other[3][0], alone[3][0])


def test_translators_have_the_same_bits_for_any_number_of_threads() -> None:
    """64 dims and batches of 1,024: sizes at which a product over the tokens is shared out among threads."""
    raw, last, head = pair(3000, 300, 64)
    settings = {**SETTINGS, "batch_size": 1024, "max_epochs": 2}

    def fitted() -> dict[str, Tensor]:
        found = fit_translators({1: raw, 2: -raw}, last, rms, head, settings=settings, seed=0)
        return {f"{number}/{part}": found[number][part] for number in found for part in (0, 1)}

    assert_same_bits(fitted)


def test_only_the_first_tokens_are_learnt_from() -> None:
    """Held-back tokens choose the epoch; here there is one, so what they are changes nothing."""
    raw, matrix, shift, head = known(400, 5)
    last, settings = mapped(raw, matrix, shift), {**SETTINGS, "max_epochs": 1, "held_back": 0.25}
    results = [
        fit_translators({1: raw}, target, lambda h: h, head, settings=settings, seed=0)[1]
        for target in (last, torch.cat([last[:300], last[300:] + 0.01]))
    ]
    assert results[0][0].any()
    assert torch.equal(results[0][0], results[1][0])


def test_narrow_states_are_learnt_from_in_float32() -> None:
    raw, matrix, shift, head = known(300, 5, torch.float32)
    last = mapped(raw, matrix, shift)
    settings = {**SETTINGS, "max_epochs": 1}
    given = ({1: raw.bfloat16()}, last.bfloat16(), lambda h: h, head.bfloat16())
    found = fit_translators(*given, settings=settings, seed=0)[1]  # type: ignore[arg-type]
    assert [part.dtype for part in found] == [torch.float32, torch.float32]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"raw": {1: torch.zeros(39, 4)}}, "raw"),
        ({"head": torch.zeros(30, 5)}, "head"),
        ({"raw": {1: torch.full((40, 4), float("nan"))}}, "raw"),
        ({"last": torch.full((40, 4), float("nan"))}, "last"),
        ({"softcap": -1.0}, "softcap"),
        ({"settings": {**SETTINGS, "held_back": 0.0}}, "held_back"),
        ({"settings": {**SETTINGS, "held_back": 1.0}}, "held_back"),
        ({"raw": {1: torch.full((40, 4), 1e4)}, "settings": {**SETTINGS, "learning_rate": 1e36}}, "learning_rate"),
    ],
)
def test_bad_input_is_named(options: dict[str, object], named: str) -> None:
    last, head, _ = problem(40, 30, 4)
    arguments = {"raw": {1: last + 1}, "last": last, "seen": lambda h: h, "head": head, "settings": SETTINGS, "seed": 0}
    with pytest.raises(InputError, match=f"^{named}: "):
        fit_translators(**(arguments | options))  # type: ignore[arg-type]
