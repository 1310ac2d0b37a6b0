"""logit_statistics, tiled and by Triton: no further from float64 than plain code is, plus 1e-5."""

import pytest
import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.formulas import FORMULAS
from easyhard.logits.maxima import largest
from easyhard.logits.request import Request, Scaled
from easyhard.logits.statistics import logit_statistics
from plain_logits import (
    DEVICE,
    TOLERANCE,
    WAYS,
    assert_as_close_as_plain,
    assert_same_bits,
    problem,
    reference,
)

ALL = tuple(FORMULAS)
CONTINUOUS = tuple(name for name in ALL if name != "argmax")
SHAPES = {
    "tiled": [(255, 507, 123), (1, 2000, 64), (300, 33, 8), (513, 2049, 64), (7, 1025, 3)],
    "triton": [(33, 123, 20), (20, 255, 48)],
}
SMALL = {"tiled": (100, 1500, 16), "triton": (37, 97, 16)}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    if request.param == "triton":
        pytest.importorskip("triton")
    return request.param


def ours(way: str, hidden: Tensor, head: Tensor, targets: Tensor | None, request: Request) -> dict[str, Tensor]:
    given = (None if tensor is None else tensor.to(DEVICE) for tensor in (hidden, head, targets))
    found = logit_statistics(*given, implementation=way, **vars(request))  # type: ignore[arg-type]
    return {name: values.cpu() for name, values in found.items()}


def check(
    way: str, hidden: Tensor, head: Tensor, targets: Tensor, request: Request, tolerance: float = TOLERANCE
) -> dict[str, Tensor]:
    found = ours(way, hidden, head, targets, request)
    assert_as_close_as_plain(found, hidden, head, targets, request, tolerance)
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_as_close_to_float64_as_plain(way: str, dtype: torch.dtype) -> None:
    for shape in SHAPES[way] if way == "tiled" or dtype == torch.float32 else SHAPES[way][:1]:
        top_k = 32 if way == "tiled" else 5  # interpreted, 32 take long
        check(way, *problem(*shape, dtype), Request(ALL, top_k=top_k, tail_thresholds=(1.0, 3.0, 5.0)))


def test_thirty_two_largest() -> None:
    check("triton", *problem(20, 130, 16), Request(("top_logits", "argmax"), top_k=32))


def test_each_alone(way: str) -> None:
    """Only what is asked for is computed, plain and scaled, and it does not lean on what is not."""
    given = problem(*((9, 1100, 5) if way == "tiled" else (5, 40, 5)))
    for name, scaled in zip(ALL, (*ALL[5:], *ALL[:5]), strict=True):
        check(way, *given, Request((name,), scaled=Scaled(2.0, (scaled,))))


@pytest.mark.parametrize("softcap", [None, 0.5, 50.0])
@pytest.mark.parametrize("temperature", [0.3, 1.7])
def test_softcap_and_temperature(way: str, softcap: float | None, temperature: float) -> None:
    """Plain and scaled in one walk, each at its own thresholds."""
    request = Request(ALL, softcap, 3, (6.0, 2.0, 4.5, 3.0), Scaled(temperature, ALL, (5.0, 1.0, 4.0)))
    check(way, *problem(*SMALL[way]), request, TOLERANCE / min(temperature, 1.0))


@pytest.mark.parametrize(("temperature", "softcap"), [(0.3, None), (1.7, None), (1.7, 300.0)])
def test_large_logits_at_a_temperature(way: str, temperature: float, softcap: float | None) -> None:
    hidden, head, targets = problem(*SMALL[way])
    tolerance = TOLERANCE * (40 if softcap else 4) / temperature  # float32 tells large logits less well apart
    check(way, 40 * hidden, head, targets, Request(ALL, softcap, scaled=Scaled(temperature, ALL)), tolerance)


