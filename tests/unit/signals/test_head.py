"""Signals of the logits against their definitions in float64, and what a batch of them costs."""

import numpy as np
import pytest
import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.request import Scaled
from easyhard.signals import head_batch
from easyhard.signals.head_batch import head_signals
from easyhard.signals.registry import signal

TEMPERATURE = 1.7
TOLERANCE = 2e-5


def problem(tokens: int, words: int, dim: int) -> tuple[Tensor, Tensor, Tensor, np.ndarray]:
    generator = torch.Generator().manual_seed(tokens + words + dim)
    hidden = torch.randn(tokens, dim, generator=generator)
    head = 3 * torch.randn(words, dim, generator=generator) / dim**0.5
    targets = torch.randint(words, (tokens,), generator=generator)
    return hidden, head, targets, np.random.default_rng(words).integers(0, 50, size=words)


def definitions(hidden: Tensor, head: Tensor, targets: Tensor, counts: np.ndarray) -> dict[str, Tensor]:
    z = hidden.double() @ head.double().T
    p, q = z.softmax(1), (z / TEMPERATURE).softmax(1)
    top, words = p.sort(1, descending=True).values, z.shape[1]
    centred = z - z.mean(1, keepdim=True)
    share = torch.tensor((counts + 1) / (counts.sum() + len(counts)))

    def tail(p: Tensor, threshold: float) -> Tensor:
        return torch.where(p.log() < -threshold, p, 0.0).sum(1)

    return {
        "oracle": -p.gather(1, targets[:, None])[:, 0].log(),
        "target_probability": p.gather(1, targets[:, None])[:, 0],
        "max_probability": p.amax(1),
        "max_logit": z.amax(1),
        "max_minus_mean": centred.amax(1),
        "margin": z.topk(2).values[:, 0] - z.topk(2).values[:, 1],
        "entropy": -(p * p.log()).sum(1),
        "probability_margin": top[:, 0] - top[:, 1],
        "log_sum_exp": z.logsumexp(1),
        "self_certainty": -(words * p).log().mean(1),
        "top_10_mass": top[:, :10].sum(1),
        **{f"tail_mass_{threshold}": tail(p, threshold) for threshold in (1, 3, 5, 8)},
        "renyi2": -p.square().sum(1).log(),
        "pnorm_max_logit": centred.amax(1) / centred.norm(dim=1),
        "scaled_loss": -q.gather(1, targets[:, None])[:, 0].log(),
        "scaled_max_probability": q.amax(1),
        "scaled_entropy": -(q * q.log()).sum(1),
        "scaled_tail_mass_3": tail(q, 3),
        "argmax_surprisal": -share[z.argmax(1)].log(),
    }


@pytest.mark.parametrize("shape", [(255, 1507, 23), (513, 2049, 16), (3, 40, 8), (7, 5, 3)])
def test_every_signal_is_its_definition(shape: tuple[int, int, int]) -> None:
    hidden, head, targets, counts = problem(*shape)
    found = head_signals(hidden, head, targets, temperature=TEMPERATURE, counts=counts)
    truth = definitions(hidden, head, targets, counts)
    assert set(found) == set(truth)
    for name, column in found.items():
        assert column.dtype == torch.float32, name
        torch.testing.assert_close(column.double(), truth[name], atol=TOLERANCE, rtol=TOLERANCE, msg=name)


def test_what_cannot_be_computed_is_left_out() -> None:
    hidden, head, targets, counts = problem(9, 60, 4)
    everything = head_signals(hidden, head, targets, temperature=TEMPERATURE, counts=counts)
    less = head_signals(hidden, head)
    gone = set(everything) - set(less)
    scaled = {"scaled_loss", "scaled_max_probability", "scaled_entropy", "scaled_tail_mass_3"}
    assert gone == {"oracle", "target_probability", "argmax_surprisal"} | scaled
    assert all(torch.equal(less[name], everything[name]) for name in less)


def test_one_pass_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = head_batch.logit_statistics

    def counted(*arguments: object, **options: object) -> dict[str, Tensor]:
        asked.append(options["scaled"])
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(head_batch, "logit_statistics", counted)
    hidden, head, targets, counts = problem(9, 60, 4)
    head_signals(hidden, head, targets, counts=counts)
    assert asked == [None]
    head_signals(hidden, head, targets, temperature=TEMPERATURE)
    assert len(asked) == 2
    scaled = asked[1]
    assert isinstance(scaled, Scaled)
    assert set(scaled.statistics) == {"loss", "log_sum_exp", "max_logit", "entropy", "tail_mass"}
    assert (scaled.temperature, scaled.tail_thresholds) == (TEMPERATURE, (3.0,))


def test_bad_input_is_named() -> None:
    hidden, head, targets, _ = problem(9, 60, 4)
    with pytest.raises(InputError, match=r"^temperature: 0\.0; a positive number is wanted"):
        head_signals(hidden, head, temperature=0.0)
    with pytest.raises(InputError, match=r"^targets: "):
        head_signals(hidden, head, targets + 60)


@pytest.mark.usefixtures("own_registry")
def test_a_function_that_gives_no_column_is_named() -> None:
    signal(name="mine", title="t", formula="f", high_means_easy=True, source="s")(lambda top_logits: top_logits)
    hidden, head, _, _ = problem(9, 60, 4)
    with pytest.raises(InputError, match=r"signal 'mine': its function gives shape \(9, 10\); \(9,\), one a row"):
        head_signals(hidden, head)
