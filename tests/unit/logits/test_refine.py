"""Low rank, then refine: against whole rows of logits in float64, of which the first k by preview are exact."""

import pytest
import torch
from torch import Tensor

from easyhard.logits.factors import Kind, factors
from easyhard.logits.low_rank import LOW_RANK_STATISTICS, LowRankSweep
from easyhard.logits.moments import moments
from easyhard.logits.refine import REFINED_STATISTICS
from easyhard.logits.statistics import logit_statistics
from plain_logits import capped, distance, largest_tensor, uneven_problem

SHAPES = [(255, 507, 23), (513, 2049, 16), (1, 40, 5), (7, 1025, 3), (520, 3100, 9)]
TOLERANCE = 1e-5
LARGE_TOLERANCE = 3e-4  # two sums off by a share of s = 1e-5 move an entropy by up to 2 s log(1/s)
KINDS: list[Kind] = ["plain", "centred", "weighted"]


def run(
    hidden: Tensor, head: Tensor, other: Tensor, ranks: list[int], refined: int, **options: object
) -> dict[int, dict[str, Tensor]]:
    """For kind "weighted" unless said otherwise."""
    options = {"kind": "weighted", "statistics": (*LOW_RANK_STATISTICS, "argmax"), "refined": refined, **options}
    return LowRankSweep(head, ranks, states=moments(other), **options).run(hidden)  # type: ignore[arg-type]


def first_words(hidden: Tensor, head: Tensor, other: Tensor, kind: Kind, rank: int, k: int) -> tuple[Tensor, Tensor]:
    """All previews (tokens, words), and the words (tokens, k) that they put first."""
    matrix, shift = factors(kind, moments(head), moments(other)).linear(rank)
    preview = hidden @ (head @ matrix.to(head).T + shift.to(head)).T
    return preview, preview.topk(k, dim=1).indices


def dense(hidden: Tensor, head: Tensor, preview: Tensor, top: Tensor, softcap: float | None) -> dict[str, Tensor]:
    """The formulas over whole rows, in the type that comes in."""
    exact, order = (hidden @ head.T).gather(1, top).sort(dim=1, descending=True)
    top, best = top.gather(1, order), capped(exact, softcap)
    z = capped(preview, softcap).scatter(1, top, best)
    p, mean = z.softmax(1), hidden @ head.mean(0) if softcap is None else z.mean(1)
    refined = p.gather(1, top)
    return {
        "refined_max_probability": refined.amax(1),
        "refined_max_logit": best[:, 0],
        "refined_max_minus_mean": best[:, 0] - mean,
        "refined_margin": best[:, 0] - best[:, 1],
        "refined_entropy": torch.special.entr(p).sum(1),
        "refined_tail_mass_3": 1 - torch.where(refined >= torch.tensor(-3.0).exp(), refined, 0).sum(1),
        "refined_argmax": top[:, 0],
    }


