"""The low-rank sweep against the plain formula: an SVD of the whole head and whole rows of logits."""

import pytest
import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.low_rank import LOW_RANK_STATISTICS, LowRankSweep, low_rank_statistics
from easyhard.logits.moments import moments, pooled
from easyhard.logits.statistics import logit_statistics
from plain_statistics import plain_statistics

KINDS = ["plain", "centred", "weighted"]
TOLERANCE = 1e-5


def problem(tokens: int, words: int, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden states, a head whose rows share a mean and whose directions differ in size, and other states."""
    generator = torch.Generator().manual_seed(tokens + words + dim)
    mixed = torch.randn(dim, dim, generator=generator)
    hidden = torch.randn(tokens, dim, generator=generator) @ mixed / dim**0.5
    other = torch.randn(4 * dim, dim, generator=generator) @ mixed / dim**0.5
    head = torch.randn(words, dim, generator=generator) * torch.linspace(2, 0.2, dim) / dim**0.5 + 0.3
    return hidden, head, other


def plain_logits(kind: str, hidden: Tensor, head: Tensor, other: Tensor, rank: int) -> Tensor:
    """(tokens, words) by an SVD of V x d and, for weighted, a Cholesky factor: another way than the package's."""
    centre = torch.zeros_like(head[0]) if kind == "plain" else head.mean(0)
    scale = torch.eye(head.shape[1]).to(head)
    if kind == "weighted":
        scale = torch.linalg.cholesky(other.T @ other / len(other))
    u, s, vt = torch.linalg.svd((head - centre) @ scale, full_matrices=False)
    approximation = (u[:, :rank] * s[:rank]) @ vt[:rank] @ torch.linalg.inv(scale)
    return hidden @ approximation.T + (hidden @ centre)[:, None]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("tokens", "words", "dim"), [(255, 507, 23), (513, 2049, 16), (1, 40, 5)])
def test_every_rank_as_the_plain_formula(kind: str, tokens: int, words: int, dim: int) -> None:
    hidden, head, other = problem(tokens, words, dim)
    ranks = [1, 2, dim - 1, dim]
    found = low_rank_statistics(hidden, head, ranks, kind=kind, states=other)  # type: ignore[arg-type]
    for rank in ranks:
        truth = plain_statistics(plain_logits(kind, hidden.double(), head.double(), other.double(), rank))
        plain = plain_statistics(plain_logits(kind, hidden, head, other, rank))
        for name in LOW_RANK_STATISTICS:
            error = (found[rank].statistics[name].double() - truth[name]).abs().max()
            allowed = (plain[name].double() - truth[name]).abs().max() + TOLERANCE
            assert error <= allowed, (rank, name)


@pytest.mark.parametrize("kind", KINDS)
def test_logits_pearson_as_over_all_logits(kind: str) -> None:
    """Chunks of 4,000 tokens, the first three: 12,100 tokens, so that the rest must not enter."""
    hidden, head, other = problem(12100, 60, 8)
    hidden[12000:] *= 100
    found = low_rank_statistics(hidden, head, [1, 3, 7], kind=kind, states=other, statistics=["max_logit"])  # type: ignore[arg-type]
    exact = hidden.double() @ head.double().T
    for rank in (1, 3, 7):
        z = plain_logits(kind, hidden.double(), head.double(), other.double(), rank)
        chunks = [slice(start, start + 4000) for start in (0, 4000, 8000)]
        pearson = [torch.corrcoef(torch.stack([z[c].flatten(), exact[c].flatten()]))[0, 1] for c in chunks]
        assert found[rank].logits_pearson == pytest.approx(float(torch.stack(pearson).mean()), abs=1e-9)


def test_coverage_is_the_share_of_squared_singular_values() -> None:
    hidden, head, _ = problem(5, 300, 12)
    energy = torch.linalg.svdvals(head.double()).square()
    for rank, found in low_rank_statistics(hidden, head, [1, 6, 12]).items():
        assert found.coverage == pytest.approx(float(energy[:rank].sum() / energy.sum()), abs=1e-12)


