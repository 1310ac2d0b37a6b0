"""The charts of details: low rank by rank, more text to fit on, calibration, tokens that are alike."""

from typing import Any

import altair as alt
import polars as pl

from easyhard.report import items as choose
from easyhard.report.chart import Chart, bounds, curves
from easyhard.report.charts import level
from easyhard.report.items import class_best, main_label, select_score
from easyhard.report.look import BLUE, GREEN, GREY, SERIES, VERMILLION
from easyhard.report.metrics import Figures
from easyhard.report.tables import STRATA
from easyhard.report.words import hard_title, metric_label, percent, signal_title, text

PANEL, HEIGHT = 270, 190
KINDS = {"plain": VERMILLION, "centred": GREEN, "weighted": BLUE}
WAYS = {"": "as it is", "refined_": "refined"}


def low_rank_kinds(figures: Figures) -> Chart:
    """By rank: the max probability's r, the first choice kept, and AUROC of the best low-rank metric, for each kind."""
    exact, label = _low_rank_metric(figures), main_label(figures)
    panels = {
        "r of the max probability": ("fair_low_rank", "{kind}/{rank}", "{way}max_probability_pearson"),
        "first choice kept (%)": ("fair_low_rank", "{kind}/{rank}", "argmax_kept{_way}"),
        f"AUROC of low-rank {signal_title(exact or '')}": (
            "fair_signals",
            f"{{kind}}/{{rank}}/{{way}}{exact}",
            f"auroc_{label}",
        ),
    }
    rows = list[dict[str, Any]]()
    for what, (section, item, metric) in panels.items():
        for kind, ranks in choose.ranks_by_kind(figures).items():
            for way, title in WAYS.items():
                for rank in ranks:
                    names = {"kind": kind, "rank": rank, "way": way, "_way": f"_{way}".rstrip("_")}
                    place = section, item.format(**names), metric.format(**names)
                    row = {"what": what, "kind": kind, "preview": title, "rank": rank}
                    row["cost"] = percent(figures.get("fair_low_rank", f"{kind}/{rank}", "cost_share").value)
                    if figures.has(*place):
                        rows.append(row | bounds(figures.get(*place), metric_label(section, place[2]).scale))
    table = pl.DataFrame(rows, infer_schema_length=None)
    present = choose.ranks_by_kind(figures)
    scale = alt.Scale(domain=list(present), range=[KINDS[kind] for kind in present])
    dash = alt.StrokeDash("preview:N", scale=alt.Scale(domain=list(WAYS.values()), range=[[1, 0], [4, 3]]))
    dash = dash.legend(title=None)
    made = []
    for what in table["what"].unique(maintain_order=True):
        across = alt.X(
            "rank:Q", scale=alt.Scale(type="log", nice=False), axis=alt.Axis(values=sorted(set(table["rank"])))
        )
        told = [
            "kind:N",
            "preview:N",
            "rank:Q",
            alt.Tooltip("cost:N", title="% of the head's cost"),
            alt.Tooltip("value:Q", format=".3f", title=what),
        ]
        colour = alt.Color("kind:N", scale=scale, legend=alt.Legend(title=None))
        own = table.filter(pl.col("what") == what)
        layers = curves(own, across, alt.Y("value:Q", title=what, scale=alt.Scale(zero=False)), colour, told, dash)
        if what == list(panels)[-1] and exact:
            layers += level("exact", figures.get("fair_signals", exact, f"auroc_{label}").value)
        made.append(alt.layer(*layers).properties(width=PANEL, height=HEIGHT))
    return Chart(
        "low_rank_kinds",
        "How much of the exact head does a low rank keep?",
        "By rank, for each kind of low rank; refined (dashed): the words that it puts first get their exact logits.",
        alt.concat(*made, columns=2),
        table,
    )


def learning_curve(figures: Figures) -> Chart:
    """AUROC of the main label against the tokens a probe was fitted on, beside the best head signal."""
    rows = list[dict[str, Any]]()
    for probe, items in choose.learning_sizes(figures).items():
        for item, score in zip(items, figures.column("fair_learning", items, "auroc"), strict=True):
            tokens = figures.value("fair_learning", item, "tokens")
            rows.append({"probe": signal_title(probe), "tokens": tokens} | bounds(score))
    table, head = pl.DataFrame(rows, infer_schema_length=None), class_best(figures).get("head")
    across = alt.X("tokens:Q", title="tokens fitted on (log scale)", scale=alt.Scale(type="log", nice=False))
    across = across.axis(format="~s", tickCount=4)
    label = main_label(figures)
    up = alt.Y("value:Q", title=f"AUROC, {hard_title(label)} nats", scale=alt.Scale(zero=False))
    colour = alt.Color("probe:N", sort=None, scale=alt.Scale(range=list(SERIES)), legend=alt.Legend(title=None))
    layers = curves(
        table, across, up, colour, ["probe:N", "tokens:Q", alt.Tooltip("value:Q", format=".3f", title="AUROC")]
    )
    if head is not None:
        layers += level(f"{signal_title(head)}, of the head", figures.get("fair_signals", head, f"auroc_{label}").value)
    return Chart(
        "learning_curve",
        "Would more text to fit on help?",
        "AUROC of probes fitted on a part of the fit documents: where a curve still rises at its end, more may help.",
        alt.layer(*layers).properties(width="container", height=280),
        table,
    )


