"""exit_statistics: each exit as the plain code has it, divergences too, in one walk of the size of one exit's."""

import pytest
import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.exits import exit_statistics
from easyhard.logits.formulas import FORMULAS
from easyhard.logits.request import Request, Scaled
from easyhard.logits.statistics import logit_statistics
from plain_logits import (
    DEVICE,
    TOLERANCE,
    WAYS,
    assert_as_close_as_plain,
    assert_same_bits,
    capped,
    distance,
    largest_tensor,
    problem,
)

ALL = tuple(FORMULAS)
SHAPES = {  # exits, tokens, words, dim
    "tiled": [
        (4, 255, 507, 123),
        (3, 1, 2000, 64),
        (2, 300, 33, 8),
        (5, 257, 2049, 64),
        (33, 30, 1025, 3),
        (513, 2, 1025, 3),
    ],
    "triton": [(3, 17, 123, 20)],
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    if request.param == "triton":
        pytest.importorskip("triton")
    return request.param


def layers(exits: int, tokens: int, words: int, dim: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """States (exits, tokens, dim), each exit a step from the one before, a head and targets."""
    steps, head, targets = problem(exits * tokens, words, dim, dtype)
    states = steps.view(exits, tokens, dim).cumsum(0) / torch.arange(1, exits + 1).sqrt()[:, None, None]
    return [states.to(dtype), head, targets[:tokens]]


def ours(way: str, states: Tensor, head: Tensor, targets: Tensor | None, request: Request) -> list[dict[str, Tensor]]:
    given = (None if tensor is None else tensor.to(DEVICE) for tensor in (states, head, targets))
    found = exit_statistics(*given, implementation=way, **vars(request))  # type: ignore[arg-type]
    return [{name: values.cpu() for name, values in one.items()} for one in found]


def divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    return (log_p.exp() * (log_p - log_q)).sum(1)


def divergences(states: Tensor, head: Tensor, softcap: float | None) -> list[dict[str, Tensor]]:
    """kl_last and kl_before of every exit from their definitions."""
    log_p = [capped(hidden @ head.T, softcap).log_softmax(1) for hidden in states]
    found = [{"kl_last": divergence(log_p[-1], own)} for own in log_p]
    for one, own, before in zip(found[1:], log_p[1:], log_p, strict=False):
        one["kl_before"] = divergence(own, before)
    return found


def check(
    way: str, states: Tensor, head: Tensor, targets: Tensor, request: Request, tolerance: float = TOLERANCE
) -> list[dict[str, Tensor]]:
    """Statistics and divergences are no further from float64 than plain code's, plus the tolerance."""
    found = ours(way, states, head, targets, request)
    truth = divergences(states.double(), head.double(), request.softcap)
    plain = divergences(states.float(), head.float(), request.softcap)
    assert len(found) == len(states)
    for exit, hidden in enumerate(states):
        alone = {name: values for name, values in found[exit].items() if name not in ("kl_last", "kl_before")}
        assert_as_close_as_plain(alone, hidden, head, targets, request, tolerance)
        assert set(found[exit]) - set(alone) == set(truth[exit])
        for name, right in truth[exit].items():
            values = found[exit][name]
            assert values.dtype == plain[exit][name].dtype
            assert float(values.min()) >= 0
            assert distance(values, right) <= distance(plain[exit][name], right) + tolerance, name
    assert bool((found[-1]["kl_last"] == 0).all())
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_as_close_to_float64_as_plain(way: str, dtype: torch.dtype) -> None:
    for shape in SHAPES[way]:
        tolerance = (
            2 if shape[0] < 9 else 4
        ) * TOLERANCE  # products of some processors add up a tile's words one by one
        check(way, *layers(*shape, dtype), Request(ALL, top_k=3, tail_thresholds=(1.0, 3.0, 5.0)), tolerance)


def test_in_float64() -> None:
    states, head, targets = layers(3, 130, 2100, 16, torch.float64)
    found = exit_statistics(states, head, targets, statistics=("entropy", "loss"))
    for one, right in zip(found, divergences(states, head, None), strict=True):
        assert all(distance(one[name], right[name]) < 1e-12 for name in right)


@pytest.mark.parametrize("softcap", [None, 0.5, 50.0])
def test_softcap_and_temperature(way: str, softcap: float | None) -> None:
    shape = (3, 100, 1500, 16) if way == "tiled" else (2, 15, 97, 16)
    check(way, *layers(*shape), Request(ALL, softcap, 3, (6.0, 2.0), Scaled(1.7, ALL, (5.0, 1.0))))


@pytest.mark.parametrize("names", [("argmax",), ("entropy",), ("renyi2", "loss")])
def test_divergences_lean_on_no_statistic(names: tuple[str, ...]) -> None:
    check("tiled", *layers(3, 40, 1100, 8), Request(names))


@pytest.mark.parametrize("softcap", [None, 300.0])
def test_large_logits(way: str, softcap: float | None) -> None:
    states, head, targets = layers(*((4, 90, 3000, 16) if way == "tiled" else (3, 12, 97, 16)))
    states, names = states * torch.linspace(5, 60, len(states))[:, None, None], ("entropy", "log_sum_exp", "renyi2")
    size = float((states @ head.T).abs().max())
    rounding = (6e-7 if softcap is None else 2e-6) * size
    found = check(way, states, head, targets, Request(names, softcap), TOLERANCE + rounding)
    assert float(found[0]["kl_last"].max()) > 10


def test_peaks_that_rise_late_and_apart() -> None:
    """Each exit's largest logit lies in a tile of its own, so that older sums are rescaled by each exit's own drop."""
    states, head, targets = layers(3, 40, 5000, 16)
    for exit, word in enumerate((4900, 2000, 3500)):
        head[word] = 30 * states[exit, 7]
    check("tiled", states, head, targets, Request(("entropy", "loss")), 1e-3)


def test_thousands_of_nats_apart() -> None:
    """hidden is 1 or -1, so the head's single column is the logits, exactly: what is likely at one exit is least so."""
    head = torch.linspace(-1e4, 1e4, 2801)[:, None]
    states = torch.tensor([1.0, -1.0]).view(2, 1, 1).expand(2, 4, 1)
    found = check("tiled", states, head, torch.arange(4), Request(("entropy",)), TOLERANCE + 2e-3)
    assert found[0]["kl_last"].tolist() == pytest.approx([2e4] * 4, rel=1e-5)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_exits_that_say_the_same_tie(scale: float) -> None:
    """And words that tie come in the order that a single exit gives."""
    states, head, targets = layers(1, 90, 1500, 8)
    head = torch.cat([head, head])
    found = ours("tiled", scale * states.expand(3, -1, -1), head, targets, Request(ALL, top_k=4))
    alone = logit_statistics(scale * states[0], head, targets, statistics=ALL, top_k=4, implementation="tiled")
    for one in found:
        assert all(distance(one[name], alone[name]) <= 4e-6 * scale for name in ALL)
        assert all(torch.equal(one[name], alone[name]) for name in ("margin", "argmax"))
        assert float(one["kl_last"].max()) <= 1e-6 * scale
    assert float(found[2]["kl_before"].max()) <= 1e-6 * scale


def test_one_exit_is_the_statistics_to_the_bit() -> None:
    states, head, targets = layers(1, 700, 3100, 16)
    names = tuple(name for name in ALL if name != "entropy")  # which comes from the divergences' product
    (found,) = ours("tiled", states, head, targets, Request(names))
    alone = logit_statistics(states[0], head, targets, statistics=names, implementation="tiled")
    assert all(torch.equal(found[name], alone[name]) for name in names)
    assert set(found) - set(alone) == {"kl_last"}


def test_vocabulary_of_one() -> None:
    found = ours("tiled", torch.tensor([[[2.0]], [[-3.0]]]), torch.ones(1, 1), None, Request(("max_logit",)))
    assert [one["max_logit"].item() for one in found] == [2, -3]
    assert [one["kl_last"].item() for one in found] == pytest.approx([0, 0], abs=1e-6)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_same_bits_for_any_number_of_threads(scale: float) -> None:
    states, head, targets = layers(3, 700, 3100, 16)

    def named() -> dict[str, Tensor]:
        found = ours("tiled", scale * states, head, targets, Request(ALL))
        return {f"{exit}/{name}": values for exit, one in enumerate(found) for name, values in one.items()}

    assert_same_bits(named)


def test_memory_is_bounded_by_tiles() -> None:
    states, head, targets = layers(4, 1024, 20000, 16)
    largest = largest_tensor(lambda: ours("tiled", states, head, targets, Request(("entropy", "loss", "argmax"))))
    assert largest <= 2**21 < 1024 * 20000 * 4 / 10


def test_states_of_any_strides() -> None:
    states, head, targets = layers(2, 60, 300, 8)
    strided = states.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    request = Request(("entropy",))
    found, right = (ours("tiled", given, head, targets, request) for given in (strided, states))
    assert all(torch.equal(one[name], other[name]) for one, other in zip(found, right, strict=True) for name in other)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"states": torch.zeros(9, 4)}, "states"),
        ({"states": torch.zeros(0, 9, 4)}, "states"),
        ({"states": torch.full((2, 9, 4), float("nan"))}, "states"),
        ({"statistics": ("entropi",)}, "statistics"),
        ({"statistics": ("loss",), "targets": None}, "targets"),
        ({"targets": torch.full((9,), 40)}, "targets"),
        ({"softcap": 0.0}, "softcap"),
        ({"implementation": "fast"}, "implementation"),
        ({"head": torch.zeros(40, 5)}, "head"),
    ],
)
def test_bad_input_is_named(options: dict[str, object], named: str) -> None:
    states, head, targets = layers(2, 9, 31, 4)
    arguments = {"states": states, "head": head, "targets": targets, "statistics": ("entropy",), **options}
    with pytest.raises(InputError, match=f"^{named}: "):
        exit_statistics(**arguments)  # type: ignore[arg-type]
