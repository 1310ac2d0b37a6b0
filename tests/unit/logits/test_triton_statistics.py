"""The Triton pass against float64 truth, on a GPU where there is one, else in Triton's interpreter."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

pytest.importorskip("triton")

from easyhard.errors import InputError
from easyhard.logits import reference, triton_statistics
from easyhard.logits.formulas import FORMULAS
from easyhard.logits.request import Request, Scaled

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
WHOLE_NUMBERS = {"argmax", "top_words", "target_rank"}
ALL = tuple(FORMULAS)
CONTINUOUS = tuple(name for name in ALL if name not in WHOLE_NUMBERS)


def states_and_head(tokens: int, words: int, dim: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(tokens + words + dim)
    hidden = torch.randn(tokens, dim, generator=random).to(dtype).to(DEVICE)
    head = torch.randn(words, dim, generator=random).to(dtype).to(DEVICE)
    return hidden, head, torch.randint(words, (tokens,), generator=random).to(DEVICE)


def error(values: Tensor, truth: Tensor) -> float:
    """Largest difference where truth is finite; infinite and nan elsewhere must be as in truth."""
    values, finite = values.double(), truth.isfinite()
    torch.testing.assert_close(values[~finite], truth[~finite], equal_nan=True)
    return float((values - truth)[finite].abs().max()) if bool(finite.any()) else 0.0


def check(hidden: Tensor, head: Tensor, targets: Tensor, request: Request) -> dict[str, Tensor]:
    """No error above the plain implementation's own + 1e-5; whole numbers equal, or at words of equal logits."""
    ours = triton_statistics.gather(hidden, head, targets, request)
    plain = reference.gather(hidden, head, targets, request)
    truth = reference.gather(hidden.double(), head.double(), targets, request)
    logits = reference.plain_logits(hidden.double(), head.double(), request)
    assert list(ours) == list(plain)
    for name in ours:
        assert ours[name].shape == plain[name].shape, name
        assert ours[name].dtype == plain[name].dtype, name
        if name == "target_rank":
            ahead = logits - logits.gather(1, targets[:, None])
            assert bool((ours[name] >= 1 + (ahead > 1e-5).sum(1)).all())
            assert bool((ours[name] <= (ahead >= -1e-5).sum(1).clamp(min=1) + ahead.isnan().sum(1)).all())
        elif name in WHOLE_NUMBERS:
            chosen, right = (v[name].reshape(len(hidden), -1) for v in (ours, truth))
            assert error(logits.gather(1, chosen), logits.gather(1, right)) <= 1e-5, name
            assert all(len(set(row)) == len(row) for row in chosen.tolist()), name
        else:
            assert error(ours[name], truth[name]) <= error(plain[name], truth[name]) + 1e-5, name
    return ours


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("tokens", "words", "dim"), [(45, 123, 20), (33, 255, 48)])
def test_every_statistic(tokens: int, words: int, dim: int, dtype: torch.dtype) -> None:
    check(*states_and_head(tokens, words, dim, dtype), Request(ALL, top_k=5, tail_thresholds=(2.0, 5.0)))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("softcap", [None, 4.0])
@pytest.mark.parametrize("masked", [False, True])
def test_at_a_temperature(temperature: float, softcap: float | None, masked: bool) -> None:
    hidden, head, targets = states_and_head(37, 97, 16, torch.float32)
    bias = torch.linspace(-3, 3, 97, device=DEVICE) if masked else None
    if bias is not None:
        bias[[0, 40, 96]] = float("-inf")
    scaled = Scaled(temperature, CONTINUOUS, (5.0, 1.0, 4.0))
    check(hidden, head, targets, Request(("entropy", "margin"), bias, softcap, top_k=3, scaled=scaled))


def test_scaled_sums_come_from_the_same_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden, head, targets = states_and_head(20, 60, 16, torch.float32)
    passes = []
    walk = triton_statistics._Pass._walk
    monkeypatch.setattr(triton_statistics._Pass, "_walk", lambda *given: passes.append(0) or walk(*given))
    scaled = Scaled(2.0, ("entropy", "renyi2", "max_probability"))
    ours = triton_statistics.gather(hidden, head, targets, Request(("entropy",), scaled=scaled))
    assert list(ours) == ["entropy", "scaled_entropy", "scaled_renyi2", "scaled_max_probability"]
    assert len(passes) == 1


def test_many_far_tails() -> None:
    request = Request(("tail_mass",), tail_thresholds=(6.0, 2.0, 4.5, 3.0, 5.0))
    check(*states_and_head(37, 301, 16, torch.float32), request)


