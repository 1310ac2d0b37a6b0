"""The founding repeat's activations give the figures that came with them, to the last printed digit.

Needs data/founding-repeat/activations.npz in the folder that EASYHARD_SHARED names (default ../shared).
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from easyhard.logits.low_rank import LowRankSweep, logits_pearson

DATA = Path(os.environ.get("EASYHARD_SHARED", "../shared")) / "data" / "founding-repeat" / "activations.npz"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not at hand")

Columns = dict[str, np.ndarray]
Swept = tuple[LowRankSweep, dict[int, Columns]]  # statistics by rank
# r with loss, mean, std, easy, hard, Loss Diff
SEPARATION = {
    "max_probability": (-0.2558, 0.1741, 0.1341, 5.99, 7.67, 1.68),
    "max_logit": (-0.2907, 8.0843, 1.2039, 5.88, 7.77, 1.89),
    "max_minus_mean": (-0.2979, 13.3640, 1.4649, 5.80, 7.85, 2.05),
    "margin": (-0.1030, 0.8790, 0.7816, 6.54, 7.12, 0.58),
}
# max probability at least: tokens, r with loss of max probability, max logit, max - mean, margin
CONFIDENT = {
    0.3: (9062, -0.2683, -0.2860, -0.2839, -0.0795),
    0.5: (1856, -0.2556, -0.2185, -0.2608, -0.1022),
    0.6: (1033, -0.2149, -0.1714, -0.2294, -0.1026),
    0.7: (606, -0.1251, -0.1199, -0.1394, -0.0429),
    0.8: (349, -0.0284, -0.0140, -0.0910, -0.0465),
}
# coverage in percent, r of the logits, r of max probability, its mean square error, r of max logit, max - mean, margin.
# The r of the logits is not the one that came with the data (0.9412, 0.9442, 0.9471, 0.9502, 0.9548, 0.9594): that one
# is torch.corrcoef over 279 million float32 numbers, whose sums lose digits; these are the same in float64.
LOW_RANK = {
    1: (56.9, 0.9382, 0.1292, 0.041650, 0.2239, 0.5888, -0.1206),
    2: (58.0, 0.9414, 0.2613, 0.036727, 0.4083, 0.6673, 0.0544),
    5: (60.8, 0.9445, 0.2652, 0.036616, 0.4266, 0.6755, 0.0366),
    10: (64.9, 0.9479, 0.3459, 0.035569, 0.4512, 0.6806, 0.2878),
    20: (72.5, 0.9528, 0.3919, 0.035178, 0.4605, 0.6849, 0.3547),
    32: (81.1, 0.9577, 0.4548, 0.033669, 0.4934, 0.6993, 0.3054),
    64: (100.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0),
}
# easy, hard, Loss Diff by low-rank max - mean
LOW_RANK_SEPARATION = {
    5: (6.05, 7.61, 1.56),
    10: (6.11, 7.55, 1.44),
    20: (6.08, 7.57, 1.49),
    32: (6.05, 7.60, 1.55),
    64: (5.80, 7.85, 2.05),
}


@pytest.fixture(scope="module")
def data() -> Columns:
    with np.load(DATA) as arrays:
        return {name: arrays[name] for name in arrays.files}


def swept(data: Columns, ranks: list[int]) -> Swept:
    sweep = LowRankSweep(torch.from_numpy(data["head"]), ranks)
    found = sweep.run(torch.from_numpy(data["hidden"]))
    return sweep, {r: {name: column.double().numpy() for name, column in found[r].items()} for r in ranks}


@pytest.fixture(scope="module")
def some(data: Columns) -> Swept:
    """A low rank and the exact one, about 8 s on two free cores; all take 16 s."""
    return swept(data, [32, 64])


@pytest.fixture(scope="module")
def exact(some: Swept) -> Columns:
    return some[1][64]


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def separation(signal: np.ndarray, loss: np.ndarray) -> tuple[float, float, float]:
    easy = signal >= np.median(signal)
    low, high = float(loss[easy].mean()), float(loss[~easy].mean())
    return low, high, high - low


@pytest.mark.parametrize("name", SEPARATION)
def test_full_rank(name: str, data: Columns, exact: Columns) -> None:
    loss, signal = data["loss"].astype(np.float64), exact[name]
    r, mean, std, *halves = SEPARATION[name]
    assert round(pearson(signal, loss), 4) == r
    assert (round(float(signal.mean()), 4), round(float(signal.std()), 4)) == (mean, std)
    assert [round(value, 2) for value in separation(signal, loss)] == halves


@pytest.mark.parametrize("threshold", CONFIDENT)
def test_confident_tokens(threshold: float, data: Columns, exact: Columns) -> None:
    sure = exact["max_probability"] >= threshold
    tokens, *correlations = CONFIDENT[threshold]
    assert int(sure.sum()) == tokens
    assert [round(pearson(exact[name][sure], data["loss"][sure]), 4) for name in SEPARATION] == correlations


def assert_ranks(data: Columns, sweep: LowRankSweep, columns: dict[int, Columns]) -> None:
    exact = columns[64]
    correlations = logits_pearson(torch.from_numpy(data["hidden"]), sweep.moments, sweep.approximation, sweep.ranks)
    for rank, low in columns.items():
        coverage, logits, probability, error, *others = LOW_RANK[rank]
        assert round(100 * sweep.coverage(rank), 1) == coverage
        assert round(correlations[rank], 4) == logits
        assert round(pearson(low["max_probability"], exact["max_probability"]), 4) == probability
        squares = float(np.square(low["max_probability"] - exact["max_probability"]).mean())
        assert squares == pytest.approx(error, abs=1.1e-6)  # float32 softmax over 69,830 words is 3e-5 off, ours 3e-6
        for name, r in zip(("max_logit", "max_minus_mean", "margin"), others, strict=True):
            assert round(pearson(low[name], exact[name]), 4) == r, name
        if rank in LOW_RANK_SEPARATION:
            halves = separation(low["max_minus_mean"], data["loss"].astype(np.float64))
            assert tuple(round(value, 2) for value in halves) == LOW_RANK_SEPARATION[rank]


def test_low_rank(data: Columns, some: Swept) -> None:
    assert_ranks(data, *some)


@pytest.mark.slow
def test_every_low_rank(data: Columns) -> None:
    assert_ranks(data, *swept(data, list(LOW_RANK)))
