"""The registry: names that others rely on, and orientations that hold for a calibrated model."""

import subprocess
import sys

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.signals.registry import SIGNALS, find

BINDING = {
    "oracle",
    "target_probability",
    "max_probability",
    "max_logit",
    "max_minus_mean",
    "margin",
    "entropy",
    "exit_classifier",
}


def test_names_are_unique_and_the_binding_ones_are_there() -> None:
    names = [signal.name for signal in SIGNALS]
    assert len(set(names)) == len(names)
    assert set(names) >= BINDING


def test_only_what_sees_the_target_is_called_an_oracle() -> None:
    assert {signal.name for signal in SIGNALS if signal.needs == "target"} == {"oracle", "target_probability"}


def test_find_returns_the_entry_and_names_the_known_ones_otherwise() -> None:
    assert find("entropy").name == "entropy"
    with pytest.raises(InputError, match=r"signal 'entropie' is not known; wanted one of oracle, .*entropy"):
        find("entropie")


def test_orientations_hold_when_targets_are_drawn_from_the_model() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(20_000, 12)) * random.uniform(0.2, 4.0, size=(20_000, 1))
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    p = np.exp(log_p)
    target = (p.cumsum(axis=1) > random.uniform(size=(20_000, 1))).argmax(axis=1)
    loss = -log_p[np.arange(20_000), target]
    top = np.sort(logits, axis=1)
    values = {
        "oracle": loss,
        "target_probability": np.exp(-loss),
        "max_probability": p.max(axis=1),
        "max_logit": top[:, -1],
        "max_minus_mean": top[:, -1] - logits.mean(axis=1),
        "margin": top[:, -1] - top[:, -2],
        "entropy": -(p * log_p).sum(axis=1),
    }
    for name, column in values.items():
        correlation = np.corrcoef(column, loss)[0, 1]
        assert abs(correlation) > 0.1, name
        assert (correlation < 0) == find(name).high_means_easy, name


@pytest.mark.parametrize("module", ["signals.registry", "signals.store", "probes.store", "evaluation.low_rank"])
def test_torch_stays_out(module: str) -> None:
    code = f"import sys, easyhard.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0
