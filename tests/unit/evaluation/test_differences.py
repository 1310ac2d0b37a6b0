"""Who is compared with whom, and what family each p-value belongs to."""

import math

import numpy as np
import pytest

from easyhard.evaluation.differences import Standing, difference_rows
from easyhard.evaluation.resampling import interval, p_value

CLUSTERS = 40
RANDOM = np.random.default_rng(0)
SHARED = RANDOM.normal(0, 0.02, 500)


def standing(name: str, needs: str, select_auroc: float, auroc: float, select_augrc: float = 2.5) -> Standing:
    estimate = np.append(auroc, auroc + SHARED + RANDOM.normal(0, 0.01, 500))
    return Standing(name, needs, 1.0, {"hard": select_auroc}, {"hard": estimate}, select_augrc, 3 - estimate)


STANDINGS = [
    standing("oracle", "target", 1.0, 1.0),
    standing("entropy", "head", 0.74, 0.70),
    standing("max_logit", "head", 0.72, 0.73, select_augrc=2.4),  # the best by AUGRC
    standing("norm", "hidden", 0.55, 0.56),
    standing("probe", "hidden", 0.73, 0.72),
    standing("twin", "hidden", 0.73, 0.74),
    standing("position", "context", 0.51, 0.52),
]


def rows_by_name(standings: list[Standing]) -> dict:
    return {(row.item, row.metric): row for row in difference_rows(standings, CLUSTERS)}


ROWS, BY_NAME = rows_by_name(STANDINGS), {entry.name: entry for entry in STANDINGS}


def test_the_best_of_a_class_is_chosen_on_select_and_oracles_are_in_none() -> None:
    bests = {item for (item, metric), row in ROWS.items() if metric == "is_class_best" and row.value == 1}
    assert bests == {"entropy", "probe", "position"}
    assert not any(item == "oracle" for item, _ in ROWS)
    assert [ROWS[name, "is_head_lowest"].value for name in ("entropy", "max_logit")] == [0, 1]
    expected = BY_NAME["twin"].augrc - BY_NAME["max_logit"].augrc
    assert ROWS["twin", "augrc_from_head_lowest"].value == expected[0]


def test_differences_are_paired_and_signed() -> None:
    for item, best, metric, suffix in (
        ("max_logit", "entropy", "auroc", "class"),
        ("twin", "probe", "auroc", "class"),
        ("twin", "entropy", "auroc", "head"),
        ("position", "entropy", "augrc", "head"),
    ):
        row = ROWS[item, f"{metric}_from_{suffix}_best"]
        expected = getattr(BY_NAME[item], metric) - getattr(BY_NAME[best], metric)
        assert row.value == expected[0]
        assert (row.ci_low, row.ci_high) == interval(expected, CLUSTERS)
        assert row.ci_high - row.ci_low < 0.08  # unpaired it would be 0.12


def test_families() -> None:
    assert {item for item, metric in ROWS if metric == "auroc_from_class_best_p"} == {"max_logit", "norm", "twin"}
    for metric in ("auroc", "augrc"):
        family = {item for item, name in ROWS if name == f"{metric}_from_head_best_p"}
        assert family == {"norm", "probe", "twin", "position"}
        raw = p_value(getattr(BY_NAME["norm"], metric) - getattr(BY_NAME["entropy"], metric), CLUSTERS)
        assert raw < ROWS["norm", f"{metric}_from_head_best_p"].value <= 4 * raw * (1 + 1e-12)
    lone = p_value(BY_NAME["max_logit"].auroc - BY_NAME["entropy"].auroc, CLUSTERS)
    assert ROWS["max_logit", "auroc_from_class_best_p"].value == lone


def test_without_a_head_or_a_rival_there_is_nothing_to_compare() -> None:
    rows = rows_by_name([entry for entry in STANDINGS if entry.needs in ("target", "context")])
    assert [(name, row.value) for name, row in rows.items()] == [(("position", "is_class_best"), 1.0)]


def test_what_is_undefined_has_no_p() -> None:
    nothing = np.full(501, math.nan)
    unknown = Standing("blind", "head", 1.0, {"hard": 0.5}, {"hard": nothing}, 3.0, nothing)
    rows = rows_by_name([*STANDINGS, unknown])
    row = rows["blind", "auroc_from_class_best"]
    assert (row.value, row.ci_low) == (None, None)
    assert rows["blind", "auroc_from_class_best_p"].value is None
    name = ("max_logit", "auroc_from_class_best_p")
    assert rows[name].value == pytest.approx(ROWS[name].value)
