"""How charts look: one theme for light and dark, a colour and a shape for each cost class."""

from typing import Any

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, YELLOW, GREY = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#B8A400", "#767676"),
)
"""Told apart by the colour-blind: Okabe & Ito, jfly.uni-koeln.de/color, its yellow darkened for white paper."""

CLASS_LOOKS = {
    "hidden": (GREEN, "circle"),
    "context": (PURPLE, "triangle-up"),
    "layers": (SKY, "diamond"),
    "probes": (GREEN, "circle"),
    "low_rank": (ORANGE, "square"),
    "head": (BLUE, "cross"),
    "all": (VERMILLION, "triangle-down"),
    "own": (YELLOW, "triangle-right"),
}
"""Colour and shape by cost class, those of exits among them."""

SERIES = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, YELLOW, GREY)
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"


def theme(ink: str, quiet: str, grid: str, background: str) -> dict[str, Any]:
    """A Vega-Lite `config`: the colours of words, of axes, of grid lines, of paper."""
    words = {
        "labelColor": ink,
        "titleColor": ink,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    return {
        "background": background,
        "font": FONT,
        "view": {"stroke": None},
        "axis": {**words, "gridColor": grid, "domainColor": quiet, "tickColor": quiet, "labelLimit": 230},
        "axisY": {"titleAlign": "left", "titleAngle": 0, "titleAnchor": "start", "titleX": 0, "titleY": -12},
        "legend": {**words, "orient": "bottom", "columns": 3, "symbolOpacity": 1, "labelLimit": 330},
        "header": {**words, "labelFontWeight": "bold"},
        "title": {"color": ink, "subtitleColor": ink, "anchor": "start", "fontSize": 14, "fontWeight": 600},
        "text": {"color": ink, "fontSize": 12},
        "rule": {"color": quiet},
        "point": {"filled": True, "size": 45},
    }


LIGHT = theme("#24292f", "#8c959f", "#e7eaee", "#ffffff")
DARK = theme("#e6edf3", "#7d8590", "#2d333b", "transparent")
