"""One look for all figures, how they are saved, and what several of them draw: intervals, levels, densities."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from easyhard.atomic import atomic_path
from easyhard.report.labels import OWN, Label
from easyhard.report.metrics import Figure as Estimate
from easyhard.report.words import estimate_text

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
TRIM = 0.005
"""The share of tokens at either end that a density panel leaves out, so that a few far ones do not squeeze the rest."""

DENSITY_BINS, MEAN_BINS = 50, 20

Column = NDArray[np.floating]
Point = tuple[float, float]

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


def annotate(axes: Axes, words: str, place: Point, offset: Point, **look: Any) -> None:
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


def density_panels(
    title: str, panels: Sequence[tuple[str, str, Column, Column]], up_label: str, height: float, diagonal: bool = False
) -> Figure:
    """A panel each of (title, axis, across, up), (tokens,) both: the tokens' density, mean and quartiles of `up`.

    `diagonal` draws where the two are the same; without it their correlation is written in the panel.
    """
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure = canvas(2.65 * columns, height * rows + 0.7, title)
    grid = figure.subplots(rows, columns, sharex=diagonal, sharey=True, squeeze=False)
    for index, (axes, (name, axis, across, up)) in enumerate(zip(grid.flat, panels, strict=False)):
        loss = across if diagonal else up
        reach = float(loss.min()), float(np.quantile(loss, 1 - TRIM))
        low, high = (float(end) for end in np.quantile(across, [TRIM, 1 - TRIM]))
        inside = [[low, high if high > low else low + 1.0], list(reach)]
        most = np.histogram2d(across, up, bins=DENSITY_BINS, range=inside)[0].max()  # 0 where all lie outside
        norm = LogNorm(0.4, max(2.0, 1.5 * float(most)))
        look_of_cells: dict[str, Any] = {"cmap": "Blues", "norm": norm, "rasterized": True}
        axes.hist2d(across, up, bins=DENSITY_BINS, range=inside, cmin=1, **look_of_cells)
        axes.set(title=name, xlabel=axis, xlim=inside[0], ylim=reach)
        axes.grid(visible=False)
        if diagonal:
            axes.plot(reach, reach, color=GREY, linewidth=1, linestyle="--", label="prediction = loss")
        else:
            box = {"facecolor": "white", "alpha": 0.85, "linewidth": 0, "pad": 2}
            look = {"ha": "right", "va": "top", "bbox": box}
            axes.text(0.97, 0.97, f"r = {correlation(across, up)}", transform=axes.transAxes, **look)
        _binned_mean(axes, across, up)
        if index % columns == 0:
            axes.set_ylabel(up_label)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    return legend_below(figure, grid.flat[0], columns=3)


def correlation(one: Column, other: Column) -> str:
    """Pearson's r as printed; a dash where one of the two is constant."""
    return f"{np.corrcoef(one, other)[0, 1]:.3f}" if one.std() and other.std() else "–"


def _binned_mean(axes: Axes, across: Column, up: Column) -> None:
    """The mean and the quartiles of `up` in bins of `across` that hold equally many tokens."""
    bins = [part for part in np.array_split(np.argsort(across, kind="stable"), MEAN_BINS) if len(part)]
    centres = [float(np.median(across[part])) for part in bins]
    quartiles = np.array([np.quantile(up[part], [0.25, 0.75]) for part in bins])
    axes.fill_between(centres, quartiles[:, 0], quartiles[:, 1], color=ORANGE, alpha=0.12, linewidth=0)
    axes.plot(centres, quartiles, color=VERMILLION, linewidth=0.9, linestyle=(0, (3, 2)), label=["quartiles", "_upper"])
    means = [float(up[part].mean()) for part in bins]
    axes.plot(centres, means, color=VERMILLION, linewidth=2.2, label="mean, bins of equal size")
