"""Charts show the figures: what is drawn, what is left out, and that nothing untrusted becomes more than text."""

import json
from xml.etree import ElementTree

import altair as alt
import polars as pl
import pytest

from easyhard.errors import InputError
from easyhard.report import charts, exit_charts, policy_charts
from easyhard.report.chart import Chart, spec, svg
from easyhard.report.gallery import charts_of
from easyhard.report.metrics import Figures
from easyhard.report.policies import ROLES

from . import made_up
from .conftest import Make

HOSTILE = ("<script>alert(1)</script>", "a.b[0]'s")
MOST_BYTES = 150_000


def drawn(chart: Chart | None, signal: str) -> dict:
    assert chart is not None
    [row] = chart.data.filter(pl.col("signal") == signal).iter_rows(named=True)
    return row


def layers(chart: Chart | None, kind: str) -> list[pl.DataFrame]:
    """What the marks of that kind are drawn from."""
    assert chart is not None
    made = spec(chart)
    own = [layer for layer in made["layer"] if layer["mark"]["type"] == kind]
    return [pl.DataFrame(made["datasets"][layer["data"]["name"]]) for layer in own]


def test_every_signal_of_known_cost_stands_at_its_cost_and_quality(make_fair: Make) -> None:
    chart = charts.pareto(make_fair({"fair_signals/entropy/auroc_loss_over_3": [0.7, 0.6, 0.8]}))
    row = drawn(chart, "entropy")
    assert (row["value"], row["low"], row["high"], row["needs"]) == (0.7, 0.6, 0.8, "a pass over the vocabulary")
    assert row["cost"] == pytest.approx(100 * made_up.HEAD / made_up.WHOLE)
    assert (row["AUROC"], row["share"]) == ("0.700 [0.600, 0.800]", "94 %")
    assert chart is not None
    assert not {"loss itself", "probability of the target"} & set(chart.data["signal"])
    without = charts.pareto(
        make_fair({"fair_signals/entropy/cost_share": None, "fair_signals/entropy/model_share": None})
    )
    assert without is not None
    assert "entropy" not in without.data["signal"].to_list()


def test_cost_is_of_the_head_where_the_model_is_not_known_and_of_nothing_where_neither_is(
    make_fair: Make, bare_fair: Figures
) -> None:
    shares = {f"fair_signals/{item}/model_share": None for item in make_fair().items("fair_signals")}
    of_head = charts.pareto(make_fair(shares))
    assert drawn(of_head, "entropy")["cost"] == 100
    assert of_head is not None
    assert "% of the head's" in json.dumps(spec(of_head))
    assert charts.pareto(bare_fair) is None
    assert set(charts_of(bare_fair)) == {"risk_coverage", "differences"}


def test_the_front_is_the_best_at_each_cost_or_below(make_fair: Make) -> None:
    chart = charts.pareto(make_fair())
    assert chart is not None
    [front] = layers(chart, "line")
    best = 0.0
    for cost, value in chart.data.sort("cost", "value", descending=[False, True]).select("cost", "value").iter_rows():
        assert ((front["cost"] == cost) & (front["value"] == value)).any() == (value > best)
        best = max(best, value)
    levels = {row["name"]: row["value"] for table in layers(chart, "text") for row in table.to_dicts() if "name" in row}
    assert levels == {"guessing": 0.5, "what a calibrated model could reach": 0.7545}
    free = chart.data.filter(pl.col("cost") == 0)
    marks = pl.concat(layers(chart, "point"))
    left = marks.filter(pl.col("cost") == 0)["at"].unique().to_list()
    assert free.height
    assert left == [pytest.approx(marks.filter(pl.col("cost") > 0)["cost"].min() / charts.FREE)]


def test_risks_of_the_best_of_each_class_and_of_the_loss(make_fair: Make) -> None:
    chart = charts.risk_coverage(make_fair({"fair_risk/stack_hidden/risk_50": [3.0, 2.5, 3.5]}))
    [row] = chart.data.filter((pl.col("signal") == "stack of hidden") & (pl.col("coverage") == 50)).to_dicts()
    assert (row["value"], row["low"], row["high"]) == (3.0, 2.5, 3.5)
    assert set(chart.data["signal"]) == {*map(titled, made_up.BEST.values()), "loss itself"}
    with pytest.raises(InputError, match="fair_risk/stack_hidden/risk_50"):
        charts.risk_coverage(make_fair(without=("fair_risk/stack_hidden/risk_50",)))


