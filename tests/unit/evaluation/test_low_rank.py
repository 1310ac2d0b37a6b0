"""Low rank against a brute-force head: every figure of an item, and full rank equal to the exact one."""

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.evaluation.low_rank import low_rank_rows
from easyhard.evaluation.separation import separation_rows

RANDOM = np.random.default_rng(0)
HIDDEN, HEAD = RANDOM.normal(size=(300, 6)), RANDOM.normal(size=(50, 6))
LOSS = RANDOM.gamma(2.0, 3.0, size=300)
COSTS = {"coverage": 0.5, "logits_pearson": 0.9, "seconds": 1.5}


def metrics(head: np.ndarray) -> dict[str, np.ndarray]:
    logits = HIDDEN @ head.T
    top = np.sort(logits, axis=1)
    p = np.exp(logits - top[:, -1:])
    p /= p.sum(axis=1, keepdims=True)
    return {
        "max_probability": p.max(axis=1),
        "max_logit": top[:, -1],
        "max_minus_mean": top[:, -1] - logits.mean(axis=1),
        "margin": top[:, -1] - top[:, -2],
        "entropy": -(p * np.log(p)).sum(axis=1),
    }


def at_rank(rank: int) -> dict[str, np.ndarray]:
    u, s, v = np.linalg.svd(HEAD, full_matrices=False)
    return metrics(u[:, :rank] * s[:rank] @ v[:rank])


EXACT = metrics(HEAD)
APPROXIMATIONS = {f"plain/{rank}/{name}": values for rank in (2, 6) for name, values in at_rank(rank).items()}


def test_figures_against_numpy() -> None:
    rows = low_rank_rows(APPROXIMATIONS, EXACT, LOSS, {"plain": {"2": COSTS, "6": COSTS}})
    assert {row.item for row in rows} == {"plain/2", "plain/6"}
    found = {row.metric: row.value for row in rows if row.item == "plain/2"}
    assert {name: found[name] for name in COSTS} == COSTS
    low = at_rank(2)
    for name, values in EXACT.items():
        assert found[f"{name}_pearson"] == pytest.approx(np.corrcoef(low[name], values)[0, 1])
    assert found["max_probability_mse"] == pytest.approx(
        np.mean((low["max_probability"] - EXACT["max_probability"]) ** 2)
    )
    easy = low["max_minus_mean"] >= np.median(low["max_minus_mean"])
    assert found["loss_diff"] == pytest.approx(LOSS[~easy].mean() - LOSS[easy].mean())


def test_full_rank_is_exact() -> None:
    rows = low_rank_rows(APPROXIMATIONS, EXACT, LOSS, {"plain": {"6": COSTS}})
    found = {row.metric: row.value for row in rows}
    assert all(found[f"{name}_pearson"] == pytest.approx(1) for name in EXACT)
    assert found["max_probability_mse"] == pytest.approx(0, abs=1e-20)
    separation = separation_rows({"max_minus_mean": EXACT["max_minus_mean"]}, LOSS)
    exact = {row.metric: row.value for row in separation if row.item == "max_minus_mean"}
    for name in ("easy_loss", "hard_loss", "loss_diff", "oracle_share"):
        assert found[name] == pytest.approx(exact[name])


def test_rank_2_is_not_mixed_with_rank_20() -> None:
    noise = {f"plain/20/{name}": RANDOM.normal(size=300) for name in EXACT}
    with_noise = low_rank_rows(noise | APPROXIMATIONS, EXACT, LOSS, {"plain": {"2": COSTS}})
    assert with_noise == low_rank_rows(APPROXIMATIONS, EXACT, LOSS, {"plain": {"2": COSTS}})


def test_missing_and_bad_columns_are_named() -> None:
    with pytest.raises(
        InputError, match="low rank: no column plain/3/max_minus_mean; it holds plain/2/max_probability"
    ):
        low_rank_rows(APPROXIMATIONS, EXACT, LOSS, {"plain": {"3": COSTS}})
    with pytest.raises(InputError, match="plain/2/margin: 300 of 300 values are not finite"):
        low_rank_rows(APPROXIMATIONS | {"plain/2/margin": np.full(300, np.nan)}, EXACT, LOSS, {"plain": {"2": COSTS}})
    shorter = {name: values[:299] for name, values in EXACT.items()}
    with pytest.raises(InputError, match="plain/2/max_probability: 300 tokens; 299 are wanted"):
        low_rank_rows(APPROXIMATIONS, shorter, LOSS[:299], {"plain": {"2": COSTS}})
