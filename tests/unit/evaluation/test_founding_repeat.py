"""The founding repeat's activations: the figures that its EXPECTED.md gives, to the last printed digit."""

import os
from pathlib import Path

import numpy as np
import pytest

from easyhard.evaluation.columns import finite
from easyhard.evaluation.loss_distribution import describe_loss
from easyhard.evaluation.separation import threshold_rows

from .simulated import figures

SHARED = Path(os.environ.get("EASYHARD_SHARED", "../shared"))
ACTIVATIONS = SHARED / "data" / "founding-repeat" / "activations.npz"
pytestmark = pytest.mark.skipif(not ACTIVATIONS.exists(), reason=f"{ACTIVATIONS} is not at hand")


@pytest.fixture(scope="module")
def loss() -> np.ndarray:
    with np.load(ACTIVATIONS) as arrays:
        return finite("loss", arrays["loss"])


def test_loss_distribution(loss: np.ndarray) -> None:
    rows = describe_loss(loss, np.arange(len(loss)) // 32, np.zeros(len(loss), dtype=bool), seed=42)
    found = figures(rows, "loss")
    formats = dict.fromkeys(("mean", "std", "min", "max"), ".4f")
    formats |= dict.fromkeys(("easy_mean", "hard_mean", "loss_diff", "cohens_d"), ".2f")
    expected = ("6.8273", "4.4631", "0.0450", "21.7739", "3.18", "10.47", "7.29", "2.83")
    assert tuple(format(found[name], spec) for name, spec in formats.items()) == expected
    assert found["modes"] == 3
    assert [found[f"mode_{k}"] for k in (1, 2, 3)] == pytest.approx([1.8, 8, 16.7], abs=0.2)


def test_the_targets_probability_is_the_oracle(loss: np.ndarray) -> None:
    found = figures(threshold_rows(np.exp(-loss), loss), "median")
    assert format(found["loss_diff"], ".2f") == "7.29"
