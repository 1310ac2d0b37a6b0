"""The charts of the founding experiment, from its figures: how far methods part tokens, and plain low rank."""

import altair as alt
import polars as pl

from easyhard.report import items as choose
from easyhard.report.chart import Chart, bounds, curves
from easyhard.report.charts import level
from easyhard.report.look import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION
from easyhard.report.metrics import Figures
from easyhard.report.words import SHARE, item_title, value_text

METHODS = {choose.TARGET: GREY, choose.LOGITS: BLUE, choose.TRAINED: GREEN, "a classifier at its own threshold": ORANGE}
FIDELITY = {"max_probability": VERMILLION, "max_logit": BLUE, "max_minus_mean": GREEN, "margin": PURPLE}
PANEL, HEIGHT = 270, 190


def separation(figures: Figures) -> Chart:
    """Loss Diff of every method at the median cut and its share of the oracle's; apart, classifiers at their own."""
    oracle = figures.value("separation", "oracle", "loss_diff")
    rows = []
    for method in choose.median_cut(figures):
        share = value_text(SHARE, choose.ratio(method.loss_diff.value, oracle))
        rows.append(
            {"method": method.title, "kind": method.sees, "value": method.loss_diff.value, "told": f"{share} %"}
        )
    for method in choose.own_cut(figures):
        told = f"calls {value_text(SHARE, method.easy_share)} % easy"
        row = {"method": f"{method.title}, own cut", "kind": list(METHODS)[-1], "value": method.loss_diff.value}
        rows.append(row | {"told": told})
    table = pl.DataFrame(rows, infer_schema_length=None).drop_nulls("value")
    scale = alt.Scale(domain=list(METHODS), range=list(METHODS.values()))
    base = alt.Chart(table).encode(
        x=alt.X("value:Q", title="Loss Diff: mean loss of hard minus easy tokens (nats)"),
        y=alt.Y("method:N", sort=None, title=None),
        tooltip=["method:N", "kind:N", alt.Tooltip("value:Q", format=".2f"), "told:N"],
    )
    colour = alt.Color("kind:N", scale=scale, legend=alt.Legend(title=None, columns=2))
    text = base.mark_text(align="left", dx=4, fontSize=11).encode(text="told:N")
    return Chart(
        "separation",
        "How far apart does each method put easy and hard tokens?",
        "Cut at the median, with the share of the oracle's Loss Diff; classifiers at their own threshold stand apart, "
        "and are not to be compared with the rest.",
        alt.layer(base.mark_bar().encode(color=colour), text).properties(width="container", height=alt.Step(19)),
        table,
    )


def plain_low_rank(figures: Figures) -> Chart:
    """By rank of the plain SVD: r of each low-rank metric with the exact one, and oracle share of max − mean."""
    ranks = choose.plain_ranks(figures)
    r, share = "r with the exact metric", "share of the oracle's Loss Diff, max − mean (%)"
    rows = []
    for name in FIDELITY:
        for rank, figure in zip(ranks, figures.column("low_rank", ranks, f"{name}_pearson"), strict=True):
            rows.append({"what": r, "metric": item_title(name), "rank": item_title(rank)} | bounds(figure))
    for rank, figure in zip(ranks, figures.column("low_rank", ranks, "oracle_share"), strict=True):
        rows.append(
            {"what": share, "metric": item_title("max_minus_mean"), "rank": item_title(rank)} | bounds(figure, 100)
        )
    table, made = pl.DataFrame(rows, infer_schema_length=None), []
    scale = alt.Scale(domain=[item_title(name) for name in FIDELITY], range=list(FIDELITY.values()))
    for what in (r, share):
        across = alt.X("rank:O", sort=None, axis=alt.Axis(labelAngle=0))
        colour = alt.Color("metric:N", scale=scale, legend=alt.Legend(title=None, columns=2))
        told = ["metric:N", "rank:O", alt.Tooltip("value:Q", format=".3f", title=what)]
        layers = curves(table.filter(pl.col("what") == what), across, alt.Y("value:Q", title=what), colour, told)
        if what == share:
            exact = figures.value("separation", "max_minus_mean", "oracle_share")
            layers += level("exact", None if exact is None else 100 * exact)
        made.append(alt.layer(*layers).properties(width=PANEL, height=HEIGHT))
    return Chart(
        "low_rank",
        "Does a plain SVD of the head keep the metrics?",
        "By rank: correlation of each low-rank metric with the exact one, and how well low-rank max − mean separates.",
        alt.concat(*made, columns=2),
        table,
    )
