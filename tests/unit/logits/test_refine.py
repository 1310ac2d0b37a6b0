"""Low rank, then refine: against whole rows of logits in float64, of which the first k by preview are exact."""

import pytest
import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.factors import Kind, factors
from easyhard.logits.low_rank import LOW_RANK_STATISTICS, LowRankSweep
from easyhard.logits.moments import moments
from easyhard.logits.refine import REFINED_STATISTICS
from easyhard.logits.statistics import logit_statistics

SHAPES = [(255, 507, 23), (513, 2049, 16), (1, 40, 5), (7, 1025, 3), (520, 3100, 9)]
TOLERANCE = 1e-5
LARGE_TOLERANCE = 3e-4  # two sums off by a share of s = 1e-5 move an entropy by up to 2 s log(1/s)


def problem(tokens: int, words: int, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Anisotropic states, a head whose rows share a mean, and other states of the same kind."""
    generator = torch.Generator().manual_seed(tokens + words + dim)
    mixed = torch.randn(dim, dim, generator=generator) * torch.logspace(0.3, -0.5, dim)
    hidden = torch.randn(tokens, dim, generator=generator) @ mixed / dim**0.5
    other = torch.randn(4 * dim, dim, generator=generator) @ mixed / dim**0.5
    head = torch.randn(words, dim, generator=generator) * torch.linspace(2, 0.5, dim) / dim**0.5 + 0.3
    return hidden, head, other


def first_words(hidden: Tensor, head: Tensor, other: Tensor, kind: Kind, rank: int, k: int) -> tuple[Tensor, Tensor]:
    """All previews (tokens, words), and the words (tokens, k) that they put first."""
    matrix, shift = factors(kind, moments(head), moments(other)).linear(rank)
    preview = hidden @ (head @ matrix.to(head).T + shift.to(head)).T
    return preview, preview.topk(k, dim=1).indices


def dense(hidden: Tensor, head: Tensor, preview: Tensor, top: Tensor) -> dict[str, Tensor]:
    """The formulas over whole rows, in the type that comes in."""
    exact = (hidden @ head.T).gather(1, top)
    p = preview.scatter(1, top, exact).softmax(1)
    best, order = exact.sort(dim=1, descending=True)
    refined = p.gather(1, top)
    return {
        "refined_max_probability": refined.amax(1),
        "refined_max_logit": best[:, 0],
        "refined_max_minus_mean": best[:, 0] - hidden @ head.mean(0),
        "refined_margin": best[:, 0] - best[:, 1],
        "refined_entropy": torch.special.entr(p).sum(1),
        "refined_tail_mass_3": 1 - torch.where(refined >= torch.tensor(-3.0).exp(), refined, 0).sum(1),
        "refined_argmax": top.gather(1, order)[:, 0],
    }


def assert_as_dense(
    hidden: Tensor, head: Tensor, other: Tensor, k: int, kind: Kind = "weighted", tolerance: float = TOLERANCE
) -> None:
    """Off by no more than float32 code for whole rows is, plus the tolerance, for ranks of all sizes.

    Tokens whose k-th and next word float32 cannot tell apart may have another word refined and are left out.
    """
    dim, words = hidden.shape[1], len(head)
    ranks = sorted({1, dim // 2, dim - 1})
    found = LowRankSweep(head, ranks, kind=kind, states=other, refined=k).run(hidden)
    wide = hidden.double(), head.double()
    rounded = {rank: first_words(hidden.float(), head.float(), other.float(), kind, rank, k)[0] for rank in ranks}
    for rank in ranks:
        assert list(found[rank]) == [*LOW_RANK_STATISTICS, *REFINED_STATISTICS]
        preview, top = first_words(*wide, other.double(), kind, rank, k)
        near = preview.topk(min(k + 1, words), dim=1).values[:, -2:]
        clear = (near[:, 0] - near[:, 1] > 1e-6 * preview.abs().amax(1)) | torch.tensor(k == words)
        assert clear.double().mean() > 0.9
        truth = dense(*wide, preview, top)
        plain = dense(hidden.float(), head.float(), rounded[rank], top)
        for name in REFINED_STATISTICS:
            assert found[rank][name].shape == hidden.shape[:1]
            if name == "refined_argmax":
                assert torch.equal(found[rank][name][clear], truth[name][clear]), rank
                continue
            error, allowed = ((f[name].double() - truth[name]).abs()[clear].amax() for f in (found[rank], plain))
            assert error <= allowed + tolerance, (rank, name, float(error), float(allowed))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("k", [2, 33])
def test_as_whole_rows_in_float64(shape: tuple[int, int, int], dtype: torch.dtype, k: int) -> None:
    hidden, head, other = problem(*shape)
    assert_as_dense(hidden.to(dtype), head.to(dtype), other, k)


@pytest.mark.parametrize("kind", ["plain", "centred"])
def test_other_kinds(kind: Kind) -> None:
    assert_as_dense(*problem(513, 2049, 16), 64, kind)


@pytest.mark.parametrize("k", [40, 507])
def test_float64(k: int) -> None:
    hidden, head, other = problem(255, 507, 23)
    assert_as_dense(hidden.double(), head.double(), other, k, tolerance=1e-9)


@pytest.mark.parametrize("k", [2, 64])
@pytest.mark.parametrize("scale", [10.0, 100.0])
@pytest.mark.parametrize("kind", ["plain", "weighted"])
def test_previews_far_above_the_exact_logits(kind: Kind, scale: float, k: int) -> None:
    """The previews of the refined words are nearly all of the sum that they are taken from."""
    hidden, head, other = problem(300, 2049, 16)
    assert_as_dense(scale * hidden, head, other, k, kind, tolerance=LARGE_TOLERANCE)


def test_first_words_in_one_group() -> None:
    """Words 32 apart share a group of maxima, so that one group holds all that matter."""
    hidden, head, other = problem(200, 1500, 8)
    head[0:1024:32] *= 3
    assert_as_dense(hidden, head, other, 20, tolerance=LARGE_TOLERANCE)


def test_previews_below_zero() -> None:
    """What fills up the last tile must not be taken for words."""
    hidden, head, other = problem(200, 1500, 8)
    assert_as_dense(hidden.abs() + 1, -head.abs() - 1, other.abs(), 50, "plain")


def test_equal_logits() -> None:
    """Every word is as good as any other."""
    _, head, other = problem(1, 1500, 8)
    found = LowRankSweep(head, [3], kind="weighted", states=other, refined=64).run(torch.zeros(5, 8))[3]
    for name, value in {"max_probability": 1 / 1500, "max_logit": 0, "margin": 0, "tail_mass_3": 1}.items():
        torch.testing.assert_close(found[f"refined_{name}"], torch.full((5,), float(value)))
    torch.testing.assert_close(found["refined_entropy"], torch.full((5,), 1500.0).log())


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_all_words_refined_are_the_exact_statistics(scale: float) -> None:
    hidden, head, other = problem(300, 1300, 16)
    hidden = scale * hidden
    names = [*LOW_RANK_STATISTICS, "tail_mass", "argmax"]
    exact = logit_statistics(hidden.double(), head.double(), statistics=names)
    found = LowRankSweep(head, [1, 9], kind="weighted", states=other, refined=1300).run(hidden)
    for rank in (1, 9):
        refined = {name.removeprefix("refined_").removesuffix("_3"): found[rank][name] for name in REFINED_STATISTICS}
        assert torch.equal(refined.pop("argmax"), exact["argmax"])
        for name, values in refined.items():
            torch.testing.assert_close(values.double(), exact[name].flatten(), rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("scale", [1.0, 4.0, 8.0])
def test_what_is_left_of_a_sum_is_not_below_zero(scale: float) -> None:
    """With all words refined nothing is left but rounding, and a probability above 1 where that is negative."""
    hidden, head, other = problem(300, 600, 16)
    found = LowRankSweep(head, [9, 15], kind="weighted", states=other, refined=600).run(scale * hidden)
    for rank in (9, 15):
        exact = (scale * hidden.double() @ head.double().T).softmax(1).amax(1).to(torch.float32)
        rounded = torch.nextafter(exact, torch.ones(()) * 2)
        assert bool((found[rank]["refined_max_probability"] <= rounded).all())


@pytest.mark.parametrize("kind", ["plain", "centred", "weighted"])
def test_refining_brings_the_max_probability_closer(kind: Kind) -> None:
    hidden, head, other = problem(600, 2049, 16)
    exact = logit_statistics(4 * hidden, head, statistics=["max_probability", "max_logit", "argmax"])
    found = LowRankSweep(
        head, [2, 5, 10], kind=kind, states=other, statistics=[*LOW_RANK_STATISTICS, "argmax"], refined=64
    )
    for columns in found.run(4 * hidden).values():
        preview, refined = (
            (columns[prefix + "max_probability"] - exact["max_probability"]).abs().mean() for prefix in ("", "refined_")
        )
        assert refined < preview
        assert bool((columns["refined_max_logit"] <= exact["max_logit"] + TOLERANCE).all())
        kept, kept_refined = (
            (columns[name] == exact["argmax"]).double().mean() for name in ("argmax", "refined_argmax")
        )
        assert kept_refined > kept


def test_refining_leaves_the_preview_and_the_exact_rank() -> None:
    hidden, head, other = problem(513, 2049, 16)
    plain = LowRankSweep(head, [2, 16], kind="weighted", states=other).run(hidden)
    refined = LowRankSweep(head, [2, 16], kind="weighted", states=other, refined=10).run(hidden)
    assert list(refined[16]) == list(LOW_RANK_STATISTICS)
    assert all(torch.equal(refined[rank][name], plain[rank][name]) for rank in plain for name in LOW_RANK_STATISTICS)


def test_does_not_lean_on_other_statistics() -> None:
    hidden, head, other = problem(40, 1500, 16)
    alone, among = (
        LowRankSweep(head, [2], kind="weighted", states=other, statistics=names, refined=10).run(hidden)[2]
        for names in (["max_logit"], LOW_RANK_STATISTICS)
    )
    assert list(alone) == ["max_logit", *REFINED_STATISTICS]
    assert all(torch.equal(alone[name], among[name]) for name in REFINED_STATISTICS)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_same_bits_for_any_number_of_threads(scale: float) -> None:
    hidden, head, other = problem(1100, 3000, 16)
    results, before = [], torch.get_num_threads()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(LowRankSweep(head, [1, 5], kind="weighted", states=other, refined=64).run(scale * hidden))
    torch.set_num_threads(before)
    for result in results[1:]:
        assert all(torch.equal(result[rank][name], results[0][rank][name]) for rank in result for name in result[rank])


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_memory_does_not_grow_with_tokens(scale: float) -> None:
    """The largest tensor is one of a tile's, however many tiles there are."""
    from torch.profiler import ProfilerActivity, profile

    threads, largest = torch.get_num_threads(), []
    torch.set_num_threads(1)  # the profiler sees the tensors of its own thread
    for tokens in (512, 1536):
        hidden, head, other = problem(tokens, 20000, 8)
        sweep = LowRankSweep(head, [5], kind="weighted", states=other, refined=32)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
            sweep.run(scale * hidden)
        largest.append(max(event.self_cpu_memory_usage for event in recorded.events()))
    torch.set_num_threads(threads)
    assert largest[1] < 1.5 * largest[0]
    assert largest[1] < 1536 * 20000 * 4 / 20


@pytest.mark.parametrize("refined", [-1, 1, 41])
def test_bad_number_of_words_is_named(refined: int) -> None:
    _, head, other = problem(1, 40, 5)
    with pytest.raises(InputError, match=rf"^refined: {refined}; 0, or 2 to the number of words, 40"):
        LowRankSweep(head, [1], kind="weighted", states=other, refined=refined)
