"""The charts of exit policies: what is lost against what is spent, for the chosen ones, fixed layers and oracles."""

from typing import Any

import altair as alt
import polars as pl

from easyhard.report.chart import Chart, bounds
from easyhard.report.look import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, YELLOW
from easyhard.report.metrics import Figures
from easyhard.report.policies import CURVES, FIXED, ROLES, SECTION, baseline_title, baselines, chosen, policy_title

COLOURS = {"best": VERMILLION, "learnt": GREEN, "softmax": BLUE, "patience": PURPLE, "saturation": ORANGE}
RANDOM, ALWAYS, ORACLES = "at random, as many an exit as the best", "always after one layer", "oracles, out of reach"
FARTHEST = 1.3
"""Compute is shown up to so many whole models."""


def policies(figures: Figures) -> Chart:
    """Loss above the whole model's against compute, everything counted."""
    title = "What is lost by stopping early, and what is spent?"
    return _chart(figures, "policies", title, "compute", "Everything counted")


def policies_alone(figures: Figures) -> Chart:
    """The same with the layers alone counted."""
    title = "And if signals and heads cost nothing?"
    return _chart(figures, "policies_alone", title, "alone_compute", "Layers alone counted")


def _chart(figures: Figures, name: str, title: str, compute: str, counted: str) -> Chart:
    curves, marks = _curves(figures, compute), _marks(figures, compute)
    names = curves.filter(pl.col("kind") == "policy")["policy"].unique(maintain_order=True).to_list()
    roles = dict.fromkeys(chosen(figures).values())
    colours = [COLOURS[next(role for role, own in chosen(figures).items() if own == item)] for item in roles]
    scale = alt.Scale(domain=[*names, RANDOM, ALWAYS, ORACLES], range=[*colours, GREY, SKY, YELLOW])
    colour = alt.Color("policy:N", scale=scale, legend=alt.Legend(title=None, columns=1, labelLimit=330, symbolLimit=0))
    spent = alt.Scale(domainMax=100 * FARTHEST, zero=False, nice=False)
    across = alt.X("compute:Q", title="compute (% of the whole model's)", scale=spent)
    drawn = [*curves.iter_rows(named=True), *marks.filter(pl.col("kind") == "fixed").iter_rows(named=True)]
    ends = [row[end] for row in drawn for end in ("low", "high", "value") if row[end] is not None]
    reach = alt.Scale(domain=[min(0.0, *ends), max(0.0, *ends)])
    up = alt.Y("value:Q", title="loss above the whole model's (nats)", scale=reach, axis=alt.Axis(tickCount=7))
    numbers = {"compute": "compute (%)", "value": "loss above (nats)", "low": "from", "high": "to"}
    told = ["policy:N", "role:N", *(alt.Tooltip(f"{one}:Q", format=".3f", title=own) for one, own in numbers.items())]
    base = alt.Chart(curves).encode(x=across, color=colour)
    lines = alt.Chart(pl.DataFrame({"compute": [100.0]})).mark_rule(strokeDash=[4, 3], color=GREY).encode(x="compute:Q")
    zero = alt.Chart(pl.DataFrame({"value": [0.0]})).mark_rule(color=GREY).encode(y="value:Q")
    dashed = alt.condition("datum.kind == 'random'", alt.value([5, 3]), alt.value([1, 0]))
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=["fixed", "oracle"], range=["circle", "diamond"]), legend=None)
    always = alt.Chart(marks.filter(pl.col("kind") == "fixed")).mark_line(strokeDash=[2, 3], color=SKY, clip=True)
    layers = [
        *(lines, zero, always.encode(x=across, y=up)),
        base.mark_area(opacity=0.15, clip=True).encode(y="low:Q", y2="high:Q"),
        base.mark_line(clip=True).encode(y=up, strokeDash=dashed, order="point:Q", tooltip=told),
        base.mark_point(size=12, clip=True).encode(y=up, tooltip=told),
        alt.Chart(marks)
        .mark_point(size=60, filled=False, clip=True)
        .encode(x=across, y=up, color=colour, shape=shape, tooltip=told),
    ]
    return Chart(
        name,
        title,
        f"{counted}, lower and further left is better: circles need no signal, and a policy is worth having where it "
        "lies below the line between them; bands are 95 % intervals, oracles far below the frame are in the table.",
        alt.layer(*layers).properties(width="container", height=360),
        pl.concat([curves, marks], how="diagonal_relaxed"),
    )


def _curves(figures: Figures, compute: str) -> pl.DataFrame:
    """A row a threshold of every chosen policy; of the best also leaving at random."""
    rows, drawn = list[dict[str, Any]](), set[str]()
    for role, item in chosen(figures).items():
        if item in drawn:
            continue
        drawn.add(item)
        points = [place for place in figures.items(CURVES) if place.startswith(f"{item}@")]
        spent, lost = (figures.column(CURVES, points, name) for name in (compute, "excess"))
        named: dict[str, Any] = {"policy": policy_title(item), "role": ROLES[role], "kind": "policy"}
        for place, (cost, loss) in enumerate(zip(spent, lost, strict=True)):
            if cost.value is not None:
                rows.append(named | {"point": place, "compute": 100 * cost.value} | bounds(loss))
        if role == "best":
            chance, layers = (figures.column(CURVES, points, name) for name in ("random", f"random_{compute}"))
            for place, (cost, loss) in enumerate(zip(layers, chance, strict=True)):
                if cost.value is not None:
                    random: dict[str, Any] = {"policy": RANDOM, "role": "", "kind": "random", "point": place}
                    rows.append(random | {"compute": 100 * cost.value} | bounds(loss))
    return pl.DataFrame(rows, infer_schema_length=None)


def _marks(figures: Figures, compute: str) -> pl.DataFrame:
    rows = list[dict[str, Any]]()
    for item in baselines(figures):
        cost, fixed = figures.get(SECTION, item, compute).value, item.startswith(FIXED)
        if cost is not None:
            named = {"policy": ALWAYS, "kind": "fixed"} if fixed else {"policy": ORACLES, "kind": "oracle"}
            told = {"role": baseline_title(item), "compute": 100 * cost}
            rows.append({**named, **told, **bounds(figures.get(SECTION, item, "excess"))})
    return pl.DataFrame(rows, infer_schema_length=None)
