"""Charts of details and of the founding experiment show the figures and the tokens that they are made of."""

import json
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from easyhard.evaluation.density import loss_density
from easyhard.report import detail_charts, founding_charts, token_charts
from easyhard.report.chart import Chart, spec, svg
from easyhard.report.gallery import charts_of
from easyhard.report.items import used_bins
from easyhard.report.metrics import Figures

from .conftest import Make
from .test_charts import MOST_BYTES

RANDOM = np.random.default_rng(0)
LOSS = RANDOM.gamma(2, 2, 4000)


def row(chart: Chart | None, **names: object) -> dict:
    assert chart is not None
    [found] = chart.data.filter([pl.col(name) == value for name, value in names.items()]).to_dicts()
    return found


def check(chart: Chart) -> None:
    drawing = svg(chart)
    ElementTree.fromstring(drawing)
    assert "NaN" not in drawing
    assert len(json.dumps(spec(chart))) < MOST_BYTES


@pytest.mark.parametrize(
    ("draw", "figure", "names"),
    [
        (
            detail_charts.low_rank_kinds,
            "fair_low_rank/weighted/10/refined_max_probability_pearson",
            {"kind": "weighted", "rank": 10, "preview": "refined", "what": "r of the max probability"},
        ),
        (
            detail_charts.low_rank_kinds,
            "fair_signals/plain/5/entropy/auroc_loss_over_3",
            {"kind": "plain", "rank": 5, "preview": "as it is", "what": "AUROC of low-rank entropy"},
        ),
        (
            detail_charts.learning_curve,
            "fair_learning/mlp_easy/0.5/auroc",
            {"probe": "MLP of loss > 3", "tokens": 87_500},
        ),
        (
            detail_charts.strata,
            "fair_strata/entropy/auroc_frequency_over_1000",
            {"of": "target seen in training", "stratum": "over 1000", "signal": "entropy"},
        ),
    ],
)
def test_a_figure_stands_where_it_belongs(make_fair: Make, draw: Callable, figure: str, names: dict) -> None:
    best = {f"fair_differences/{name}/is_class_best": float(name == "entropy") for name in ("entropy", "stack_head")}
    chart = draw(make_fair({**best, figure: [0.6, 0.5, 0.7]}))
    found = row(chart, **names)
    assert (found["value"], found["low"], found["high"]) == (0.6, 0.5, 0.7)
    check(chart)


def test_reliability_has_the_bins_that_hold_tokens(make_fair: Make) -> None:
    bins = used_bins(make_fair())
    chart = detail_charts.reliability(make_fair({f"fair_calibration/{bins[0]}/tokens": 0.0}))
    assert chart.data.height == len(bins) - 1
    check(chart)


def test_there_are_no_strata_where_nothing_is_known_of_targets(make_fair: Make) -> None:
    figures = make_fair()
    names = [
        f"fair_strata/{item}/{metric}"
        for item in figures.items("fair_strata")
        for metric in figures.metrics("fair_strata", item)
    ]
    assert detail_charts.strata(make_fair(dict.fromkeys(names))) is None


def test_founding_charts_show_the_figures(make_figures: Make) -> None:
    chart = founding_charts.separation(make_figures({"separation/margin/loss_diff": 3.655}))
    found = row(chart, method="margin")
    assert (found["value"], found["told"]) == (3.655, "50.0 %")
    assert row(chart, method="MLP-2 classifier, own cut")["told"].startswith("calls ")
    low_rank = founding_charts.plain_low_rank(make_figures({"low_rank/plain/10/margin_pearson": 0.5}))
    assert row(low_rank, metric="margin", rank="10")["value"] == 0.5
    assert set(charts_of(None, make_figures())) == {"separation", "low_rank"}
    check(chart)
    check(low_rank)


def test_training_marks_the_epoch_that_is_kept() -> None:
    chart = token_charts.training_curve([900.0, 500.0, 300.0], [800.0, 600.0, 650.0])
    assert "the epoch that is kept, 2." in chart.says
    assert row(chart, text="validation", epoch=3)["perplexity"] == 650
    check(chart)


def test_the_histogram_holds_every_token_once() -> None:
    unseen = RANDOM.random(len(LOSS)) < 0.1
    chart = token_charts.loss_histogram(LOSS, unseen, loss_density(LOSS))
    area = chart.data.with_columns(area=(pl.col("to") - pl.col("from")) * (pl.col("top") - pl.col("bottom")))
    assert area["area"].sum() == pytest.approx(1)
    assert area.filter(pl.col("target") == "never seen in training")["area"].sum() == pytest.approx(unseen.mean())
    check(chart)


def test_density_panels_follow_the_tokens() -> None:
    signals = {
        "entropy": (LOSS + RANDOM.normal(size=len(LOSS))).astype(np.float32),
        "margin": np.ones(len(LOSS), np.float32),
    }
    chart = token_charts.signals_against_loss(LOSS, signals)
    means = chart.data.filter(pl.col("panel").str.starts_with("entropy"))
    assert np.corrcoef(means["centre"], means["mean"])[0, 1] > 0.95
    assert chart.data.group_by("panel").len()["len"].to_list() == [token_charts.MEAN_BINS] * 2
    cells = [pl.DataFrame(own) for own in spec(chart)["datasets"].values() if "tokens" in own[0]]
    assert all(0.95 * len(LOSS) < own["tokens"].sum() <= len(LOSS) for own in cells)
    check(chart)


def test_density_panels_stay_small_however_full_and_their_cells_lie_on_the_tokens() -> None:
    names = (*token_charts.SHOWN, "exit_classifier")
    full = {name: RANDOM.uniform(-1000, 3000, 200_000) for name in names}
    chart = token_charts.signals_against_loss(RANDOM.uniform(0, 12, 200_000), full)
    check(chart)
    cells = spec(chart)["concat"][0]["layer"][0]
    assert len(spec(chart)["datasets"][cells["data"]["name"]]) == token_charts.DENSITY_BINS**2
    made = {own["as"]: own["calculate"] for own in cells["transform"]}
    for name, number, low, high in (("x", "column", -1000, 3000), ("y", "row", 0, 12)):
        start, step = map(float, made[name].split(f" + datum.{number} * "))
        assert made[f"{name}2"] == f"{start} + (datum.{number} + 1) * {step}"
        ends = start, start + token_charts.DENSITY_BINS * step
        assert ends == pytest.approx((low, high), abs=0.01 * (high - low))


def test_regression_is_judged_on_its_own_test_tokens() -> None:
    tested = RANDOM.random(len(LOSS)) < 0.2
    predicted = np.where(tested, LOSS / 2, np.nan)
    chart = token_charts.regression(LOSS, {"regression/linear": predicted})
    assert set(chart.data["panel"]) == {"linear, r = 1.000"}
    assert chart.data["mean"].to_numpy() == pytest.approx(chart.data["centre"].to_numpy() / 2, rel=0.2)
    assert token_charts.correlation(np.ones(3), np.arange(3.0)) == "–"
    check(chart)


def test_all_charts_of_both_protocols(make_fair: Make, make_figures: Make, bare_fair: Figures) -> None:
    assert list(charts_of(make_fair(), make_figures()))[:3] == ["pareto", "policies", "policies_alone"]
    assert charts_of(None) == {}
