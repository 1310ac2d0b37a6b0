"""The low-rank sweep, tiled and by Triton, against the plain formula: an SVD of the head, whole rows of logits."""

import mmap
from pathlib import Path

import pytest
import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits import low_rank as module
from easyhard.logits.formulas import Gathered, evaluate
from easyhard.logits.low_rank import LOW_RANK_STATISTICS, PEARSON_TOKENS, LowRankSweep, logits_pearson
from easyhard.logits.moments import moments
from easyhard.logits.statistics import logit_statistics
from plain_logits import DEVICE, WAYS, assert_same_bits, capped, distance, statistics_of, trust_triton, uneven_problem

KINDS = ["plain", "centred", "weighted"]
SHAPES = ((255, 507, 23), (513, 2049, 16), (1, 40, 5))
CASES = [
    *(("tiled", kind, shape, softcap) for kind in KINDS for shape in SHAPES for softcap in (None, 2.0)),
    ("triton", "weighted", (33, 75, 24), None),  # the kernel knows no kinds
]
TOLERANCE = 1e-5


def run(hidden: Tensor, head: Tensor, other: Tensor, ranks: list[int], **options: object) -> dict[str, Tensor]:
    """`rank/statistic` -> values, for kind "weighted" unless said otherwise."""
    sweep = LowRankSweep(head, ranks, **{"kind": "weighted", "states": moments(other), **options})  # type: ignore[arg-type]
    found = sweep.run(hidden)
    assert list(found) == ranks
    return {f"{rank}/{name}": values for rank, columns in found.items() for name, values in columns.items()}


def plain_logits(kind: str, hidden: Tensor, head: Tensor, other: Tensor, rank: int) -> Tensor:
    """(tokens, words) by an SVD of V x d and, for weighted, a Cholesky factor: another way than the package's."""
    centre = torch.zeros_like(head[0]) if kind == "plain" else head.mean(0)
    scale = torch.eye(head.shape[1]).to(head)
    if kind == "weighted":
        scale = torch.linalg.cholesky(other.T @ other / len(other))
    u, s, vt = torch.linalg.svd((head - centre) @ scale, full_matrices=False)
    approximation = (u[:, :rank] * s[:rank]) @ vt[:rank] @ torch.linalg.inv(scale)
    return hidden @ approximation.T + (hidden @ centre)[:, None]


