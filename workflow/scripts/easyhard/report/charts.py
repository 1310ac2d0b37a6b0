"""The charts of signals: what quality costs, what accepting easy tokens leaves, how far each is from the best."""

from collections.abc import Iterable, Mapping, Sequence

import altair as alt
import polars as pl

from easyhard.report import words
from easyhard.report.chart import Chart, bounds
from easyhard.report.items import class_best, main_label, select_score, shortened, signals_by_class
from easyhard.report.look import CLASS_LOOKS, GREY
from easyhard.report.metrics import Figures
from easyhard.report.words import COST_CLASSES, estimate_text, hard_title, metric_label, percent, signal_title

COVERAGES = tuple(range(5, 101, 5))
FREE = 5.0
"""Signals that cost nothing are drawn this far left of the cheapest other one."""

NAMED, APART, ABREAST = 7, 0.05, 0.22
"""So many signals of the front are named, those that lie so far apart, as shares of the height or the width."""

ROWS_OF_A_CLASS = 7
CHANCE = 0.5
CLASSES = {name: title for name, title in COST_CLASSES.items() if name in CLASS_LOOKS}


def by_class(
    present: Iterable[str], titles: Mapping[str, str] = CLASSES, columns: int = 3
) -> tuple[alt.Color, alt.Shape]:
    """Colour and shape of the column `needs`, which holds titles of cost classes; those present have a legend."""
    there = set(present)
    shown = {title: CLASS_LOOKS[name] for name, title in titles.items() if title in there}
    colours, shapes = zip(*shown.values(), strict=True)
    legend = alt.Legend(title="signals that need", symbolLimit=0, columns=columns)
    colour = alt.Scale(domain=list(shown), range=list(colours))
    shape = alt.Scale(domain=list(shown), range=list(shapes))
    return alt.Color("needs:N", scale=colour, legend=legend), alt.Shape("needs:N", scale=shape, legend=legend)


def level(name: str, value: float | None, left: bool = False) -> list[alt.Chart]:
    """A dashed line across with its name at the right or left end; none where there is no value."""
    if value is None:
        return []
    line = alt.Chart(pl.DataFrame({"name": [name], "value": [value]})).encode(y="value:Q")
    name_at = line.mark_text(align="left" if left else "right", baseline="bottom", dy=-3, color=GREY, fontSize=11)
    end = alt.value(4) if left else alt.value("width")
    return [line.mark_rule(strokeDash=[4, 3], color=GREY), name_at.encode(x=end, text="name:N")]


def pareto(figures: Figures) -> Chart | None:
    """Cost against quality: every signal whose cost is known with its interval; None where no cost is."""
    share = next((name for name in ("model_share", "cost_share") if _any(figures, name)), None)
    if share is None:
        return None
    whose = {"model_share": "the whole model's", "cost_share": "the head's"}[share]
    label = main_label(figures)
    table = _signals(figures, label, share)
    if not table.height:
        return None
    floor = float(table.filter(pl.col("cost") > 0)["cost"].min() or 1.0) / FREE  # type: ignore[arg-type]
    free = bool((table["cost"] == 0).any())
    table = table.with_columns(at=pl.max_horizontal("cost", pl.lit(floor)))
    front = _front(table)
    shown = alt.selection_point(
        name="classes",
        fields=["needs"],
        bind="legend",
        toggle="true",
        empty=False,
        value=[{"needs": needs} for needs in table["needs"].unique(maintain_order=True)],
    )
    colour, shape = by_class(table["needs"])
    title = [f"multiply-adds a token (% of {whose})", f"log scale{'; free ones at the left edge' if free else ''}"]
    across = alt.X("at:Q", title=title, scale=alt.Scale(type="log"), axis=alt.Axis(format="~g", tickCount=6))
    up = alt.Y("value:Q", title=f"AUROC, {hard_title(label)} nats", scale=alt.Scale(zero=False, nice=True))
    base = alt.Chart(table).transform_filter(shown).encode(x=across, color=colour)
    told = [
        "signal:N",
        "needs:N",
        "formula:N",
        "AUROC:N",
        "multiply-adds:N",
        alt.Tooltip("share:N", title=f"of {whose}"),
    ]
    points = base.mark_point(size=55, opacity=0.85).encode(y=up, shape=shape, tooltip=told).add_params(shown)
    reach = base.mark_rule(opacity=0.35).encode(y="low:Q", y2="high:Q", tooltip=told)
    ceiling = figures.get("fair_ceilings", label, "auroc").value
    lines = [*level("guessing", CHANCE), *level("what a calibrated model could reach", ceiling, left=True)]
    step = alt.Chart(front).mark_line(interpolate="step-after", color=GREY, strokeWidth=1.2)
    layers = [*lines, step.encode(x="at:Q", y="value:Q"), reach, points, *_names(front, table)]
    return Chart(
        "pareto",
        f"How well is {hard_title(label)} told, and at what cost?",
        "Each mark is a signal with its 95 % interval: further up is better, further left is cheaper. The line is the "
        "best to be had at each cost or below; a click on a class in the legend hides or shows it.",
        alt.layer(*layers).properties(width="container", height=400),
        table.drop("at"),
    )


