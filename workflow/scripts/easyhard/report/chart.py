"""Charts as Vega-Lite, made by altair of polars tables: one specification, for the page and, as SVG, for Markdown."""

import re
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl
import vl_convert

from easyhard.report.look import LIGHT
from easyhard.report.metrics import Figure

VEGA_LITE = "6.4"
WIDTH = 640
"""Pixels across the plot in SVG; the page takes its own width."""


@dataclass(frozen=True)
class Chart:
    """A chart of one message, `title`; `says` is one sentence on how to read it, `data` the table behind it."""

    name: str
    title: str
    says: str
    chart: Any
    data: pl.DataFrame


def spec(chart: Chart) -> dict[str, Any]:
    """The specification without a theme, its data inside; as wide as what holds it."""
    made: dict[str, Any] = chart.chart.to_dict()
    made.pop("config", None)
    return made


def svg(chart: Chart) -> str:
    """The chart on white, its plot WIDTH wide. No network is asked; the same chart gives the same bytes."""
    made = _fixed(spec(chart)) | {"config": LIGHT | {"aria": False}}
    drawn: str = vl_convert.vegalite_to_svg(made, vl_version=VEGA_LITE, allowed_base_urls=[])
    numbers = {name: f"clip{number}" for number, name in enumerate(dict.fromkeys(re.findall(r"clip\d+", drawn)))}
    return re.sub(r"clip\d+", lambda found: numbers[found[0]], drawn)  # else counted over all charts of a process


def bounds(figure: Figure, scale: float = 1.0) -> dict[str, float | None]:
    """Value and interval as columns `value`, `low`, `high`, in the printed unit; null where there are none."""
    low, high = figure.interval or (None, None)
    told = {"value": figure.value, "low": low, "high": high}
    return {name: None if value is None else value * scale for name, value in told.items()}


def curves(
    table: pl.DataFrame, across: alt.X, up: alt.Y, colour: alt.Color, told: list[Any], dash: Any = alt.Undefined
) -> list[alt.Chart]:
    """Lines through points with their intervals, columns `low` and `high`; `told` is what pointing at a point tells."""
    base = alt.Chart(table).encode(x=across, color=colour)
    detail = {} if dash is alt.Undefined else {"strokeDash": dash}
    return [
        base.mark_line().encode(y=up, **detail),
        base.mark_rule().encode(y="low:Q", y2="high:Q"),
        base.mark_point(size=35).encode(y=up, tooltip=told),
    ]


def _fixed(part: Any) -> Any:
    """The same with widths for paper: what takes the width of its page is WIDTH wide."""
    if isinstance(part, dict):
        return {name: WIDTH if (name, own) == ("width", "container") else _fixed(own) for name, own in part.items()}
    return [_fixed(own) for own in part] if isinstance(part, list) else part