def test_scaled_sums_come_from_the_same_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton")
    from easyhard.logits import triton_statistics

    passes, walk = [], triton_statistics._Pass._walk
    monkeypatch.setattr(triton_statistics._Pass, "_walk", lambda *given: passes.append(0) or walk(*given))
    scaled = Scaled(2.0, ("entropy", "renyi2", "max_probability"))
    found = ours("triton", *problem(20, 60, 16), Request(("entropy",), scaled=scaled))
    assert list(found) == ["entropy", "scaled_entropy", "scaled_renyi2", "scaled_max_probability"]
    assert len(passes) == 1


@pytest.mark.parametrize("scale", [1.0, 4.0, 12.0])
def test_small_tails_keep_their_digits(scale: float) -> None:
    """Tails so small that 1 less the rest has none of their digits left."""
    hidden, head, targets = problem(400, 3000, 64)
    request = Request(("tail_mass",), tail_thresholds=(1.0, 3.0, 5.0, 8.0))
    plain, truth = (reference(scale * h, w, targets, request)["tail_mass"].double()
                    for h, w in ((hidden, head), (hidden.double(), head.double())))  # fmt: skip
    found = ours("tiled", scale * hidden, head, targets, request)["tail_mass"].double()
    edge = (plain - truth).abs()  # a word of just the threshold may be on either side
    assert bool(((found - truth).abs() <= edge + 2e-3 * truth + 1e-30).all())


