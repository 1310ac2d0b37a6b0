"""One look for all figures: sizes, colours that colour-blind readers can tell apart, and how a figure is saved."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from easyhard.atomic import atomic_path

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
INK, GREY, PALE = "#222222", "#6E6E6E", "#D9D9D9"
"""Okabe and Ito's colours (2008), and three greys."""

DENSITY_MAP = "Blues"
DOTS_PER_INCH = 150

STYLE: dict[str, Any] = {
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "figure.dpi": DOTS_PER_INCH,
    "figure.facecolor": "white",
    "figure.titlesize": 11.5,
    "figure.titleweight": "bold",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.7,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "savefig.dpi": DOTS_PER_INCH,
    "svg.fonttype": "path",
    "svg.hashsalt": "easyhard",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}

Parameters = ParamSpec("Parameters")


def styled(draw: Callable[Parameters, Figure]) -> Callable[Parameters, Figure]:
    """Have a drawing function draw in the house style, whatever the reader's own settings are."""

    @wraps(draw)
    def inner(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Figure:
        with style.context(STYLE, after_reset=True):
            return draw(*args, **kwargs)

    return inner


def canvas(width: float, height: float, title: str) -> Figure:
    """An empty figure of that size in inches, its message on top; drawn by Agg, without a window."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def save(figure: Figure, svg: str | Path, png: str | Path) -> None:
    """Write the figure as SVG and as PNG; the same figure gives the same bytes.

    Raises InputError when a file cannot be written.
    """
    with style.context(STYLE, after_reset=True):
        with atomic_path(svg) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
        with atomic_path(png) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})