def _any(figures: Figures, metric: str) -> bool:
    return any(figures.has("fair_signals", item, metric) for item in figures.items("fair_signals"))


def _signals(figures: Figures, label: str, share: str) -> pl.DataFrame:
    """A row a signal of known cost, with all that is told of it."""
    metric, rows = f"auroc_{label}", []
    for needs, items in signals_by_class(figures).items():
        for item in items if needs in CLASS_LOOKS else ():
            figure, cost = figures.get("fair_signals", item, metric), figures.get("fair_signals", item, share).value
            if figure.value is None or cost is None:
                continue
            known = words.known_signal(item)
            row = {"signal": signal_title(item), "needs": COST_CLASSES[needs], **bounds(figure), "cost": 100 * cost}
            row |= {"AUROC": estimate_text(metric_label("", "auroc"), figure), "share": f"{percent(cost)} %"}
            row["multiply-adds"] = words.text(figures, "fair_signals", item, "multiply_adds")
            rows.append(row | {"formula": getattr(known, "formula", "")})
    figures.column("fair_signals", figures.items("fair_signals"), metric)  # raises where no signal has it
    return pl.DataFrame(rows, infer_schema_length=None)


def _front(table: pl.DataFrame) -> pl.DataFrame:
    """The signals than which none that costs no more is better, the cheapest first."""
    ranked = table.sort("cost", "value", descending=[False, True])
    reached = pl.col("value").cum_max().shift(1)
    return ranked.filter(reached.is_null() | (pl.col("value") > reached))


def _names(front: pl.DataFrame, table: pl.DataFrame) -> list[alt.Chart]:
    """Names of signals of the front that lie apart, the best first: to the right of the left half, else to the left."""
    low, high = (float(value) for value in (table["value"].min(), table["value"].max()))  # type: ignore[arg-type]
    left, right = (float(value) for value in (table["at"].log().min(), table["at"].log().max()))  # type: ignore[arg-type]
    width, height, kept = max(right - left, 1e-9), max(high - low, 1e-9), list[tuple[float, float, str]]()
    for row in front.sort("value", descending=True).iter_rows(named=True):
        place = (pl.Series([row["at"]]).log()[0] - left) / width, (row["value"] - low) / height
        near = any(abs(place[0] - x) < ABREAST and abs(place[1] - y) < APART for x, y, _ in kept)
        if not near and len(kept) < NAMED:
            kept.append((*place, row["signal"]))
    right_half = {name: x >= 0.5 for x, _, name in kept}
    named = [
        (front.filter(pl.col("signal").is_in([name for name, right in right_half.items() if right == side])), side)
        for side in (False, True)
    ]
    return [
        alt.Chart(own)
        .mark_text(align="right" if side else "left", dx=-8 if side else 8, dy=-8, fontSize=11)
        .encode(x="at:Q", y="value:Q", text="signal:N")
        for own, side in named
        if own.height
    ]