@pytest.mark.parametrize("columns", [33, 64, 130, 519, 2182])
def test_largest_columns(columns: int) -> None:
    generator = torch.Generator().manual_seed(columns)
    for values in (
        torch.randn(70, columns, generator=generator),
        torch.randint(0, 9, (70, columns), generator=generator).float(),  # ties
        torch.full((70, columns), float("-inf")),
    ):
        for k in (1, 2, 10, 32, 33):
            found = largest(values, k)
            assert all(len(set(row)) == k for row in found.tolist())
            assert torch.equal(values.gather(1, found).sort(dim=1).values, values.topk(k, dim=1).values.sort(1).values)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param([1e4, -1e4, 0.0, 9e3], id="plus and minus 1e4"),
        pytest.param([1e4, 9999.0, 9998.0, 0.0], id="large and close"),
        pytest.param([60.0, 0.0, 1.0, 2.0], id="one dominant"),
        pytest.param([3e-40, 0.0, -1e-40, 2e-40], id="denormal"),
        pytest.param([-1e4, -9999.0, -9000.0, -9998.0], id="all far below zero"),
    ],
)
def test_adversarial_logits(way: str, row: list[float]) -> None:
    """hidden is 1, so the head's single column is the logits, exactly; the rest of the words lie below."""
    words = 2800 if way == "tiled" else 90
    head, places = torch.full((words, 1), min(row) - 1.0), [5, words // 2, words // 2 + 40, words - 1]
    head[places, 0] = torch.tensor(row)
    tolerance = TOLERANCE + 1.2e-7 * max(map(abs, row))
    names = tuple(name for name in CONTINUOUS if name != "top_logits")
    check(way, torch.ones(4, 1), head, torch.tensor(places), Request(names, tail_thresholds=(3.0, 6.0)), tolerance)


def test_all_equal_logits(way: str) -> None:
    """Every word ties: uniform, no margin."""
    words = 3000 if way == "tiled" else 70
    targets = torch.tensor([0, words // 2, words - 1])
    found = ours(way, torch.ones(3, 2), torch.ones(words, 2), targets, Request(ALL))
    assert found["entropy"].tolist() == pytest.approx([float(torch.tensor(float(words)).log())] * 3, abs=1e-6)
    assert found["max_probability"].tolist() == pytest.approx([1 / words] * 3)
    assert found["margin"].tolist() == [0, 0, 0]
    assert found["tail_mass"][:, 0].tolist() == pytest.approx([1] * 3)
    assert float(found["logit_std"].abs().max()) < 1e-6


def test_among_ties_there_is_no_margin(way: str) -> None:
    """Every word twice, far apart; a single column of few bits, so that products are exact."""
    words = 1100 if way == "tiled" else 40
    hidden = torch.tensor([-4.0, -3.0, -1.0, 1.0, 2.0])[:, None]
    head = torch.randperm(words, generator=torch.Generator().manual_seed(0))[:, None] / 64
    found = ours(way, hidden, head.repeat(2, 1), None, Request(("margin", "argmax", "top_logits"), top_k=4))
    assert bool((found["margin"] == 0).all())
    top = (hidden @ head.T).topk(2, dim=1)
    assert torch.equal(found["argmax"] % words, top.indices[:, 0])
    assert torch.equal(found["top_logits"], top.values.repeat_interleave(2, 1))


def test_vocabulary_of_one(way: str) -> None:
    names = tuple(name for name in ALL if not name.startswith("top_"))
    hidden, targets = torch.tensor([[2.0], [-3.0]]), torch.zeros(2, dtype=torch.int64)
    found = ours(way, hidden, torch.tensor([[1.5]]), targets, Request(names))
    assert found["max_logit"].tolist() == pytest.approx([3.0, -4.5])
    assert found["max_probability"].tolist() == pytest.approx([1, 1])
    for name in ("entropy", "renyi2", "loss", "max_minus_mean", "logit_std"):
        assert found[name].tolist() == pytest.approx([0, 0], abs=1e-6), name
    assert found["margin"].tolist() == [float("inf")] * 2


@pytest.mark.parametrize("splits", [1, 4])
def test_number_of_splits_changes_nothing_but_rounding(splits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tiles = pytest.importorskip("easyhard.logits.triton_tiles")
    monkeypatch.setattr(tiles, "split_count", lambda hidden, words, tile: splits)
    check("triton", *problem(33, 123, 16), Request(ALL))


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_same_bits_for_any_number_of_threads(scale: float) -> None:
    hidden, head, targets = problem(1000, 3100, 16)
    request = Request(ALL, tail_thresholds=(3.0, 5.0))
    assert_same_bits(lambda: ours("tiled", scale * hidden, head, targets, request))


def test_loss_is_the_cross_entropy_of_training() -> None:
    from easyhard.logits.cross_entropy import per_token_loss

    hidden, head, targets = problem(300, 3100, 64)
    found = logit_statistics(hidden, head, targets, statistics=("loss",), implementation="tiled")["loss"]
    assert torch.equal(found, per_token_loss(hidden, head, targets))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"statistics": ()}, "statistics"),
        ({"statistics": ("entropi",)}, "statistics"),
        ({"statistics": ("loss",), "targets": None}, "targets"),
        ({"scaled": Scaled(1.0, ("loss",)), "targets": None}, "targets"),
        ({"scaled": Scaled(1.0, ("entropi",))}, "statistics"),
        ({"scaled": Scaled(0.0, ("entropy",))}, "temperature"),
        ({"softcap": 0.0}, "softcap"),
        ({"top_k": 33}, "top_k"),
        ({"statistics": ("top_logits",), "top_k": 32, "head": torch.zeros(31, 4)}, "top_k"),
        ({"tail_thresholds": (0.0,)}, "tail_thresholds"),
        ({"implementation": "fast"}, "implementation"),
        ({"targets": torch.full((9,), 40)}, "targets"),
        ({"hidden": torch.full((9, 4), float("nan"))}, "hidden"),
        ({"head": torch.zeros(40, 5)}, "head"),
    ],
)
def test_bad_input_is_named(options: dict[str, object], named: str) -> None:
    hidden, head, targets = problem(9, 31, 4)
    arguments = {"hidden": hidden, "head": head, "targets": targets, "statistics": ("entropy",), **options}
    with pytest.raises(InputError, match=f"^{named}: "):
        logit_statistics(**arguments)  # type: ignore[arg-type]


def test_triton_refuses_float64_and_states_that_are_not_finite() -> None:
    pytest.importorskip("triton")
    hidden, head, _ = problem(5, 40, 16)
    with pytest.raises(InputError, match=r"triton, for torch\.float64; it takes float32"):
        ours("triton", hidden.double(), head.double(), None, Request(("entropy",)))
    hidden[3, 2] = float("nan")
    with pytest.raises(InputError, match="hidden: has rows that are not finite"):
        ours("triton", hidden, head, None, Request(("entropy",)))