@pytest.mark.parametrize(("way", "kind", "shape", "softcap"), CASES)
def test_every_rank_as_the_plain_formula(
    way: str, kind: str, shape: tuple[int, int, int], softcap: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps within, of, and beyond the columns that one product of Triton adds; the exact head."""
    trust_triton(monkeypatch, module, way)
    hidden, head, other = (matrix.to(DEVICE) for matrix in uneven_problem(*shape))
    ranks = [1, 2, shape[2] - 1, shape[2]]
    found = run(hidden, head, other, ranks, kind=kind, softcap=softcap)
    for rank in ranks:
        z = plain_logits(kind, hidden.double(), head.double(), other.double(), rank)
        truth = statistics_of(capped(z, softcap))
        plain = statistics_of(capped(plain_logits(kind, hidden, head, other, rank), softcap))
        for name in LOW_RANK_STATISTICS:
            allowed = distance(plain[name], truth[name]) + TOLERANCE
            assert distance(found[f"{rank}/{name}"], truth[name]) <= allowed, (rank, name)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("way", WAYS)
def test_16_bit_states(way: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    trust_triton(monkeypatch, module, way)
    hidden, head, other = (matrix.to(DEVICE, dtype) for matrix in uneven_problem(20, 40, 24))
    found = run(hidden, head, other, [2, 24], kind="centred")
    for rank in (2, 24):
        truth = statistics_of(plain_logits("centred", hidden.double(), head.double(), other.double(), rank))
        for name in LOW_RANK_STATISTICS:
            assert distance(found[f"{rank}/{name}"], truth[name]) <= 2 * TOLERANCE, (rank, name)


@pytest.mark.parametrize("kind", KINDS)
def test_logits_pearson_as_over_all_logits(kind: str) -> None:
    """Chunks of 4,000 tokens, the first three: 12,100 tokens, so that the rest must not enter."""
    hidden, head, other = uneven_problem(12100, 60, 8)
    hidden[PEARSON_TOKENS:] *= 100
    sweep = LowRankSweep(head, [1, 3, 7], kind=kind, states=moments(other))  # type: ignore[arg-type]
    found = logits_pearson(hidden, sweep.moments, sweep.approximation, sweep.ranks)
    exact = hidden.double() @ head.double().T
    for rank in (1, 3, 7):
        z = plain_logits(kind, hidden.double(), head.double(), other.double(), rank)
        chunks = [slice(start, start + 4000) for start in (0, 4000, 8000)]
        pearson = [torch.corrcoef(torch.stack([z[c].flatten(), exact[c].flatten()]))[0, 1] for c in chunks]
        assert found[rank] == pytest.approx(float(torch.stack(pearson).mean()), abs=1e-9)


def test_full_rank_is_the_exact_head() -> None:
    hidden, head, other = uneven_problem(300, 2100, 16)
    exact = logit_statistics(hidden, head, statistics=LOW_RANK_STATISTICS)
    found = run(hidden, head, other, [4, 16])
    assert all(torch.equal(found[f"16/{name}"], exact[name]) for name in LOW_RANK_STATISTICS)


def test_a_rank_does_not_depend_on_the_others() -> None:
    """Up to rounding: nesting adds the same products in other groups. Leaving out the last leaves every bit."""
    hidden, head, other = uneven_problem(300, 1500, 16)
    among, low = run(hidden, head, other, [1, 3, 6, 16]), run(hidden, head, other, [1, 3, 6])
    for name, values in run(hidden, head, other, [6]).items():
        torch.testing.assert_close(values, among[name], rtol=0, atol=TOLERANCE)
    assert all(torch.equal(values, among[name]) for name, values in low.items())


@pytest.mark.parametrize("kind", KINDS)
def test_argmax_of_every_rank(kind: str) -> None:
    hidden, head, other = uneven_problem(255, 1507, 23)
    found = run(hidden, head, other, [1, 6, 23], kind=kind, statistics=["argmax"])
    assert list(found) == ["1/argmax", "6/argmax", "23/argmax"]
    for rank in (1, 6, 23):
        z = plain_logits(kind, hidden.double(), head.double(), other.double(), rank)
        assert torch.equal(found[f"{rank}/argmax"], z.argmax(1))


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_same_bits_for_any_number_of_threads(scale: float) -> None:
    hidden, head, other = uneven_problem(1100, 3000, 16)
    assert_same_bits(
        lambda: run(scale * hidden, head, other, [1, 5, 16], refined=20) | run(scale * hidden, head, other, [1, 16])
    )


def test_triton_at_equal_and_large_logits_and_one_word() -> None:
    """Numbers of few bits, so that products are exact."""
    sweep = pytest.importorskip("easyhard.logits.triton_low_rank").sweep
    hidden, head, _ = ((matrix * 8).round().div(8).to(DEVICE) for matrix in uneven_problem(9, 40, 16))
    for scale in (0.0, 1e3):
        (swept,) = sweep(hidden, head, hidden[:, :4] * scale, head[:, :4], (4,))
        truth = statistics_of(scale * hidden[:, :4].double() @ head[:, :4].double().T)
        plain = statistics_of(scale * hidden[:, :4] @ head[:, :4].T)
        for name, values in evaluate(("log_sum_exp", "entropy", "margin"), swept).items():
            assert distance(values, truth[name]) <= distance(plain[name], truth[name]) + TOLERANCE, name
    (lonely,) = sweep(hidden, head[:1], hidden[:, :1], head[:1, :1], (16,))
    assert bool(evaluate(("margin",), lonely)["margin"].isposinf().all())


def test_triton_at_a_step_of_many_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than are written out in code: a loop takes the rest, 16 at a time and fewer at the end."""
    trust_triton(monkeypatch, module, "triton")
    hidden, head, other = (matrix.to(DEVICE) for matrix in uneven_problem(9, 107, 96))
    found = run(hidden, head, other, [3, 90], kind="plain")
    truth = statistics_of(plain_logits("plain", hidden.double(), head.double(), other.double(), 90))
    for name in LOW_RANK_STATISTICS:
        assert distance(found[f"90/{name}"], truth[name]) <= 2 * TOLERANCE, name


@pytest.mark.skipif(torch.cuda.is_available(), reason="a file stands in for memory, as only the host can have it")
def test_triton_at_places_beyond_two_to_the_31(tmp_path: Path) -> None:
    """What the first program of a sweep over 800 million tokens writes into a file that is empty otherwise."""
    triton_low_rank = pytest.importorskip("easyhard.logits.triton_low_rank")
    tokens, rows = 800_000_000, 32
    with (tmp_path / "out").open("wb+") as file:
        file.truncate(4 * 4 * tokens)
        region = mmap.mmap(file.fileno(), 0)
    hidden, head, _ = uneven_problem(rows, 40, 16)
    (wanted,) = triton_low_rank.sweep(hidden, head, hidden, head, (16,))
    triton_low_rank._sweep_kernel[(1,)](
        hidden, head, hidden, head, torch.frombuffer(region, dtype=torch.float32, count=rows),
        tokens=tokens, words=40, span=64, splits=1, ENDS=(0,), LOW_STEPS=0, STEPS=1, LOW=16,
        LOW_PRECISION="ieee", **triton_low_rank._tile(hidden).launch,
    )  # fmt: skip
    peak, total, energy, second = (
        torch.frombuffer(region, dtype=torch.float32, count=rows, offset=4 * number * tokens) for number in range(4)
    )
    found = Gathered(peak=peak, total=total, energy=energy, maximum=peak, top_logits=torch.stack([peak, second], 1))
    names = ("log_sum_exp", "max_logit", "entropy", "margin")
    for name, values in evaluate(names, wanted).items():
        assert distance(evaluate(names, found)[name], values) <= TOLERANCE, name


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"ranks": []}, "ranks"),
        ({"ranks": [2, 1]}, "ranks"),
        ({"ranks": [1, 1]}, "ranks"),
        ({"ranks": [0, 1]}, "ranks"),
        ({"ranks": [1, 6]}, "ranks"),
        ({"kind": "whitened"}, "kind"),
        ({"kind": "weighted", "states": None}, "states"),
        ({"kind": "weighted", "states": moments(torch.zeros(7, 3))}, "states"),
        ({"statistics": ["loss"]}, "statistics"),
        ({"softcap": -1.0}, "softcap"),
        *(({"refined": words}, "refined") for words in (-1, 1, 41)),
        ({"hidden": torch.full((9, 5), float("nan"))}, "hidden"),
        ({"hidden": torch.ones(9, 4)}, "head"),
    ],
)
def test_bad_input_is_named(options: dict[str, object], named: str) -> None:
    hidden, head, other = uneven_problem(9, 40, 5)
    arguments: dict[str, object] = {"ranks": [1, 5], "states": moments(other), "hidden": hidden, **options}
    hidden = arguments.pop("hidden")  # type: ignore[assignment]
    with pytest.raises(InputError, match=f"^{named}: "):
        LowRankSweep(head, **arguments).run(hidden)  # type: ignore[arg-type]