def risk_coverage(figures: Figures) -> Chart:
    """Mean loss of the easiest tokens against their share: the best of each class, the oracle, a random order."""
    items = figures.items("fair_risk")
    bests = {name: item for name, item in class_best(figures).items() if item in items and name in CLASS_LOOKS}
    rows = [
        {"signal": signal_title(item), "needs": COST_CLASSES[name], "coverage": coverage}
        | bounds(figures.figure("fair_risk", item, f"risk_{coverage:02d}"))
        for name, item in (bests | ({"target": "oracle"} if "oracle" in items else {})).items()
        for coverage in COVERAGES
    ]
    table = pl.DataFrame(rows, infer_schema_length=None)
    everything = figures.value("fair_risk", items[0], f"risk_{COVERAGES[-1]}")
    colour, _ = by_class(table["needs"])
    across = alt.X("coverage:Q", title="tokens called easiest (% of all)", axis=alt.Axis(tickCount=5))
    told = ["signal:N", "needs:N", "coverage:Q", alt.Tooltip("value:Q", format=".3f", title="mean loss (nats)")]
    base = alt.Chart(table.filter(pl.col("needs") != COST_CLASSES["target"])).encode(x=across, color=colour)
    up = alt.Y("value:Q", title="their mean loss (nats)", scale=alt.Scale(zero=True))
    oracle = alt.Chart(table.filter(pl.col("needs") == COST_CLASSES["target"])).mark_line(strokeDash=[5, 3], color=GREY)
    layers = [
        base.mark_area(opacity=0.12).encode(y="low:Q", y2="high:Q"),
        base.mark_line().encode(y=up),
        base.mark_point(size=30).encode(y=up, tooltip=told),
        oracle.encode(x=across, y=up),
        *level("a random order", everything),
    ]
    return Chart(
        "risk_coverage",
        "How low is the loss of the tokens that a signal calls easiest?",
        "The best signal of each class with its 95 % band: lower is better; the dashed curve sorts by the loss itself.",
        alt.layer(*layers).properties(width="container", height=320),
        table,
    )


def differences(figures: Figures) -> Chart | None:
    """Each signal's difference in AUROC from the best head signal, without one from the best of its class, by class.

    Of each class there are at most ROWS_OF_A_CLASS signals, the best on select; of low-rank ones the best of each kind.
    """
    head, rows = class_best(figures).get("head"), []
    for name, items in signals_by_class(figures).items():
        metric = "auroc_from_head_best" if head and name != "head" else "auroc_from_class_best"
        for item in _compared(figures, items, metric) if name in CLASS_LOOKS else ():
            figure, p = (figures.get("fair_differences", item, one) for one in (metric, f"{metric}_p"))
            told = {"signal": signal_title(item), "needs": COST_CLASSES[name], **bounds(figure)}
            told |= {"Holm p": words.p_text(p.value), "differs": p.value is not None and p.value < words.SIGNIFICANT}
            told["difference"] = estimate_text(metric_label("fair_differences", metric), figure, signed=True)
            rows.append(told)
    if not rows:
        return None
    table = pl.DataFrame(rows, infer_schema_length=None)
    against = signal_title(head) if head else "the best of its class"
    colour, _ = by_class(table["needs"])
    order = alt.EncodingSortField("place", order="ascending")
    base = alt.Chart(table.with_row_index("place")).encode(y=alt.Y("signal:N", sort=order, title=None), color=colour)
    told_of = ["signal:N", "needs:N", "difference:N", "Holm p:N"]
    across = alt.X("value:Q", title=f"difference in AUROC, {hard_title(main_label(figures))} nats")
    layers = [
        alt.Chart(pl.DataFrame({"value": [0]})).mark_rule(color=GREY).encode(x="value:Q"),
        base.mark_rule().encode(x="low:Q", x2="high:Q"),
        base.mark_point(size=45, filled=False, strokeWidth=1.5).encode(x=across, tooltip=told_of),
        base.transform_filter("datum.differs").mark_point(size=45).encode(x=across, tooltip=told_of),
    ]
    return Chart(
        "differences",
        f"How far is each signal from {against}?",
        "Differences in AUROC on the same resamples with their 95 % intervals; a filled mark differs after Holm's "
        "adjustment for all that are compared.",
        alt.layer(*layers).properties(width="container", height=alt.Step(17)),
        table,
    )


def _compared(figures: Figures, items: Sequence[str], metric: str) -> list[str]:
    """The signals of a class to draw, from the highest difference down."""
    measured = [item for item in shortened(figures, items) if figures.has("fair_differences", item, metric)]
    kept = sorted(measured, key=lambda item: -select_score(figures, item))[:ROWS_OF_A_CLASS]
    return sorted(kept, key=lambda item: -figures.number("fair_differences", item, metric))
