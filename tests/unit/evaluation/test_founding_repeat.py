"""The founding repeat's activations: the figures that its EXPECTED.md gives, to the last printed digit."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from easyhard.evaluation.columns import finite
from easyhard.evaluation.loss_distribution import describe_loss
from easyhard.evaluation.separation import separation_rows, threshold_rows

from .simulated import figures

SHARED = Path(os.environ.get("EASYHARD_SHARED", "../shared"))
ACTIVATIONS = SHARED / "data" / "founding-repeat" / "activations.npz"
pytestmark = pytest.mark.skipif(not ACTIVATIONS.exists(), reason=f"{ACTIVATIONS} is not at hand")

Arrays = dict[str, np.ndarray]
Printed = dict[str, str]


@pytest.fixture(scope="module")
def repeat() -> Arrays:
    with np.load(ACTIVATIONS) as arrays:
        return {name: arrays[name] for name in ("hidden", "head")} | {"loss": finite("loss", arrays["loss"])}


@pytest.fixture(scope="module")
def max_logit(repeat: Arrays) -> np.ndarray:
    """Tile by tile, so that a tile of logits stays in cache."""
    hidden, head = torch.from_numpy(repeat["hidden"]), torch.from_numpy(repeat["head"])
    highest = [torch.stack([(h @ w.T).amax(1) for w in head.split(2_048)]).amax(0) for h in hidden.split(2_048)]
    return finite("max_logit", torch.cat(highest).numpy())


def printed(rows: dict[str, float | None], formats: Printed) -> Printed:
    return {name: format(rows[name], spec) for name, spec in formats.items()}


def test_separation(repeat: Arrays, max_logit: np.ndarray) -> None:
    mean_logit = repeat["hidden"].astype(np.float64) @ repeat["head"].mean(axis=0, dtype=np.float64)
    rows = separation_rows({"max_logit": max_logit, "max_minus_mean": max_logit - mean_logit}, repeat["loss"])
    formats = dict.fromkeys(("pearson", "mean", "std"), ".4f")
    formats |= dict.fromkeys(("easy_loss", "hard_loss", "loss_diff"), ".2f") | {"oracle_share": ".1%"}
    expected = {
        "max_logit": ("-0.2907", "8.0843", "1.2039", "5.88", "7.77", "1.89", "25.9%"),
        "max_minus_mean": ("-0.2979", "13.3640", "1.4649", "5.80", "7.85", "2.05", "28.1%"),
        "oracle": ("1.0000", "6.8273", "4.4631", "3.18", "10.47", "7.29", "100.0%"),
    }
    for signal, values in expected.items():
        assert tuple(printed(figures(rows, signal), formats).values()) == values


def test_loss_distribution(repeat: Arrays) -> None:
    loss = repeat["loss"]
    rows = describe_loss(loss, np.arange(len(loss)) // 32, np.zeros(len(loss), dtype=bool), seed=42)
    found = figures(rows, "loss")
    formats = dict.fromkeys(("mean", "std", "min", "max"), ".4f") | {"loss_diff": ".2f", "cohens_d": ".2f"}
    assert tuple(printed(found, formats).values()) == ("6.8273", "4.4631", "0.0450", "21.7739", "7.29", "2.83")
    assert found["modes"] == 3
    assert [found[f"mode_{k}"] for k in (1, 2, 3)] == pytest.approx([1.8, 8, 16.7], abs=0.2)


def test_the_targets_probability_is_the_oracle(repeat: Arrays) -> None:
    found = figures(threshold_rows(np.exp(-repeat["loss"]), repeat["loss"]), "median")
    assert format(found["loss_diff"], ".2f") == "7.29"
