"""Training of probes: they find what is there, stop in time, keep the best weights, and do not depend on each other."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from easyhard.errors import InputError
from easyhard.probes import ensemble
from easyhard.probes.ensemble import Member, ProbeSettings, Trained, train
from easyhard.probes.networks import Weights, outputs
from easyhard.probes.standardise import standardised
from easyhard.probes.tasks import Task
from easyhard.progress import Progress
from easyhard.signals.catalogue import Architecture

SETTINGS = ProbeSettings(hidden=32, learning_rate=5e-3, batch_size=256, max_epochs=20, patience=4)


def states(tokens: int, dim: int = 6, seed: int = 0) -> torch.Tensor:
    return torch.randn(tokens, dim, generator=torch.Generator().manual_seed(seed))


def member(
    hidden: torch.Tensor, target: torch.Tensor, task: str, architecture: Architecture = "mlp", seed: int = 0
) -> Member:
    """Fit on the first half, select on the next quarter."""
    every = torch.arange(len(hidden))
    fit, select = every[: len(every) // 2], every[len(every) // 2 : 3 * len(every) // 4]
    inputs = standardised([hidden], fit)
    return Member(architecture, inputs, Task(task, target.float(), target.float()), fit, select, seed)


@dataclass(frozen=True)
class Asked:
    """A trained member, and what it says of every row."""

    trained: Trained
    said: torch.Tensor


def trained(members: list[Member], **changes: float) -> list[Asked]:
    settings = cast(ProbeSettings, {**SETTINGS, **changes})
    found = train(members, settings, Progress("probes", len(members), "probes"))
    return [
        Asked(one, one.say(member.inputs, torch.arange(len(member.task.target))))
        for member, one in zip(members, found, strict=True)
    ]


def judged(found: Asked) -> np.ndarray:
    """What is said of the last quarter, which no training has seen."""
    return found.said[3 * len(found.said) // 4 :].numpy()


@pytest.fixture(scope="module")
def planted() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """States, labels whose logit is linear in them, and labels that are the sign of a product."""
    hidden = states(16_000)
    noise = torch.randn(16_000, generator=torch.Generator().manual_seed(1))
    linear = hidden @ torch.tensor([1.0, -1.0, 0.5, 0.0, 0.0, 0.0]) + 1.5 * noise > 0
    return hidden, linear, hidden[:, 0] * hidden[:, 1] > 0


def test_a_linear_signal_is_found_to_near_the_best_possible(planted: tuple[torch.Tensor, ...]) -> None:
    hidden, label, _ = planted
    (found,) = trained([member(hidden, label, "easy", "linear")])
    # score s ~ N(0, 2.25) and label s + 1.5 n > 0: P(label | s) = Phi(s / 1.5), so the Bayes AUROC is an integral
    s = np.linspace(-9, 9, 20_001)
    easy, hard = norm.cdf(s / 1.5) * norm.pdf(s, scale=1.5), norm.sf(s / 1.5) * norm.pdf(s, scale=1.5)
    below = np.cumsum(hard) / hard.sum()
    bayes = float((easy * below).sum() / easy.sum())
    # 4,000 judged tokens: standard error about .007; fitting 7 weights on 8,000 costs less than .001
    assert roc_auc_score(label[12_000:], judged(found)) == pytest.approx(bayes, abs=0.02)


@pytest.mark.parametrize("architecture", ["mlp", "mixture"])
def test_a_product_is_beyond_a_line(planted: tuple[torch.Tensor, ...], architecture: Architecture) -> None:
    hidden, _, label = planted
    line, curved = trained([member(hidden, label, "easy", kind) for kind in ("linear", architecture)])
    assert roc_auc_score(label[12_000:], judged(line)) < 0.56
    assert roc_auc_score(label[12_000:], judged(curved)) > 0.97


@pytest.mark.parametrize("architecture", ["mlp", "mixture"])
def test_distillation_of_a_noiseless_function(architecture: Architecture) -> None:
    """The entropy of a softmax head over 40 words, of 4-dimensional states."""
    hidden = states(8_000, 4)
    log_p = torch.log_softmax(hidden @ states(40, 4, seed=2).T, 1)
    entropy = -(log_p.exp() * log_p).sum(1)
    (found,) = trained([member(hidden, entropy, "entropy", architecture)], hidden=64, learning_rate=1e-2)
    assert np.corrcoef(judged(found), entropy[6_000:])[0, 1] > 0.99
    assert judged(found).mean() == pytest.approx(float(entropy[6_000:].mean()), abs=0.05)  # in nats, not standardised
    assert judged(found).std() == pytest.approx(float(entropy[6_000:].std()), rel=0.05)


def test_training_stops_after_patience_and_keeps_the_best_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = states(400)
    target = hidden[:, 0] + states(400, 1, seed=4)[:, 0]  # 200 fit rows, much noise: it overfits
    seen: list[Weights] = []
    whole = ensemble._epochs

    def watched(*arguments: object) -> Iterator[Weights]:
        for weights in whole(*arguments):  # type: ignore[arg-type]
            seen.append([tensor.clone() for tensor in weights])
            yield weights

    monkeypatch.setattr(ensemble, "_epochs", watched)
    one = member(hidden, target, "loss")
    (found,) = trained([one], max_epochs=100)
    assert found.trained.epochs == len(seen) < 100
    assert found.trained.best_epoch == found.trained.epochs - SETTINGS["patience"]
    unit = one.task.target[one.fit]
    deviation, mean = torch.std_mean(unit, correction=0)
    errors = []
    for weights in seen:
        said = outputs("mlp", weights, one.inputs.at(one.select)) * deviation + mean
        errors.append(float(((said - target[one.select]) / deviation).square().mean()))
    assert int(np.argmin(errors)) == found.trained.best_epoch - 1
    assert found.trained.error == pytest.approx(min(errors), rel=1e-4)
    every = one.inputs.at(torch.arange(len(target)))
    best = outputs("mlp", seen[found.trained.best_epoch - 1], every) * deviation + mean
    torch.testing.assert_close(found.said, best, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.trained.on_select, found.said[one.select], rtol=1e-5, atol=1e-6)


def test_rows_that_are_only_asked_about_do_not_reach_the_training() -> None:
    hidden, target = states(800), states(800, 1, seed=1)[:, 0]
    changed, other = hidden.clone(), target.clone()
    changed[600:], other[600:] = 1e3, 1e3
    before, after = trained([member(hidden, target, "loss"), member(changed, other, "loss")], max_epochs=2)
    assert torch.equal(before.said[:600], after.said[:600])


def test_scale_and_shift_of_the_inputs_change_nothing() -> None:
    hidden = states(2_000)
    target = hidden[:, 0].abs() + hidden[:, 1]
    moved = hidden * torch.tensor([1.0, 8.0, 0.25, 3.0, 0.01, 1e3]) + torch.tensor([0.0, 64.0, -3.0, 1.0, 0.0, 1e3])
    for architecture in ("linear", "mlp", "mixture"):
        one, other = trained(
            [member(states_, target, "loss", architecture) for states_ in (hidden, moved)], max_epochs=3
        )
        # rounding of the inputs, 1e-7 of the shift over the spread, grows over 300 steps
        torch.testing.assert_close(one.said, other.said, rtol=0, atol=0.02)
        assert np.corrcoef(one.said, other.said)[0, 1] > 0.9999


def test_scale_and_shift_of_a_regression_target_come_back() -> None:
    hidden = states(2_000)
    target = hidden[:, 0].abs()
    one, other = trained([member(hidden, unit, "loss") for unit in (target, 1e3 * target - 50)], max_epochs=3)
    torch.testing.assert_close(1e3 * one.said - 50, other.said, rtol=1e-2, atol=5)


def test_seeds_and_members() -> None:
    hidden = states(1_000)
    target = hidden[:, 0].abs()
    first, second = member(hidden, target, "loss", seed=0), member(hidden, target, "loss", seed=1)
    one, other = trained([first, second], max_epochs=3)
    (alone,) = trained([second], max_epochs=3)
    assert torch.equal(other.said, alone.said)
    assert 0.5 < np.corrcoef(one.said, other.said)[0, 1] < 1
    assert not torch.equal(one.said, other.said)


def test_the_same_bits_on_any_number_of_threads() -> None:
    hidden = states(6_000, 24)
    target = hidden[:, 0].abs()
    members = [member(hidden, target, "loss", kind) for kind in ("linear", "mlp", "mixture")]
    one = trained(members, max_epochs=2)
    torch.set_num_threads(2)
    try:
        two = trained(members, max_epochs=2)
    finally:
        torch.set_num_threads(1)
    assert all(
        torch.equal(a.said, b.said) and a.trained.error == b.trained.error for a, b in zip(one, two, strict=True)
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_states_of_half_precision_are_taken_as_they_are(dtype: torch.dtype) -> None:
    hidden = states(1_000).to(dtype)
    target = hidden.float()[:, 0].abs()
    half, single = trained([member(h, target, "loss") for h in (hidden, hidden.float())], max_epochs=2)
    torch.testing.assert_close(half.said, single.said, rtol=1e-4, atol=1e-4)


def test_a_constant_target_is_said_as_it_is() -> None:
    (found,) = trained([member(states(300), torch.full((300,), 4.0), "loss")])
    torch.testing.assert_close(found.said, torch.full((300,), 4.0), atol=0.05, rtol=0)


def test_a_small_set_gets_as_many_steps_as_a_hundred_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    whole = ensemble._batches

    def counted(*arguments: object) -> Iterator[torch.Tensor]:
        for rows in whole(*arguments):  # type: ignore[arg-type]
            taken.append(len(rows))
            yield rows

    monkeypatch.setattr(ensemble, "_batches", counted)
    trained([member(states(1_200), states(1_200, 1)[:, 0], "loss")], max_epochs=1)
    assert taken == [256, 256, 88] * 33 + [256]
    taken.clear()
    trained([member(states(1_200), states(1_200, 1)[:, 0], "loss")], max_epochs=1, batch_size=5)
    assert taken == [5] * 120


def test_no_rows_to_select_by() -> None:
    one = member(states(100), torch.ones(100), "loss")
    with pytest.raises(InputError, match="loss: 50 fit and 0 select rows; both are wanted"):
        trained([replace(one, select=one.select[:0])])


def test_divergence_is_an_error() -> None:
    hidden = states(300)
    with pytest.raises(InputError, match=r"learning_rate: 1e\+30; loss diverged"):
        trained([member(hidden, hidden[:, 0], "loss")], learning_rate=1e30)


def test_no_members() -> None:
    assert trained([]) == []
