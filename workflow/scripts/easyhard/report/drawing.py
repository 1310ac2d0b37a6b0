"""One look for all figures, how they are saved, and what several of them draw: intervals, levels, densities."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from easyhard.atomic import atomic_path
from easyhard.report.metrics import Figure as Estimate
from easyhard.report.words import OWN, Label, estimate_text

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
INK, GREY = "#222222", "#6E6E6E"
"""Okabe and Ito's colours (2008), and two greys."""

LOOKS = {
    "hidden": (GREEN, "o"),
    "context": (PURPLE, "D"),
    "layers": (SKY, "v"),
    "low_rank": (ORANGE, "^"),
    "head": (BLUE, "s"),
    "all": (INK, "X"),
    OWN: (VERMILLION, "P"),
}
"""Colour and marker of each cost class."""

SMALL = 8.5

Column = NDArray[np.floating]

styled = style.context(Path(__file__).with_name("figures.mplstyle"), after_reset=True)
"""Has a drawing function draw in the house style, whatever the reader's own settings are."""


def canvas(width: float, height: float, title: str) -> Figure:
    """An empty figure of that size in inches, its message on top."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


@styled
def save(figure: Figure, svg: str | Path) -> None:
    """Write the figure as SVG, and as PNG beside it; the same figure gives the same bytes."""
    with atomic_path(svg) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
    with atomic_path(Path(svg).with_suffix(".png")) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})


def values_of(estimates: Sequence[Estimate]) -> Column:
    """The values, NaN for null, which leaves a gap."""
    return np.array([estimate.value for estimate in estimates], dtype=np.float64)


def reaches(estimates: Sequence[Estimate]) -> Column:
    """How far the intervals reach below and above the values, (2, n); 0 where there is no interval."""
    values = values_of(estimates)
    ends = [estimate.interval or (estimate.value, estimate.value) for estimate in estimates]
    low, high = np.array(ends, dtype=np.float64).reshape(-1, 2).T
    return np.nan_to_num([values - low, high - values])


def curve(axes: Axes, across: ArrayLike, estimates: Sequence[Estimate], *, scale: float = 1.0, **look: Any) -> None:
    """Points joined by a line at `across`, (n,), with the estimates' intervals as bars; `scale` multiplies values."""
    bars = scale * reaches(estimates)
    axes.errorbar(across, scale * values_of(estimates), yerr=bars, **{"elinewidth": 1, "capsize": 2} | look)


def level(axes: Axes, estimate: Estimate, label: Label, words: str) -> None:
    """A dashed line across the axes at the estimate, its interval as a band; words and figure go to the legend."""
    if estimate.value is None:
        return
    if estimate.interval:
        low, high = estimate.interval
        axes.axhspan(label.scale * low, label.scale * high, color=GREY, alpha=0.12, linewidth=0)
    name = f"{words}: {estimate_text(label, estimate)}"
    axes.axhline(label.scale * estimate.value, color=INK, linestyle="--", linewidth=1.2, label=name)


def annotate(axes: Axes, words: str, place: tuple[float, float], offset: tuple[float, float], **look: Any) -> None:
    """Words beside a place in data units, moved by an offset in points."""
    axes.annotate(words, place, xytext=offset, textcoords="offset points", **look)


def legend_below(figure: Figure, axes: Axes, columns: int = 2) -> Figure:
    """The figure, with the axes' legend below it."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=columns)
    return figure


def bars(axes: Axes, places: Sequence[int], names: Sequence[str]) -> None:
    """Name the rows of axes whose figures run from left to right."""
    axes.set_yticks(places, names)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    axes.tick_params(axis="y", length=0)


def log_ticks(axes: Any, places: Sequence[float], words: Sequence[str]) -> None:
    """Name these places of a log axis, of the panel's own or of a secondary one above it, and no others."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_major_formatter(FixedFormatter(words))
    axes.xaxis.set_minor_locator(NullLocator())