def titled(item: str) -> str:
    return str(made_up.find(item).title)


def test_differences_are_filled_after_holm(make_fair: Make) -> None:
    name = "fair_differences/mlp_easy/auroc_from_head_best"
    chart = charts.differences(make_fair({name: [-0.02, -0.03, -0.01], f"{name}_p": 0.2}))
    row = drawn(chart, "MLP of loss > 3")
    assert (row["value"], row["low"], row["high"], row["differs"]) == (-0.02, -0.03, -0.01, False)
    assert drawn(charts.differences(make_fair({f"{name}_p": 0.04})), "MLP of loss > 3")["differs"]
    assert chart is not None
    counts = chart.data.group_by("needs").len()["len"]
    assert counts.max() <= charts.ROWS_OF_A_CLASS


def test_exits_show_outcomes_and_the_best_signals(make_fair: Make) -> None:
    chart = exit_charts.exits(make_fair({"exits/2/mean_loss": [5.5, 5.4, 5.6]}))
    place = (pl.col("what") == "mean loss (nats)") & (pl.col("layer") == 2) & (pl.col("head") == "the model's head")
    [row] = chart.data.filter(place).to_dicts()
    assert (row["value"], row["low"], row["high"]) == (5.5, 5.4, 5.6)
    agrees = chart.data.filter(pl.col("what") == "agrees with the last layer (%)")["value"]
    assert agrees.max() == 100
    assert len(spec(chart)["concat"]) == 4
    without = exit_charts.exits(make_fair(without=("exit_signals",)))
    assert len(spec(without)["concat"]) == 2


@pytest.mark.parametrize(
    ("draw", "compute"), [(policy_charts.policies, "compute"), (policy_charts.policies_alone, "alone_compute")]
)
def test_policies_lie_at_what_they_spend_and_lose(make_fair: Make, draw, compute: str) -> None:
    figures = make_fair()
    point = figures.items("policy_curves")[0]
    value = figures.figure("policy_curves", point, "excess").value
    chart = draw(make_fair({f"policy_curves/{point}/{compute}": 0.777}))
    [row] = chart.data.filter((pl.col("compute") - 77.7).abs() < 1e-9).to_dicts()
    assert row["value"] == value
    assert set(chart.data["role"]) >= {ROLES["best"], "always after layer 1"}
    assert set(chart.data["kind"]) == {"policy", "random", "fixed", "oracle"}


def test_nothing_untrusted_is_more_than_text(make_fair: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, own in zip(HOSTILE, ("entropy", "mlp_easy"), strict=True):
        monkeypatch.setitem(made_up.SIGNALS, own, (name, *made_up.SIGNALS[own][1:]))
    for chart in charts_of(make_fair()).values():
        drawing = svg(chart)
        ElementTree.fromstring(drawing)
        assert "<script" not in drawing
        assert svg(chart) == drawing
        assert len(json.dumps(spec(chart))) < MOST_BYTES
    pareto = charts_of(make_fair())["pareto"]
    assert set(HOSTILE) <= set(pareto.data["signal"])
    fields = [own for own in json.dumps(spec(pareto)["layer"]).split('"') if any(name in own for name in HOSTILE)]
    assert not fields


def test_undefined_figures_leave_their_marks_out(make_fair: Make) -> None:
    kept = ("is_class_best", "main_threshold", "class_", "role_")
    nulls = {"/".join(name): None for name in made_up.table() if not name[2].startswith(kept)}
    some = {name: None for number, name in enumerate(nulls) if number % 3 == 0}
    for chart in charts_of(make_fair(some)).values():
        assert "NaN" not in svg(chart)


def test_a_chart_is_as_wide_as_what_holds_it_and_fixed_on_paper() -> None:
    own = alt.Chart(pl.DataFrame({"x": [1]})).mark_point().encode(x="x:Q").properties(width="container")
    chart = Chart("one", "One?", "One.", own, pl.DataFrame({"x": [1]}))
    assert spec(chart)["width"] == "container"
    assert float(ElementTree.fromstring(svg(chart)).attrib["width"]) > 640
