"""Drawn targets: their frequencies are the softmax's, their losses its logs, their order nobody's choice."""

import pytest
import torch
from scipy.stats import chisquare

from easyhard.errors import InputError
from easyhard.logits.draws import _invert, draw_targets
from easyhard.logits.statistics import logit_statistics
from plain_logits import assert_same_bits, capped, problem


@pytest.mark.parametrize("words", [5, 1024, 2_100])
def test_frequencies_are_the_softmax(words: int) -> None:
    """40,000 draws of each of three tokens; words that are expected fewer than ten times are counted together."""
    hidden, head, _ = problem(3, words, 6)
    found, _ = draw_targets(hidden.repeat(20, 1), head, draws=2_000, seed=1)
    p = (hidden.double() @ head.double().T).softmax(1)
    for token in range(3):
        counts = found[token::3].flatten().bincount(minlength=words).double()
        expected = 40_000 * p[token]
        often = expected >= 10
        ours, theirs = (torch.cat([c[often], c[~often].sum()[None]]) for c in (counts, expected))
        kept = theirs > 0
        assert chisquare(ours[kept], theirs[kept] * ours.sum() / theirs[kept].sum()).pvalue > 1e-3


@pytest.mark.parametrize("softcap", [None, 3.0])  # uncapped draws would have losses nats lower
def test_mean_loss_is_the_entropy(softcap: float | None) -> None:
    hidden, head, _ = problem(600, 2_100, 16)
    _, losses = draw_targets(hidden, head, draws=50, seed=0, softcap=softcap)
    entropy = logit_statistics(hidden, head, statistics=("entropy",), softcap=softcap)["entropy"]
    error = (losses.mean(1) - entropy) / losses.std(1) * 50**0.5
    assert abs(float(error.mean())) < 4 / 600**0.5
    assert float(error.std()) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("softcap", [None, 3.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_losses_are_those_of_the_words(dtype: torch.dtype, softcap: float | None) -> None:
    hidden, head, _ = problem(513, 2_049, 16, dtype)
    words, losses = draw_targets(hidden, head, draws=3, seed=0, softcap=softcap)
    assert words.shape == losses.shape == (513, 3)
    assert losses.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    truth = -capped(hidden.double() @ head.double().T, softcap).log_softmax(1).gather(1, words)
    assert float((losses - truth).abs().max()) < (1e-12 if dtype == torch.float64 else 1e-5)


def test_extreme_logits() -> None:
    """One word that takes all, two that share it, all far below zero: what has no mass is never drawn."""
    head = torch.full((2_500, 3), -1e4)
    head[2_400, 0] = 1e4
    head[[3, 1_500], 1] = 1e4
    head[[0, 2_499], 2] = -9_990.0
    words, losses = draw_targets(torch.eye(3), head, draws=400, seed=0)
    assert words[0].unique().tolist() == [2_400]
    assert words[1].unique().tolist() == [3, 1_500]
    assert losses[0].abs().max() == 0
    assert losses[1].unique().tolist() == pytest.approx([float(torch.tensor(2.0).log())])
    share = float(torch.isin(words[2], torch.tensor([0, 2_499])).float().mean())
    expected = 2 * 22_026.47 / (2 * 22_026.47 + 2_498)  # e^10
    assert share == pytest.approx(expected, abs=0.05)


def test_chances_at_the_edges_stay_on_words_with_mass() -> None:
    ends = torch.tensor([[0.0, 0.3, 0.3, 1.0, 1.0]], dtype=torch.float64)
    part, inside = _invert(ends, torch.tensor([[0.0, 0.3, 1.0 - 2**-53, 1.0]], dtype=torch.float64))
    assert part.tolist() == [[1, 3, 3, 3]]
    assert bool(((inside >= 0) & (inside <= 1)).all())


def test_any_batches_and_threads_give_the_same_draws() -> None:
    hidden, head, _ = problem(1_200, 2_049, 16)
    whole, _ = draw_targets(hidden, head, draws=5, seed=7)
    parts = [draw_targets(hidden[a:b], head, draws=5, seed=7, first_row=a) for a, b in ((0, 1), (1, 700), (700, 1_200))]
    assert torch.equal(torch.cat([words for words, _ in parts]), whole)
    assert_same_bits(lambda: dict(enumerate(draw_targets(hidden, head, draws=5, seed=7))))  # type: ignore[arg-type]
    other, _ = draw_targets(hidden, head, draws=5, seed=8)
    assert not torch.equal(other, whole)
    assert len(whole.unique()) > 500  # rows and draws differ among each other


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"draws": 0}, "draws"),
        ({"seed": -1}, "seed"),
        ({"first_row": -1}, "first_row"),
        ({"softcap": 0.0}, "softcap"),
        ({"head": torch.zeros(40, 5)}, "head"),
        ({"hidden": torch.full((9, 4), float("nan"))}, "hidden"),
    ],
)
def test_bad_input_is_named(options: dict[str, object], named: str) -> None:
    hidden, head, _ = problem(9, 40, 4)
    arguments = {"hidden": hidden, "head": head, "draws": 2, "seed": 0, **options}
    with pytest.raises(InputError, match=f"^{named}: "):
        draw_targets(**arguments)  # type: ignore[arg-type]
