"""Low rank on test rows against a brute-force head, before and after refining."""

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.evaluation.fair_low_rank import fair_low_rank_rows
from easyhard.evaluation.rows import Row

RANDOM = np.random.default_rng(0)
HIDDEN, HEAD = RANDOM.normal(size=(255, 6)), RANDOM.normal(size=(50, 6))
REFINED_WORDS = 5
COSTS = {"coverage": 0.5, "multiply_adds": 112.0, "cost_share": 0.37}


def metrics(logits: np.ndarray) -> dict[str, np.ndarray]:
    top = np.sort(logits, axis=1)
    p = np.exp(logits - top[:, -1:])
    p /= p.sum(axis=1, keepdims=True)
    return {
        "max_probability": p.max(axis=1),
        "max_logit": top[:, -1],
        "max_minus_mean": top[:, -1] - logits.mean(axis=1),
        "margin": top[:, -1] - top[:, -2],
        "entropy": -(p * np.log(p)).sum(axis=1),
        "argmax": logits.argmax(axis=1),
    }


def approximations(item: str, rank: int) -> dict[str, np.ndarray]:
    u, s, v = np.linalg.svd(HEAD, full_matrices=False)
    preview = HIDDEN @ (u[:, :rank] * s[:rank] @ v[:rank]).T
    first = np.argsort(-preview, axis=1)[:, :REFINED_WORDS]
    refined = preview.copy()
    np.put_along_axis(refined, first, np.take_along_axis(HIDDEN @ HEAD.T, first, axis=1), axis=1)
    named = {f"refined_{name}": values for name, values in metrics(refined).items()}
    return {f"{item}/{name}": values for name, values in (metrics(preview) | named).items()}


EXACT = metrics(HIDDEN @ HEAD.T)
COLUMNS = approximations("plain/3", 3) | approximations("plain/6", 6)


def figures(rows: list[Row], item: str) -> dict[str, float | None]:
    return {row.metric: row.value for row in rows if row.item == item}


def test_figures_against_numpy() -> None:
    rows = fair_low_rank_rows(COLUMNS, EXACT, {"plain/3": COSTS})
    found = figures(rows, "plain/3")
    assert {row.section for row in rows} == {"fair_low_rank"}
    assert {name: found[name] for name in COSTS} == COSTS
    for name in ("max_probability", "max_logit", "max_minus_mean", "margin", "entropy"):
        for kept in (name, f"refined_{name}"):
            r = np.corrcoef(COLUMNS[f"plain/3/{kept}"], EXACT[name])[0, 1]
            assert found[f"{kept}_pearson"] == pytest.approx(r)
    assert found["argmax_kept"] == (COLUMNS["plain/3/argmax"] == EXACT["argmax"]).mean()
    assert found["argmax_kept_refined"] == (COLUMNS["plain/3/refined_argmax"] == EXACT["argmax"]).mean()
    assert 0.2 < found["argmax_kept"] < found["argmax_kept_refined"] < 1
    assert set(found) == {
        *COSTS,
        *("argmax_kept", "argmax_kept_refined"),
        *(f"{kept}{name}_pearson" for kept in ("", "refined_") for name in EXACT if name != "argmax"),
    }


def test_full_rank_is_exact() -> None:
    found = figures(fair_low_rank_rows(COLUMNS, EXACT, {"plain/6": COSTS}), "plain/6")
    assert all(value == pytest.approx(1) for name, value in found.items() if name not in COSTS)


def test_rank_3_is_not_mixed_with_rank_32_and_unknown_metrics_are_passed_over() -> None:
    more = {f"plain/32/{name}": RANDOM.normal(size=255) for name in EXACT} | {"plain/3/seconds": np.ones(7)}
    assert fair_low_rank_rows(more | COLUMNS, EXACT, {"plain/3": COSTS}) == fair_low_rank_rows(
        COLUMNS, EXACT, {"plain/3": COSTS}
    )


def test_a_constant_metric_has_no_correlation() -> None:
    rows = fair_low_rank_rows({"plain/1/margin": np.ones(255)}, EXACT, {"plain/1": COSTS})
    assert figures(rows, "plain/1") == COSTS | {"margin_pearson": None}


def test_missing_and_bad_columns_are_named() -> None:
    with pytest.raises(InputError, match=r"low rank: no column plain/4/… of max_probability.*; it holds plain/3/"):
        fair_low_rank_rows(COLUMNS, EXACT, {"plain/4": COSTS})
    with pytest.raises(InputError, match="costs of plain/3: no multiply_adds, cost_share; all of coverage"):
        fair_low_rank_rows(COLUMNS, EXACT, {"plain/3": {"coverage": 1.0}})
    with pytest.raises(InputError, match="plain/3/margin: 254 tokens; 255 are wanted"):
        fair_low_rank_rows(COLUMNS | {"plain/3/margin": np.ones(254)}, EXACT, {"plain/3": COSTS})
    with pytest.raises(InputError, match="plain/3/entropy: 255 of 255 values are not finite"):
        fair_low_rank_rows(COLUMNS | {"plain/3/entropy": np.full(255, np.nan)}, EXACT, {"plain/3": COSTS})
