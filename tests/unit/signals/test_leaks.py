"""Every disguise of the answer is found, and no honest signal, however good, is taken for one."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import entr
from scipy.stats import rankdata, spearmanr

from easyhard.signals.leaks import BOUNDS, FEWEST, MOST, ROOM, Evidence, LeakTest
from easyhard.signals.tokens import TokenTable

DOCUMENTS, EACH = 40, 100
TOKENS = DOCUMENTS * EACH
WORDS = 50
DATA = Path(os.environ.get("EASYHARD_SHARED", "../shared")) / "data" / "founding-repeat" / "activations.npz"


def table(loss: np.ndarray, each: int = EACH, count: np.ndarray | None = None) -> TokenTable:
    """Of whole documents every second one is select's."""
    row = np.arange(len(loss))
    document = (row // each).astype(np.int32)
    unknown = np.full(len(loss), -1, np.int32)
    known = unknown if count is None else count
    return TokenTable(document, row // 20, row % 20, loss.astype(np.float32), (document % 2).astype(np.int8), known)


class Text:
    """Losses like a model's, of targets drawn from its own distribution in contexts that resemble their neighbours."""

    def __init__(self, sharpness: float, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        drift = np.cumsum(random.normal(size=(DOCUMENTS, EACH)), axis=1) * 0.1
        self.scale = np.exp(0.5 * random.normal(size=(DOCUMENTS, EACH)) + 0.3 * drift).ravel() * sharpness
        logits = self.scale[:, None] * random.normal(size=(TOKENS, WORDS))
        logits -= logits.max(axis=1, keepdims=True)
        self.p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        self.target = (self.p.cumsum(axis=1) < random.random((TOKENS, 1))).sum(axis=1).clip(max=WORDS - 1)
        self.loss = -np.log(self.p[np.arange(TOKENS), self.target])
        self.wrong = self.p.argmax(axis=1) != self.target
        self.random = random

    def test(self, threshold: float = 3.0) -> LeakTest:
        return LeakTest(
            table(self.loss),
            threshold,
            target=self.target,
            argmax_wrong=self.wrong,
            probability_hard=self.tail_mass(threshold),
        )

    def tail_mass(self, threshold: float) -> np.ndarray:
        return np.where(self.p < np.exp(-threshold), self.p, 0).sum(axis=1)

    def noise(self, share: float) -> np.ndarray:
        return self.loss + share * self.loss.std() * self.random.normal(size=TOKENS)

    def honest(self) -> dict[str, np.ndarray]:
        """Signals of this distribution, and of what came before."""
        earlier = np.concatenate([[0.0], self.loss[:-1]])
        frame = pl.Series(earlier)
        largest = self.p.max(axis=1)
        return {
            "max probability": largest,
            "sure": largest > 0.5,
            "very sure": largest > 0.9,
            "entropy": entr(self.p).sum(axis=1),
            "tail mass": self.tail_mass(3),
            "margin": np.diff(np.sort(self.p, axis=1)[:, -2:], axis=1)[:, 0],
            "first choice": self.p.argmax(axis=1).astype(float),
            "the scale of the logits": self.scale,
            "loss of the token before": earlier,
            "mean of the last 5 losses": frame.rolling_mean(5, min_samples=1).to_numpy(),
            "mean of the last 37 losses": frame.rolling_mean(37, min_samples=1).to_numpy(),
            "decaying mean of earlier losses": frame.ewm_mean(alpha=0.3).to_numpy(),
            "position": np.arange(TOKENS) % EACH,
            "target of the token before": np.roll(self.target, 1),
            "random": self.random.normal(size=TOKENS),
            "constant": np.ones(TOKENS),
        }


PLAIN, SHARP, VERY_SHARP = Text(2.0), Text(8.0, 1), Text(25.0, 2)


def leaks(own: Text) -> dict[str, np.ndarray]:
    loss, frame = own.loss, pl.Series(own.loss)
    return {
        "−2 loss + 1": -2 * loss + 1,
        "exp(−loss)": np.exp(-loss),
        "rank of the loss": rankdata(loss),
        "loss > 3": loss > 3,
        "loss below its median": loss <= np.median(loss),
        "rounded": np.round(loss, 1),
        "log of the loss": np.log(loss + 1e-3),
        "distance from 2": np.abs(loss - 2),
        "a wave": np.sin(2 * loss),
        "a little noise": own.noise(0.05),
        "more noise": own.noise(0.4),
        "noise, where it is high alone": np.where(loss > 3, loss, own.random.normal(size=TOKENS)) + 100 * (loss > 3),
        "rank of the target": (own.p > np.exp(-loss)[:, None]).sum(axis=1),
        "first choice wrong": own.wrong,
        "mean of 3 losses, its own too": frame.rolling_mean(3, min_samples=1).to_numpy(),
        "mean of 20 losses, its own too": frame.rolling_mean(20, min_samples=1).to_numpy(),
        "decaying mean, its own too": frame.ewm_mean(alpha=0.2).to_numpy(),
        "mean of its neighbours and its own": frame.rolling_mean(5, min_samples=1, center=True).to_numpy(),
        "loss of the next token": np.roll(loss, -1),
        "a table of targets": np.random.default_rng(5).random(WORDS)[own.target],
    }


@pytest.mark.parametrize("own", [PLAIN, SHARP, VERY_SHARP], ids=["plain", "sharp", "very sharp"])
def test_honest_signals_are_not_caught(own: Text) -> None:
    test = own.test()
    caught = {name: found for name, values in own.honest().items() if (found := test.examine(values)).reasons}
    assert not caught


def test_a_model_of_two_words_makes_honest_signals_that_are_functions_of_the_loss() -> None:
    """Right, it has the loss −log p, and wrong −log(1 − p): p is known from the loss, and yet foretells it badly."""
    random = np.random.default_rng(0)
    p = random.uniform(0.5, 1.0, TOKENS)
    right = random.random(TOKENS) < p
    loss = -np.log(np.where(right, p, 1 - p))
    test = LeakTest(table(loss), 1.0, argmax_wrong=~right)
    found = test.examine(p)
    assert found.figures["traced"] > 0.95
    assert not found.reasons
    assert test.examine(-2 * loss + 1).reasons
    assert test.examine(loss > 1).reasons


def test_sharp_models_make_honest_signals_that_look_like_the_loss() -> None:
    """So that the test above has something to tell apart."""
    assert VERY_SHARP.wrong.mean() < 0.1
    assert abs(spearmanr(VERY_SHARP.p.max(axis=1), VERY_SHARP.loss).statistic) > 0.9


@pytest.mark.parametrize("name", leaks(PLAIN))
def test_every_disguise_is_found(name: str) -> None:
    assert PLAIN.test().examine(leaks(PLAIN)[name]).reasons


@pytest.mark.parametrize(
    "name", ["−2 loss + 1", "exp(−loss)", "rank of the loss", "loss > 3", "a little noise", "first choice wrong"]
)
@pytest.mark.parametrize("own", [SHARP, VERY_SHARP], ids=["sharp", "very sharp"])
def test_the_plain_disguises_are_found_of_sharp_models_too(own: Text, name: str) -> None:
    assert own.test().examine(leaks(own)[name]).reasons


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("exp(−loss)", "traced"),
        ("more noise", "ordered"),
        ("mean of 20 losses, its own too", "beyond_past"),
        ("loss of the next token", "beyond_past"),
        ("a table of targets", "of_target"),
        ("first choice wrong", "of_first_choice"),
        ("loss > 3", "above_ceiling"),
    ],
)
def test_the_reason_is_told(name: str, reason: str) -> None:
    found = PLAIN.test().examine(leaks(PLAIN)[name])
    assert reason in found.reasons
    if reason in BOUNDS:
        assert found.figures[reason] >= BOUNDS[reason]


def test_without_a_ceiling_losses_alone_tell() -> None:
    random = np.random.default_rng(0)
    loss = random.gamma(2, 2, TOKENS)
    test = LeakTest(table(loss), 3.0)
    honest = test.examine(loss + random.normal(0, 3, TOKENS))
    assert not honest.reasons
    assert honest.figures["auroc"] > 0.75
    assert "bound" not in honest.figures
    for values in (-2 * loss + 1, np.exp(-loss), loss > 3, loss + random.normal(0, 1, TOKENS)):
        assert test.examine(values).reasons


def test_signals_at_the_ceiling_are_caught_at_most_as_often_as_said() -> None:
    """The best signal that there can be, of targets drawn from the model itself: 2.5 % would exceed a bound that has no
    room above the ceiling; with room none does. What exceeds it by more than the room is caught."""
    above, caught, leaking = 0, 0, 0
    for seed in range(60):
        own = Text(2.0, 100 + seed)
        test, mass = own.test(), own.tail_mass(3)
        found = test.examine(mass)
        caught += "above_ceiling" in found.reasons
        room = ROOM * (1 - found.figures["ceiling"])
        above += found.figures["auroc_excess"] + room > 0
        half = np.where(own.random.random(TOKENS) < 0.85, own.loss > 3, mass)
        leaking += "above_ceiling" in test.examine(half + 1e-3 * mass).reasons
    assert caught == 0
    assert above <= 5
    assert leaking == 60


def test_what_passes_the_ceiling_of_a_model_that_is_not_calibrated_is_no_leak() -> None:
    """Few tokens are easy, by a context that is in sight, and the model believes in none of them."""
    random = np.random.default_rng(0)
    easy = random.random(TOKENS) < 0.02
    loss = np.where(easy, 2.5, random.gamma(20, 0.35, TOKENS).clip(min=3.1))
    signal = np.where(easy, 0.0, 1.0) + 0.3 * random.normal(size=TOKENS)
    found = LeakTest(table(loss), 3.0, probability_hard=random.uniform(0.5, 1.0, TOKENS)).examine(signal)
    assert found.figures["auroc_excess"] > 0
    assert not found.reasons


@pytest.mark.parametrize("tokens", [0, FEWEST - 1, FEWEST, 300])
def test_few_tokens_tell_what_they_can(tokens: int) -> None:
    loss = PLAIN.loss[: 2 * tokens]
    test = LeakTest(table(loss, each=10), 3.0)
    assert test.can_tell == (tokens >= FEWEST)
    assert bool(test.examine(-2 * loss + 1).reasons) == (tokens >= FEWEST)
    assert not test.examine(np.arange(len(loss)) % 7).reasons


def test_losses_that_are_all_equal_and_values_that_are_none_tell_nothing() -> None:
    assert LeakTest(table(np.ones(TOKENS)), 3.0).examine(np.arange(TOKENS)) == Evidence({}, ())
    assert PLAIN.test().examine(np.where(np.arange(TOKENS) % 9, PLAIN.loss, np.nan)) == Evidence({}, ())


def test_all_losses_on_one_side_are_no_hindrance() -> None:
    loss = 0.5 + 0.1 * np.random.default_rng(0).random(TOKENS)  # all below the threshold, and below log 2
    test = LeakTest(table(loss), 3.0)
    assert "auroc" not in test.examine(-loss).figures
    assert test.examine(-loss).reasons
    assert not test.examine(np.random.default_rng(1).random(TOKENS)).reasons


def test_select_rows_alone_are_looked_at_as_long_as_they_suffice() -> None:
    loss = np.random.default_rng(0).gamma(2, 2, 4000)
    own = table(loss)
    assert set(own.part[LeakTest(own, 3.0).rows]) == {1}
    part = np.where(own.document < 5, 1, np.where(own.document < 9, 2, 0))
    few = LeakTest(TokenTable(**{**vars(own), "part": part}), 3.0)
    assert set(part[few.rows]) == {1, 2}
    many = table(np.random.default_rng(0).gamma(2, 2, 4 * MOST), each=700)
    rows = LeakTest(many, 3.0).rows
    assert MOST - 700 < len(rows) <= MOST
    assert len(rows) % 700 == 0


@pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not at hand")
def test_no_signal_of_the_founding_repeat_is_caught() -> None:
    """WikiText-2: signals of the logits on the first 12,800 tokens of the repeat."""
    torch = pytest.importorskip("torch")
    from easyhard.signals.head_batch import head_signals

    with np.load(DATA) as arrays:
        hidden, loss, head = (arrays[name] for name in ("hidden", "loss", "head"))
    rows = slice(0, 12_800)
    signals = head_signals(torch.from_numpy(hidden[rows]), torch.from_numpy(head))
    tail = signals["tail_mass_3"].numpy()
    test = LeakTest(table(loss[rows], each=320), 3.0, probability_hard=tail)
    found = {name: test.examine(values.numpy()) for name, values in signals.items()}
    assert not {name: own.reasons for name, own in found.items() if own.reasons}
    assert max(own.figures["ordered"] for own in found.values() if own.figures) < 0.3
    assert set(test.examine(np.exp(-loss[rows])).reasons) >= {"ordered", "traced", "above_ceiling"}
