"""The Triton sweep against float64 truth, on a GPU where there is one, else in Triton's interpreter."""

import mmap
from pathlib import Path

import pytest
import torch
from torch import Tensor

pytest.importorskip("triton")

from easyhard.logits import triton_low_rank
from easyhard.logits.formulas import Gathered, evaluate

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
NAMES = ("log_sum_exp", "max_logit", "max_probability", "entropy", "margin", "second_logit")


def factors(hidden: Tensor, head: Tensor) -> tuple[Tensor, Tensor]:
    """reduced (tokens, dim) and left (words, dim) float64, whose products over all columns are the logits."""
    _, _, basis = torch.linalg.svd(head.double(), full_matrices=False)
    return hidden.double() @ basis.T, head.double() @ basis.T


def plain(logits: Tensor) -> dict[str, Tensor]:
    """NAMES of logits (tokens, words), from their definitions."""
    p, top = logits.softmax(1), logits.topk(2, dim=1).values
    return {
        "log_sum_exp": logits.logsumexp(1),
        "max_logit": top[:, 0],
        "max_probability": p.amax(1),
        "entropy": -(p * logits.log_softmax(1)).sum(1),
        "margin": top[:, 0] - top[:, 1],
        "second_logit": top[:, 1],
    }


def worst(figures: dict[str, Tensor], truth: dict[str, Tensor]) -> dict[str, float]:
    return {name: float((figures[name].double() - truth[name]).abs().max()) for name in truth}


def check(swept: Gathered, reduced: Tensor, left: Tensor) -> None:
    """No error above the plain implementation's own + 1e-5."""
    truth = plain(reduced @ left.T)
    ours = worst(evaluate(NAMES, swept), truth)
    allowed = worst(plain(reduced.float() @ left.float().T), truth)
    assert all(ours[name] <= allowed[name] + 1e-5 for name in NAMES), (ours, allowed)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_every_rank(dtype: torch.dtype) -> None:
    random = torch.Generator().manual_seed(0)
    hidden = torch.randn(33, 24, generator=random).to(dtype).to(DEVICE)
    head = torch.randn(75, 24, generator=random).to(dtype).to(DEVICE)
    reduced, left = factors(hidden, head)
    ranks = (1, 3, 22, 24)  # steps within, of, and beyond the columns that one product adds; the exact head
    swept = triton_low_rank.sweep(hidden, head, reduced[:, :22].float(), left[:, :22].float(), ranks)
    for rank, figures in zip(ranks[:3], swept, strict=False):
        check(figures, reduced[:, :rank], left[:, :rank])
    check(swept[3], hidden.double(), head.double())


@pytest.mark.parametrize("scale", [0.0, 1e3])
def test_adversarial_scales(scale: float) -> None:
    """All logits equal, and logits in the thousands."""
    random = torch.Generator().manual_seed(1)
    hidden, head = (torch.randn(n, 16, generator=random).mul(8).round().div(8).to(DEVICE) for n in (9, 40))
    reduced, left = hidden[:, :4] * scale, head[:, :4]
    (swept,) = triton_low_rank.sweep(hidden, head, reduced, left, (4,))
    check(swept, reduced.double(), left.double())


def test_ties_have_no_margin_and_one_word_an_infinite_one() -> None:
    hidden, head = torch.ones(5, 16, device=DEVICE), torch.ones(40, 16, device=DEVICE)
    (tied,) = triton_low_rank.sweep(hidden, head, hidden[:, :1], head[:, :1], (16,))
    assert bool((evaluate(("margin",), tied)["margin"] == 0).all())
    (lonely,) = triton_low_rank.sweep(hidden, head[:1], hidden[:, :1], head[:1, :1], (16,))
    assert bool(evaluate(("margin",), lonely)["margin"].isposinf().all())


def test_a_step_of_many_columns() -> None:
    """More than are written out in code: a loop takes the rest, 16 at a time and fewer at the end."""
    random = torch.Generator().manual_seed(2)
    hidden, head = (torch.zeros(n, 96, device=DEVICE) for n in (9, 40))
    reduced, left = (torch.randn(n, 90, generator=random).to(DEVICE) for n in (9, 40))
    swept = triton_low_rank.sweep(hidden, head, reduced, left, (3, 90))
    for rank, figures in zip((3, 90), swept, strict=True):
        check(figures, reduced[:, :rank].double(), left[:, :rank].double())


@pytest.mark.skipif(torch.cuda.is_available(), reason="a file stands in for memory, as only the host can have it")
def test_places_beyond_two_to_the_31(tmp_path: Path) -> None:
    """What the first program of a sweep over 800 million tokens writes into a file that is empty otherwise."""
    tokens, rows = 800_000_000, 32
    with (tmp_path / "out").open("wb+") as file:
        file.truncate(4 * 4 * tokens)
        region = mmap.mmap(file.fileno(), 0)
    random = torch.Generator().manual_seed(3)
    hidden, head = (torch.randn(n, 16, generator=random) for n in (rows, 40))
    (wanted,) = triton_low_rank.sweep(hidden, head, hidden, head, (16,))
    tile = triton_low_rank._tile(hidden, "ieee")
    triton_low_rank._sweep_kernel[(1,)](
        hidden, head, hidden, head, torch.frombuffer(region, dtype=torch.float32, count=rows),
        tokens=tokens, words=40, span=64, splits=1, ENDS=(0,), LOW_STEPS=0, STEPS=1, LOW=16, DIM=16,
        PRECISION="ieee", LOW_PRECISION="ieee", **tile.launch,
    )  # fmt: skip
    peak, total, energy, second = (
        torch.frombuffer(region, dtype=torch.float32, count=rows, offset=4 * number * tokens) for number in range(4)
    )
    found = Gathered(peak=peak, total=total, energy=energy, maximum=peak, top_logits=torch.stack([peak, second], 1))
    for name, values in evaluate(NAMES, wanted).items():
        assert float((evaluate(NAMES, found)[name] - values).abs().max()) <= 1e-5, name