def test_full_rank_is_the_exact_head() -> None:
    hidden, head, _ = problem(300, 2100, 16)
    exact = logit_statistics(hidden, head, statistics=LOW_RANK_STATISTICS)
    found = low_rank_statistics(hidden, head, [4, 16])[16]
    assert all(torch.equal(found.statistics[name], exact[name]) for name in LOW_RANK_STATISTICS)
    assert found.logits_pearson == pytest.approx(1, abs=1e-12)


def test_a_rank_does_not_depend_on_the_others() -> None:
    """Up to rounding: nesting adds the same products in other groups."""
    hidden, head, _ = problem(100, 1500, 16)
    alone, among = low_rank_statistics(hidden, head, [6])[6], low_rank_statistics(hidden, head, [1, 3, 6, 16])[6]
    for name in LOW_RANK_STATISTICS:
        torch.testing.assert_close(alone.statistics[name], among.statistics[name], rtol=0, atol=TOLERANCE)


def test_leaving_out_the_exact_rank_leaves_the_others() -> None:
    hidden, head, other = problem(300, 2100, 16)
    both = LowRankSweep(head, [4, 9, 16], kind="weighted", states=other).run(hidden)
    low = LowRankSweep(head, [4, 9], kind="weighted", states=other).run(hidden)
    assert list(low) == [4, 9]
    assert all(torch.equal(low[rank][name], both[rank][name]) for rank in low for name in LOW_RANK_STATISTICS)


@pytest.mark.parametrize("kind", KINDS)
def test_argmax_of_every_rank(kind: str) -> None:
    hidden, head, other = problem(255, 1507, 23)
    found = LowRankSweep(head, [1, 6, 23], kind=kind, states=other, statistics=["argmax"]).run(hidden)  # type: ignore[arg-type]
    for rank in (1, 6, 23):
        assert list(found[rank]) == ["argmax"]
        z = plain_logits(kind, hidden.double(), head.double(), other.double(), rank)
        assert torch.equal(found[rank]["argmax"], z.argmax(1))


def test_moments_in_place_of_states() -> None:
    hidden, head, other = problem(100, 600, 12)
    whole = LowRankSweep(head, [3, 7], kind="weighted", states=other).run(hidden)
    streamed = LowRankSweep(head, [3, 7], kind="weighted", states=pooled(map(moments, other.split(5)))).run(hidden)
    for rank in whole:
        for name in LOW_RANK_STATISTICS:
            torch.testing.assert_close(streamed[rank][name], whole[rank][name], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_same_bits_for_any_number_of_threads(scale: float) -> None:
    hidden, head, other = problem(700, 3000, 32)
    results, before = [], torch.get_num_threads()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(low_rank_statistics(scale * hidden, head, [1, 5, 32], kind="weighted", states=other))
    torch.set_num_threads(before)
    for other_result in results[1:]:
        for rank, found in results[0].items():
            assert found.coverage == other_result[rank].coverage
            assert found.logits_pearson == other_result[rank].logits_pearson
            for name in LOW_RANK_STATISTICS:
                assert torch.equal(found.statistics[name], other_result[rank].statistics[name])


def test_progress_counts_tokens() -> None:
    hidden, head, _ = problem(600, 40, 4)
    done: list[int] = []
    low_rank_statistics(hidden, head, [1], progress=done.append)
    assert done == sorted(done)
    assert done[-1] == 600


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
        ({"kind": "weighted", "states": torch.zeros(7, 3)}, "states"),
        ({"kind": "weighted", "states": moments(torch.zeros(7, 3))}, "states"),
        ({"statistics": ["loss"]}, "statistics"),
        ({"head": torch.zeros(40, 4)}, "head"),
        ({"hidden": torch.full((9, 5), float("nan"))}, "hidden"),
    ],
)
def test_bad_input_is_named(options: dict[str, object], named: str) -> None:
    hidden, head, other = problem(9, 40, 5)
    arguments = {"hidden": hidden, "head": head, "ranks": [1, 5], "states": other, **options}
    with pytest.raises(InputError, match=f"^{named}: "):
        low_rank_statistics(**arguments)  # type: ignore[arg-type]