def assert_as_dense(
    hidden: Tensor,
    head: Tensor,
    other: Tensor,
    k: int,
    kind: Kind = "weighted",
    tolerance: float = TOLERANCE,
    softcap: float | None = None,
) -> None:
    """Off by no more than float32 code for whole rows is, plus the tolerance, for ranks of all sizes.

    Tokens whose k-th and next word float32 cannot tell apart may have another word refined and are left out.
    """
    dim, words = hidden.shape[1], len(head)
    ranks = sorted({1, dim // 2, dim - 1})
    found = run(hidden, head, other, ranks, k, kind=kind, softcap=softcap)
    wide = hidden.double(), head.double()
    for rank in ranks:
        assert list(found[rank]) == [*LOW_RANK_STATISTICS, "argmax", *REFINED_STATISTICS]
        preview, top = first_words(*wide, other.double(), kind, rank, k)
        near = preview.topk(min(k + 1, words), dim=1).values[:, -2:]
        clear = (near[:, 0] - near[:, 1] > 1e-6 * preview.abs().amax(1)) | torch.tensor(k == words)
        assert clear.double().mean() > 0.9
        truth = dense(*wide, preview, top, softcap)
        rounded = first_words(hidden.float(), head.float(), other.float(), kind, rank, k)[0]
        plain = dense(hidden.float(), head.float(), rounded, top, softcap)
        for name in REFINED_STATISTICS:
            assert found[rank][name].shape == hidden.shape[:1]
            error, allowed = (distance(f[name][clear], truth[name][clear]) for f in (found[rank], plain))
            assert error <= (0 if name == "refined_argmax" else allowed + tolerance), (rank, name, error, allowed)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", SHAPES)
def test_as_whole_rows_in_float64(shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    hidden, head, other = uneven_problem(*shape)
    for k in (2, 33):
        assert_as_dense(hidden.to(dtype), head.to(dtype), other, k)


@pytest.mark.parametrize("kind", ["plain", "centred"])
def test_other_kinds(kind: Kind) -> None:
    assert_as_dense(*uneven_problem(513, 2049, 16), 64, kind)


@pytest.mark.parametrize("scale", [1.0, 300.0])
@pytest.mark.parametrize("kind", KINDS)
def test_under_a_softcap(kind: Kind, scale: float) -> None:
    """Also where logits reach far beyond the cap, and the cap beyond what exp can take."""
    hidden, head, other = uneven_problem(200, 2100, 16)
    tolerance = TOLERANCE if scale == 1 else 2e-5 * scale
    assert_as_dense(scale * hidden, head, other, 8, kind, tolerance, softcap=scale)


@pytest.mark.parametrize("k", [40, 207])
def test_float64(k: int) -> None:
    hidden, head, other = uneven_problem(255, 207, 23)
    assert_as_dense(hidden.double(), head.double(), other, k, tolerance=1e-9)


@pytest.mark.parametrize("scale", [10.0, 100.0])
@pytest.mark.parametrize("kind", ["plain", "weighted"])
def test_previews_far_above_the_exact_logits(kind: Kind, scale: float) -> None:
    """The previews of the refined words are nearly all of the sum that they are taken from."""
    hidden, head, other = uneven_problem(200, 2049, 16)
    for k in (2, 64):
        assert_as_dense(scale * hidden, head, other, k, kind, tolerance=LARGE_TOLERANCE)


def test_first_words_in_one_group() -> None:
    """Words 32 apart share a group of maxima, so that one group holds all that matter."""
    hidden, head, other = uneven_problem(200, 1500, 8)
    head[0:1024:32] *= 3
    assert_as_dense(hidden, head, other, 20, tolerance=LARGE_TOLERANCE)


def test_previews_below_zero() -> None:
    """What fills up the last tile must not be taken for words."""
    hidden, head, other = uneven_problem(200, 1500, 8)
    assert_as_dense(hidden.abs() + 1, -head.abs() - 1, other.abs(), 50, "plain")


def test_equal_logits() -> None:
    """Every word is as good as any other."""
    _, head, other = uneven_problem(1, 1500, 8)
    found = run(torch.zeros(5, 8), head, other, [3], 64)[3]
    for name, value in {"max_probability": 1 / 1500, "max_logit": 0, "margin": 0, "tail_mass_3": 1}.items():
        torch.testing.assert_close(found[f"refined_{name}"], torch.full((5,), float(value)))
    torch.testing.assert_close(found["refined_entropy"], torch.full((5,), 1500.0).log())


@pytest.mark.parametrize("scale", [1.0, 8.0, 30.0])
def test_all_words_refined_are_the_exact_statistics(scale: float) -> None:
    """What is left of a sum is but rounding, and never negative: a probability would be above 1 then."""
    hidden, head, other = uneven_problem(300, 1100, 16)
    hidden = scale * hidden
    names, tolerance = [*LOW_RANK_STATISTICS, "tail_mass", "argmax"], TOLERANCE if scale == 1 else LARGE_TOLERANCE
    exact = logit_statistics(hidden.double(), head.double(), statistics=names)
    for columns in run(hidden, head, other, [1, 15], 1100).values():
        refined = {name.removeprefix("refined_").removesuffix("_3"): columns[name] for name in REFINED_STATISTICS}
        assert torch.equal(refined.pop("argmax"), exact["argmax"])
        for name, values in refined.items():
            torch.testing.assert_close(values.double(), exact[name].flatten(), rtol=TOLERANCE, atol=tolerance)
        above = torch.nextafter(exact["max_probability"].float(), torch.tensor(2.0))
        assert bool((refined["max_probability"] <= above).all())


@pytest.mark.parametrize("kind", KINDS)
def test_refining_brings_the_max_probability_closer(kind: Kind) -> None:
    hidden, head, other = uneven_problem(600, 2049, 16)
    exact = logit_statistics(4 * hidden, head, statistics=["max_probability", "max_logit", "argmax"])
    for columns in run(4 * hidden, head, other, [2, 5, 10], 64, kind=kind).values():
        preview, refined = (
            (columns[prefix + "max_probability"] - exact["max_probability"]).abs().mean() for prefix in ("", "refined_")
        )
        assert refined < preview
        assert bool((columns["refined_max_logit"] <= exact["max_logit"] + TOLERANCE).all())
        kept, kept_refined = ((columns[n] == exact["argmax"]).sum() for n in ("argmax", "refined_argmax"))
        assert kept_refined > kept


def test_refining_leaves_the_preview_and_the_exact_rank() -> None:
    hidden, head, other = uneven_problem(513, 2049, 16)
    plain, refined = (run(hidden, head, other, [2, 16], k) for k in (0, 10))
    assert list(refined[16]) == list(plain[16])
    assert all(torch.equal(refined[rank][name], plain[rank][name]) for rank in plain for name in plain[rank])


def test_does_not_lean_on_other_statistics() -> None:
    hidden, head, other = uneven_problem(40, 1500, 16)
    among, alone = (run(hidden, head, other, [2], 10, **o)[2] for o in ({}, {"statistics": ["max_logit"]}))
    assert list(alone) == ["max_logit", *REFINED_STATISTICS]
    assert all(torch.equal(alone[name], among[name]) for name in alone)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_memory_does_not_grow_with_tokens(scale: float) -> None:
    """The largest tensor is one of a tile's, however many tiles there are."""
    largest = []
    for tokens in (512, 1536):
        hidden, head, other = uneven_problem(tokens, 20000, 8)
        sweep = LowRankSweep(head, [5], kind="weighted", states=moments(other), refined=32)
        largest.append(largest_tensor(lambda: sweep.run(scale * hidden)))  # noqa: B023
    assert largest[1] < 1.5 * largest[0]
    assert largest[1] < 1536 * 20000 * 4 / 20
