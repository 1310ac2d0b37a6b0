"""Probes at exits find what simulated states hold, leave out what nobody can learn, and come back from a file."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import Tensor

from easyhard.errors import InputError
from easyhard.model.store import write_tensors
from easyhard.probes.exits import ExitProbes, fit_exit_probes
from easyhard.signals.catalogue import EXIT_PROBES, PROBES
from easyhard.signals.exit_labels import exit_labels
from easyhard.signals.registry import Sizes, find

SETTINGS = {"hidden": 24, "learning_rate": 5e-3, "batch_size": 256, "max_epochs": 12, "patience": 3}
ROWS, DIM = 9_000, 6
FIT, SELECT, TEST = np.arange(4_500), np.arange(4_500, 6_750), np.arange(6_750, ROWS)
EXITS = [1, 2, 4, 5]


class Simulated:
    """A model of five layers that exits after 1, 2, 4 and 5, and whose states tell where it agrees with the last.

    At exit 1 by a line, at 2 by a product of two coordinates, at 4 by the size of what layer 4 has changed. The excess
    loss is the square of another coordinate, less a half.
    """

    def __init__(self) -> None:
        draw = torch.Generator().manual_seed(0)

        def noise(scale: float) -> Tensor:
            return scale * torch.randn(ROWS, DIM, generator=draw)

        one, three = noise(1.0), noise(4.0) + 3.0
        two, change = one + noise(1.0), noise(1.0)
        self.states = {0: noise(1.0), 1: one, 2: two, 3: three, 4: three + change}
        agrees = {
            1: one[:, 0] - one[:, 1] + noise(0.3)[:, 0] > 0,
            2: two[:, 0] * two[:, 1] > 0,
            4: change[:, 0].abs() > 0.6745,
        }
        random = np.random.default_rng(1)
        word = random.integers(10, 20, ROWS)
        self.argmax = {exit: np.where(mask.numpy(), word, exit) for exit, mask in agrees.items()} | {5: word}
        self.target = np.where(random.random(ROWS) < 0.7, word, 99)
        whole = random.exponential(3.0, ROWS).astype(np.float32) + 1
        squares = {exit: self.states[exit][:, 2].numpy() ** 2 for exit in agrees}
        self.loss = {exit: whole - 0.5 + square for exit, square in squares.items()} | {5: whole}

    def fit(
        self,
        *probes: str,
        states: dict[int, Tensor] | None = None,
        loss: dict[int, np.ndarray] | None = None,
        argmax: dict[int, np.ndarray] | None = None,
        **changes: float,
    ) -> ExitProbes:
        """Of all probes, or some; with other states, losses, argmaxes or settings."""
        outcomes = {"target": self.target}
        outcomes |= {f"{exit}/loss": column for exit, column in (loss or self.loss).items()}
        outcomes |= {f"{exit}/argmax": column for exit, column in (argmax or self.argmax).items()}
        wanted = probes or tuple(EXIT_PROBES)
        return fit_exit_probes(states or self.states, EXITS, outcomes, FIT, SELECT, SETTINGS | changes, 0, wanted)


MODEL = Simulated()


@pytest.fixture(scope="module")
def probes() -> ExitProbes:
    return MODEL.fit()


@pytest.fixture(scope="module")
def said(probes: ExitProbes) -> dict[str, np.ndarray]:
    return probes.say(MODEL.states)


def test_what_was_put_in_is_found_by_whom_it_is_in_sight_of(said: dict[str, np.ndarray]) -> None:
    """The bounds are of AUROC, far from both chance and each other; what a probe cannot see is near chance."""
    seen = {
        1: {"linear": True, "mlp": True, "linear_change": True, "mlp_change": True},
        2: {"linear": False, "mlp": True, "linear_change": False, "mlp_change": True},
        4: {"linear": False, "mlp": False, "linear_change": False, "mlp_change": True},
    }
    labels = exit_labels(MODEL.loss, MODEL.argmax, MODEL.target, near=0.1)
    for exit, families in seen.items():
        truth = labels[exit]["agrees"][TEST]
        for family, sees in families.items():
            auroc = roc_auc_score(truth, said[f"{exit}/{family}_agrees"][TEST])
            assert auroc > 0.93 if sees else auroc < 0.65, (exit, family, auroc)
        excess = MODEL.loss[exit] - MODEL.loss[5]
        for family in families:
            rank = spearmanr(excess[TEST], said[f"{exit}/{family}_excess"][TEST])[0]
            assert (rank > 0.9) == family.startswith("mlp"), (exit, family, rank)
    right = labels[1]["right"][TEST]  # seven in ten of those that agree
    assert roc_auc_score(right, said["1/linear_correct"][TEST]) > 0.8


def test_values_are_probabilities_and_nats_in_float32(said: dict[str, np.ndarray]) -> None:
    assert list(said) == [f"{exit}/{probe}" for exit in (1, 2, 4) for probe in EXIT_PROBES]
    labels = exit_labels(MODEL.loss, MODEL.argmax, MODEL.target, near=0.1)
    for name, column in said.items():
        assert (column.dtype, column.shape) == (np.float32, (ROWS,)), name
        exit, probe = int(name.split("/")[0]), name.split("/")[1]
        task = EXIT_PROBES[probe][1]
        truth = {"excess": MODEL.loss[exit] - MODEL.loss[5], "loss": MODEL.loss[exit], "correct": labels[exit]["right"]}
        expected = truth[task] if task in truth else labels[exit][task]
        chance = expected[TEST].std() * (1 / len(SELECT) + 1 / len(TEST)) ** 0.5  # calibrated on some, judged on others
        assert column[TEST].mean() == pytest.approx(expected[TEST].mean(), abs=float(5 * chance)), name
        assert task in ("excess", "loss") or 0 <= column.min() <= column.max() <= 1, name


def test_calms_classifier_is_logistic_regression() -> None:
    """Fitted on fit rows, and once more, by its score alone, on select rows."""
    hidden, agrees = MODEL.states[1].numpy(), MODEL.argmax[1] == MODEL.argmax[5]
    score = LogisticRegression(C=np.inf).fit(hidden[FIT], agrees[FIT]).decision_function(hidden)[:, None]
    best = LogisticRegression(C=np.inf).fit(score[SELECT], agrees[SELECT]).predict_proba(score)[:, 1]
    found = MODEL.fit("linear_agrees", learning_rate=2e-2, max_epochs=100).say(MODEL.states)
    np.testing.assert_allclose(found["1/linear_agrees"], best, rtol=0, atol=0.03)


def test_what_a_probe_says_does_not_hang_on_the_batch_nor_on_the_number_of_threads(
    probes: ExitProbes, said: dict[str, np.ndarray]
) -> None:
    parts = [{layer: state[rows] for layer, state in MODEL.states.items()} for rows in (slice(0, 1), slice(1, 5_000))]
    for part, rows in zip(parts, (slice(0, 1), slice(1, 5_000)), strict=True):
        for name, column in probes.say(part).items():
            np.testing.assert_allclose(column, said[name][rows], rtol=1e-5, atol=1e-5, err_msg=name)
    assert all(column.shape == (0,) for column in probes.say({k: s[:0] for k, s in MODEL.states.items()}).values())
    few = {"linear_agrees", "mlp_change_excess", "mlp_stays"}
    torch.set_num_threads(2)
    try:
        again = MODEL.fit(*few).say(MODEL.states)
    finally:
        torch.set_num_threads(1)
    assert len(again) == 9
    for name, column in again.items():
        np.testing.assert_array_equal(column, said[name], err_msg=name)


def test_only_fit_and_select_rows_are_learnt_from(said: dict[str, np.ndarray]) -> None:
    loss = {exit: column.copy() for exit, column in MODEL.loss.items()}
    argmax = {exit: column.copy() for exit, column in MODEL.argmax.items()}
    for exit in EXITS:
        loss[exit][TEST] = 50 - loss[exit][TEST]
        argmax[exit][TEST] = 3
    states = {layer: torch.cat([state[: TEST[0]], -state[TEST[0] :]]) for layer, state in MODEL.states.items()}
    other = MODEL.fit("mlp_stays", "linear_change_excess", states=states, loss=loss, argmax=argmax).say(MODEL.states)
    for name, column in other.items():
        np.testing.assert_array_equal(column, said[name], err_msg=name)


def test_they_come_back_from_a_file_to_the_bit(probes: ExitProbes, said: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "probes.safetensors"
    probes.save(path, {"run": "made up"})
    back = ExitProbes.load(path)
    assert list(back.networks) == list(probes.networks)
    for name, column in back.say(MODEL.states).items():
        np.testing.assert_array_equal(column, said[name], err_msg=name)
    first = path.read_bytes()
    back.save(path, {"run": "made up"})
    assert path.read_bytes() == first
    path.write_bytes(first[:-9])
    with pytest.raises(InputError, match=r"probes\.safetensors: not a readable safetensors file"):
        ExitProbes.load(path)
    for name in ("head", "1/mlp_agrees/mean", "1/mlp_easy/mean", "one/mlp_agrees/mean"):
        write_tensors(path, {name: torch.ones(3)}, {})
        with pytest.raises(InputError, match=r"probes\.safetensors: not what probes at exits are stored as"):
            ExitProbes.load(path)


def test_the_summary_says_what_each_costs_and_how_it_went(probes: ExitProbes) -> None:
    summary = json.loads(json.dumps(probes.summary))
    assert summary["left_out"] == []
    assert summary["costs"]["4/linear_agrees"] == {"multiply_adds": 6}
    assert summary["costs"]["4/mlp_change_excess"] == {"multiply_adds": 13 * 24}
    sizes = Sizes(dim=DIM, words=100, units=24)
    for name, cost in summary["costs"].items():
        known = find(name.split("/")[1])
        if known.name not in PROBES:
            assert known.multiply_adds is not None
            assert cost == {"multiply_adds": known.multiply_adds(sizes)}
    assert [(entry["exit"], entry["probe"]) for entry in summary["probes"]] == list(probes.networks)
    for entry in summary["probes"]:
        assert 1 <= entry["best_epoch"] <= entry["epochs"] <= 12
        assert {"seed", "error", "seconds", "slope", "intercept"} <= entry.keys()


def test_half_precision_is_read_as_it_is_though_a_change_may_be_beyond_it(said: dict[str, np.ndarray]) -> None:
    half = {layer: state.half() for layer, state in MODEL.states.items()}
    half[3][:, 5], half[4][:, 5] = -40_000, 40_000
    for name, column in MODEL.fit("mlp_change_agrees", "linear_loss", states=half).say(half).items():
        assert np.corrcoef(column, said[name])[0, 1] > 0.99, name


def test_a_label_that_is_the_same_everywhere_is_left_out_with_the_reason() -> None:
    argmax = MODEL.argmax | {1: np.where(np.isin(np.arange(ROWS), FIT), 3, MODEL.argmax[1]), 4: MODEL.argmax[5]}
    argmax[2] = np.where(np.isin(np.arange(ROWS), SELECT), MODEL.argmax[5], MODEL.argmax[2])
    found = MODEL.fit(
        "linear_agrees", "linear_stays", "linear_loss", argmax=argmax, settings=SETTINGS | {"max_epochs": 1}
    )
    assert list(found.networks) == [(1, "linear_loss"), (2, "linear_loss"), (4, "linear_loss")]
    assert found.summary["left_out"] == [
        [1, "linear_agrees", "the same for all 4500 fit rows"],
        [1, "linear_stays", "the same for all 4500 fit rows"],
        [2, "linear_agrees", "the same for all 2250 select rows"],
        [2, "linear_stays", "the same for all 2250 select rows"],
        [4, "linear_agrees", "the same for all 4500 fit rows"],
        [4, "linear_stays", "the same for all 4500 fit rows"],
    ]
    assert set(found.say(MODEL.states)) == {"1/linear_loss", "2/linear_loss", "4/linear_loss"}


def test_a_change_is_from_the_state_read_before_and_the_first_exit_has_none() -> None:
    states, wanted = {exit: MODEL.states[exit] for exit in EXITS[:-1]}, ("linear_loss", "linear_change_agrees")
    found = MODEL.fit(*wanted, states=states, max_epochs=1)
    assert list(found.networks) == [(1, "linear_loss"), *((exit, probe) for exit in (2, 4) for probe in wanted)]
    assert found.summary["left_out"] == [[1, "linear_change_agrees", "no exit before it"]]
    between = states | {0: MODEL.states[0], 3: MODEL.states[2]}  # as if layer 3 had changed nothing
    other = MODEL.fit(*wanted, states=between, max_epochs=1).say(between)
    assert all(np.array_equal(column, other[name]) for name, column in found.say(states).items())


def test_bad_input_is_named(probes: ExitProbes) -> None:
    for value in (float("nan"), float("inf")):
        broken = {layer: state.clone() for layer, state in MODEL.states.items()}
        broken[3][[5, 7], 1] = value
        for use in (lambda states: MODEL.fit(states=states), probes.say):
            with pytest.raises(InputError, match=rf"^exit 4: 2 of {ROWS} states after layer 3 are not finite"):
                use(broken)
    with pytest.raises(InputError, match=r"^exit 2: losses that are not finite"):
        MODEL.fit(loss=MODEL.loss | {2: MODEL.loss[2] * np.nan})
    with pytest.raises(InputError, match=r"learning_rate: 1e\+30; excess diverged"):
        MODEL.fit("mlp_excess", learning_rate=1e30)
