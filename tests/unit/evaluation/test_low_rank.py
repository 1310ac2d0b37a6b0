"""Low rank against a brute-force head, before and after refining: every figure of an item."""

import numpy as np
import pytest

from easyhard.evaluation.low_rank import low_rank_rows
from easyhard.evaluation.separation import separation_rows

from .simulated import figures, head_metrics

RANDOM = np.random.default_rng(0)
HIDDEN, HEAD = RANDOM.normal(size=(255, 6)), RANDOM.normal(size=(50, 6))
LOSS = RANDOM.gamma(2.0, 3.0, size=255)
REFINED_WORDS = 5
COSTS = {"coverage": 0.5, "multiply_adds": 112.0}
EXACT = head_metrics(HIDDEN @ HEAD.T)


def at_rank(item: str) -> dict[str, np.ndarray]:
    """The metrics of a preview, and refined: the words that it puts first have their exact logits."""
    rank = int(item.rpartition("/")[2])
    u, s, v = np.linalg.svd(HEAD, full_matrices=False)
    preview = HIDDEN @ (u[:, :rank] * s[:rank] @ v[:rank]).T
    first = np.argsort(-preview, axis=1)[:, :REFINED_WORDS]
    refined = preview.copy()
    np.put_along_axis(refined, first, np.take_along_axis(HIDDEN @ HEAD.T, first, axis=1), axis=1)
    return head_metrics(preview) | {f"refined_{name}": values for name, values in head_metrics(refined).items()}


def test_figures_against_numpy() -> None:
    rows = low_rank_rows("fair_low_rank", {"plain/3": COSTS}, at_rank, EXACT)
    found, low = figures(rows, "plain/3"), at_rank("plain/3")
    assert {row.section for row in rows} == {"fair_low_rank"}
    expected = dict(COSTS)
    for prefix in ("", "refined_"):
        for name in set(EXACT) - {"argmax"}:
            expected[f"{prefix}{name}_pearson"] = np.corrcoef(low[f"{prefix}{name}"], EXACT[name])[0, 1]
    for name, argmax in (("argmax_kept", "argmax"), ("argmax_kept_refined", "refined_argmax")):
        expected[name] = (low[argmax] == EXACT["argmax"]).mean()
    assert found == pytest.approx(expected)
    assert 0.2 < found["argmax_kept"] < found["argmax_kept_refined"] < 1


def test_with_losses_the_ranks_own_median_cut_is_judged() -> None:
    found = figures(low_rank_rows("low_rank", {"plain/2": {}}, at_rank, EXACT, LOSS), "plain/2")
    low = at_rank("plain/2")
    error = low["max_probability"] - EXACT["max_probability"]
    assert found["max_probability_mse"] == pytest.approx(np.mean(error**2))
    own = figures(separation_rows({"max_minus_mean": low["max_minus_mean"]}, LOSS), "max_minus_mean")
    for name in ("easy_loss", "hard_loss", "loss_diff", "oracle_share"):
        assert found[name] == own[name]


def test_what_the_exact_head_lacks_is_passed_over_and_a_constant_has_no_correlation() -> None:
    said = {"margin": np.ones(255), "refined_tail_mass_3": np.ones(255)}
    rows = low_rank_rows("low_rank", {"plain/1": COSTS}, lambda item: said, EXACT)
    assert figures(rows, "plain/1") == COSTS | {"margin_pearson": None}
