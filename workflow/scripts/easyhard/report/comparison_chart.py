"""The charts of a comparison: the classes' best signals over seeds, and how far two texts agree on the order."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import altair as alt
import polars as pl

from easyhard.report.chart import Chart, bounds
from easyhard.report.charts import by_class
from easyhard.report.comparison import Group, scores, shown_bests
from easyhard.report.items import main_label, signals_by_class
from easyhard.report.look import GREY
from easyhard.report.words import COST_CLASSES, hard_title, signal_title


def over_seeds(groups: Sequence[Group]) -> Chart:
    """A panel a group with the best signal of each class in every seed, their mean and its interval over seeds."""
    label = main_label(groups[0].mean)
    metric, rows = f"auroc_{label}", list[dict[str, Any]]()
    for group in groups:
        for needs, item in shown_bests(group).items():
            own = {"group": group.name, "needs": COST_CLASSES[needs], "signal": signal_title(item)}
            rows.append(own | {"of": "mean over seeds"} | bounds(group.mean.get("fair_signals", item, metric)))
            for run, figures in group.runs.items():
                rows.append(own | {"of": "seed", "run": run, "value": figures.get("fair_signals", item, metric).value})
    table, made = pl.DataFrame(rows, infer_schema_length=None), []
    for group in groups:
        base = alt.Chart(table.filter(pl.col("group") == group.name)).encode(
            y=alt.Y("signal:N", sort=None, title=None), color=by_class(table["needs"])[0]
        )
        title = f"AUROC, {hard_title(label)} nats" if group is groups[-1] else None
        across = alt.X("value:Q", title=title, scale=alt.Scale(zero=False))
        told = ["signal:N", "needs:N", "of:N", "run:N", alt.Tooltip("value:Q", format=".4f")]
        mean, seeds = base.transform_filter("datum.of != 'seed'"), base.transform_filter("datum.of == 'seed'")
        layers = [mean.mark_rule().encode(x="low:Q", x2="high:Q")]
        layers += [mean.mark_tick(thickness=2).encode(x=across, tooltip=told)]
        layers += [seeds.mark_point(size=35).encode(x=across, tooltip=told)]
        made.append(alt.layer(*layers).properties(width=420, height=alt.Step(22), title=group.name))
    return Chart(
        "over_seeds",
        "How far do seeds differ?",
        "The best signal of each class in every seed (points), their mean (tick) and its 95 % interval over seeds.",
        alt.vconcat(*made).resolve_scale(x="shared"),
        table,
    )


def agreement(groups: Sequence[Group]) -> Chart | None:
    """A panel a pair of groups with the AUROC of every signal in one and the other; None of one group."""
    rows = []
    for one, other in combinations(groups, 2):
        across, up = scores(one.mean), scores(other.mean)
        for needs, items in signals_by_class(one.mean).items():
            for item in items:
                if item in across and item in up:
                    row = {"one": one.name, "other": other.name, "signal": signal_title(item)}
                    rows.append(row | {"needs": COST_CLASSES[needs], "in one": across[item], "in other": up[item]})
    if not rows:
        return None
    table, made = pl.DataFrame(rows), []
    for one, other in table.select("one", "other").unique(maintain_order=True).iter_rows():
        own = table.filter((pl.col("one") == one) & (pl.col("other") == other))
        colour, shape = by_class(table["needs"])
        points = (
            alt.Chart(own)
            .mark_point(opacity=0.7)
            .encode(
                x=alt.X("in one:Q", title=f"AUROC in {one}", scale=alt.Scale(zero=False)),
                y=alt.Y("in other:Q", title=f"AUROC in {other}", scale=alt.Scale(zero=False)),
                color=colour,
                shape=shape,
                tooltip=[
                    "signal:N",
                    "needs:N",
                    alt.Tooltip("in one:Q", format=".3f"),
                    alt.Tooltip("in other:Q", format=".3f"),
                ],
            )
        )
        ends = [min(own["in one"].min(), own["in other"].min()), max(own["in one"].max(), own["in other"].max())]  # type: ignore[type-var]
        even = alt.Chart(pl.DataFrame({"in one": ends, "in other": ends})).mark_line(strokeDash=[3, 3], color=GREY)
        made.append(alt.layer(even.encode(x="in one:Q", y="in other:Q"), points).properties(width=300, height=300))
    return Chart(
        "agreement",
        "Do texts agree on the order of signals?",
        "AUROC of every signal, mean over seeds, in one group and in the other: near the line they agree.",
        alt.concat(*made, columns=2),
        table,
    )