def test_bias_and_masked_words() -> None:
    hidden, head, targets = states_and_head(37, 97, 16, torch.float32)
    bias = torch.linspace(-3, 3, 97, device=DEVICE)
    bias[[0, 40, 96]] = float("-inf")
    targets[:3] = torch.tensor([0, 40, 96])  # masked targets, whose loss is infinite
    ours = check(hidden, head, targets, Request(ALL, bias, top_k=3))
    assert bool(ours["loss"][:3].isposinf().all())
    assert ours["target_rank"][0] == 95  # masked words share the last rank


@pytest.mark.parametrize("softcap", [0.5, 30.0])
def test_softcap_with_bias(softcap: float) -> None:
    hidden, head, targets = states_and_head(37, 97, 16, torch.float32)
    bias = torch.linspace(-3, 3, 97, device=DEVICE)
    check(hidden, head, targets, Request(ALL, bias, softcap, top_k=3))
    bias[5] = float("-inf")
    check(hidden, head, targets, Request(ALL, bias, softcap, top_k=3))


ADVERSARIAL: dict[str, Callable[[Tensor], Tensor]] = {
    "large": lambda z: z.sign() * 1e4 + z.round(),
    "all equal": lambda z: torch.full_like(z, 3.0),
    "all low": lambda z: torch.full_like(z, -1e4),
    "one dominant": lambda z: z.where(z < z.amax(1, keepdim=True), 1e4),
    "denormal": lambda z: z * 1e-39,
}


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_adversarial_logits(name: str) -> None:
    random = torch.Generator().manual_seed(0)
    wanted = ADVERSARIAL[name](torch.randn(16, 75, generator=random)).to(DEVICE)
    hidden = torch.eye(16, device=DEVICE)  # so that logits are head's numbers, exactly
    check(hidden, wanted.T.contiguous(), torch.arange(16, device=DEVICE), Request(CONTINUOUS))


def test_ties_share_a_rank_and_have_no_margin() -> None:
    hidden, head, _ = states_and_head(9, 40, 16, torch.float32)
    hidden, head = (hidden * 8).round() / 8, (head * 8).round() / 8  # so that products are exact
    head = torch.cat([head, head])  # every word twice
    targets = torch.arange(9, device=DEVICE)
    request = Request(("margin", "target_rank", "top_words"), top_k=4)
    ours = triton_statistics.gather(hidden, head, targets, request)
    logits = hidden.double() @ head.double().T
    assert bool((ours["margin"] == 0).all())
    assert torch.equal(ours["target_rank"], 1 + (logits > logits.gather(1, targets[:, None])).sum(1))
    pairs = ours["top_words"].view(9, 2, 2)
    assert torch.equal(pairs[:, :, 0] + 40, pairs[:, :, 1])  # equal logits in the order of their words


def test_vocabulary_of_one() -> None:
    hidden, head, targets = states_and_head(5, 1, 8, torch.float32)
    ours = check(hidden, head, targets, Request(tuple(set(ALL) - {"top_logits", "top_words"})))
    assert bool(ours["margin"].isposinf().all())
    assert bool(ours["second_logit"].isneginf().all())


def test_thirty_two_largest() -> None:
    check(*states_and_head(20, 130, 16, torch.float32), Request(("top_logits", "top_words", "argmax"), top_k=32))


@pytest.mark.parametrize("splits", [1, 4])
def test_number_of_splits_changes_nothing_but_rounding(splits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_statistics, "split_count", lambda hidden, words, tile: splits)
    check(*states_and_head(33, 123, 16, torch.float32), Request(ALL))


def test_only_what_is_asked_for_comes_back() -> None:
    hidden, head, _ = states_and_head(5, 40, 16, torch.float32)
    assert list(triton_statistics.gather(hidden, head, None, Request(("entropy",)))) == ["entropy"]


def test_float64_is_refused() -> None:
    hidden, head, _ = states_and_head(5, 40, 16, torch.float64)
    with pytest.raises(InputError, match=r"triton, for torch\.float64; it takes float32"):
        triton_statistics.gather(hidden, head, None, Request(("entropy",)))


def test_states_that_are_not_finite_are_refused() -> None:
    hidden, head, _ = states_and_head(5, 40, 16, torch.float32)
    hidden[3, 2] = float("nan")
    with pytest.raises(InputError, match="hidden: has rows that are not finite"):
        triton_statistics.gather(hidden, head, None, Request(("entropy",)))