def reliability(figures: Figures) -> Chart:
    """Accuracy against confidence in bins, with and without the temperature, and how many tokens each bin has."""
    titles = {
        "model": "as it is",
        "temperature": f"at temperature {text(figures, 'fair_calibration', 'temperature', 'temperature')}",
    }
    rows = list[dict[str, Any]]()
    for item in choose.used_bins(figures):
        sure, tokens = (figures.value("fair_calibration", item, name) for name in ("confidence", "tokens"))
        row = {
            "model": titles[item.partition("/")[0]],
            "confidence": None if sure is None else 100 * sure,
            "tokens": tokens,
        }
        rows.append(row | bounds(figures.figure("fair_calibration", item, "accuracy"), 100))
    table = pl.DataFrame(rows, infer_schema_length=None)
    percents: dict[str, Any] = {"scale": alt.Scale(domain=[0, 100]), "axis": alt.Axis(tickCount=5)}
    across = alt.X("confidence:Q", title="confidence: the max probability (%)", **percents)
    colour = alt.Color("model:N", sort=None, scale=alt.Scale(range=[VERMILLION, BLUE]), legend=alt.Legend(title=None))
    told = [
        "model:N",
        "tokens:Q",
        alt.Tooltip("confidence:Q", format=".1f"),
        alt.Tooltip("value:Q", format=".1f", title="accuracy (%)"),
    ]
    even = alt.Chart(pl.DataFrame({"confidence": [0, 100], "value": [0, 100]})).mark_line(strokeDash=[4, 3], color=GREY)
    up = alt.Y("value:Q", title="right (%)", **percents)
    layers = [even.encode(x="confidence:Q", y="value:Q"), *curves(table, across, up, colour, told)]
    return Chart(
        "reliability",
        "Is the model right as often as it is sure?",
        "Right first choices among tokens of like confidence: on the dashed line the model is as sure as it is right.",
        alt.layer(*layers).properties(width="container", height=300),
        table,
    )


def strata(figures: Figures) -> Chart | None:
    """AUROC among tokens that are alike, by how often training saw the target and by position; None without strata."""
    rows = list[dict[str, Any]]()
    for of, start in STRATA.items():
        for name in figures.metrics("fair_strata", "tokens"):
            stratum = name.removeprefix(f"share_{start}")
            for item in choose.strata_items(figures) if stratum != name else ():
                figure = figures.get("fair_strata", item, f"auroc_{start}{stratum}")
                row = {
                    "of": of,
                    "stratum": stratum.replace("over_", "over ").replace("_", "–"),
                    "signal": signal_title(item),
                }
                share = figures.get("fair_strata", "tokens", name).value
                rows.append(row | {"tokens (%)": None if share is None else 100 * share} | bounds(figure))
    table = pl.DataFrame(rows, infer_schema_length=None)
    if not table.height or not table["value"].is_not_null().any():
        return None
    made = []
    for of in table["of"].unique(maintain_order=True):
        own = table.filter(pl.col("of") == of)
        order = own["stratum"].unique(maintain_order=True).to_list()
        across = alt.X("stratum:O", sort=order, title=of, axis=alt.Axis(labelAngle=-40))
        colour = alt.Color(
            "signal:N", sort=None, scale=alt.Scale(range=list(SERIES)), legend=alt.Legend(title=None, columns=1)
        )
        told = [
            "signal:N",
            "stratum:O",
            alt.Tooltip("tokens (%):Q", format=".1f"),
            alt.Tooltip("value:Q", format=".3f", title="AUROC"),
        ]
        layers = curves(own, across, alt.Y("value:Q", title="AUROC", scale=alt.Scale(zero=False)), colour, told)
        made.append(alt.layer(*layers).properties(width=PANEL, height=HEIGHT))
    return Chart(
        "strata",
        "Is it only the rare word?",
        "AUROC among tokens that are alike: a signal that only knows how rare a word is would be near 0.5 in each.",
        alt.concat(*made, columns=2),
        table,
    )


def _low_rank_metric(figures: Figures) -> str | None:
    """The metric whose low-rank signals select likes best; None where no signal is of low rank."""
    items = [item for item in figures.items("fair_signals") if choose.low_rank(item)]
    best = choose.low_rank(max(items, key=lambda item: select_score(figures, item), default=""))
    return best.metric if best else None
