"""The figure of cost against quality."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from easyhard.errors import InputError
from easyhard.report.fair_drawing import LOOKS, Words, level, place_labels, reaches
from easyhard.report.fair_items import best_by, class_best, low_rank, main_label, number, optional, signals_by_class
from easyhard.report.labels import COST_CLASSES, hard_title, metric_label, signal_title
from easyhard.report.metrics import Figures
from easyhard.report.style import GREY, INK, canvas, styled

FREE = 5.0
"""Signals that cost nothing are drawn this far left of the cheapest other one, as a factor."""

HEADROOM = 0.2
"""So much of the height is kept free above the points for their names."""

STEPS = 80
"""Lines are kept clear of names at so many places."""

ROOM = 2.2
"""So much room, as a factor of cost, is left beside the outermost signals."""

Places = dict[str, tuple[float, float]]
"""Where each signal stands, in data units."""


@styled
def pareto(figures: Figures) -> Figure:
    """Cost against quality: AUROC of the main label and oracle share of every signal, with intervals and the frontier.

    Named are the signals on the frontier and the best of each cost class; of low-rank signals there is the best of each
    kind and rank, plain and refined. Raises InputError where no cost is known.
    """
    classes = {name: _shown(figures, items) for name, items in signals_by_class(figures).items() if name in LOOKS}
    items = [item for own in classes.values() for item in own]
    costs = [_cost(figures, item) for item in items]
    if not any(cost > 0 for cost in costs):
        raise InputError("metrics: no fair_signals/…/cost_share above 0; the figure of cost against quality needs one")
    label = main_label(figures)
    figure = canvas(9.0, 9.0, "What quality costs: every signal, and the best to be had at each cost")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[1.2, 1])
    upper.set_ylabel(f"AUROC, {hard_title(label)} nats")
    lower.set_ylabel("share of the oracle's Loss Diff (%)")
    floor = min(cost for cost in costs if cost > 0) / FREE
    _cost_axis(lower, floor, costs)
    panels = [
        (axes, _panel(axes, figures, classes, (metric, *ceiling), floor))
        for axes, metric, ceiling in (
            (upper, f"auroc_{label}", (label, "auroc")),
            (lower, "oracle_share", ("loss", "oracle_share")),
        )
    ]
    _legends(figure, upper, lower, [name for name, own in classes.items() if own])
    drawn = [(axes, places, _frontier(axes, places)) for axes, places in panels]
    figure.draw_without_rendering()  # settles the layout, which the names are placed by
    for axes, places, frontier in drawn:
        best = class_best(figures).values()
        named = [Words(signal_title(item), place) for item, place in places.items() if item in frontier or item in best]
        place_labels(axes, named, [*places.values(), *_along_lines(axes)])
    return figure


def _panel(
    axes: Axes, figures: Figures, classes: dict[str, list[str]], names: tuple[str, str, str], floor: float
) -> Places:
    """Draw one metric of every signal and its ceiling; `names` are the metric, and the ceiling's item and metric."""
    metric, item, bound = names
    places = {name: _places(figures, own, metric, floor) for name, own in classes.items()}
    if not any(places.values()):
        raise InputError(f"metrics: no figure fair_signals/…/{metric}; the figure of cost against quality needs it")
    for name, own in places.items():
        _cloud(axes, figures, own, metric, LOOKS[name])
    level(
        axes,
        optional(figures, "fair_ceilings", item, bound),
        metric_label("fair_ceilings", bound),
        "attainable without the target",
    )
    return {item: place for own in places.values() for item, place in own.items()}


def _shown(figures: Figures, items: list[str]) -> list[str]:
    best = set(best_by(figures, items, "kind", "rank", "refined"))
    known = [item for item in items if figures.has("fair_signals", item, "cost_share")]
    return [item for item in known if low_rank(item) is None or item in best]


def _cost(figures: Figures, item: str) -> float:
    """Multiply-adds in % of the head's."""
    return 100 * number(figures, "fair_signals", item, "cost_share")


def _places(figures: Figures, items: list[str], metric: str, floor: float) -> Places:
    """Cost in % of the head's, the free ones at the floor, and the metric as printed, of the signals that have it."""
    scale = metric_label("fair_signals", metric).scale
    measured = [item for item in items if figures.has("fair_signals", item, metric)]
    return {
        item: (max(_cost(figures, item), floor), scale * number(figures, "fair_signals", item, metric))
        for item in measured
    }


def _cloud(axes: Axes, figures: Figures, places: Places, metric: str, look: tuple[str, str]) -> None:
    """The signals of one class with their intervals."""
    if not places:
        return
    x, y = zip(*places.values(), strict=True)
    scale = metric_label("fair_signals", metric).scale
    spread = scale * reaches([figures.figure("fair_signals", item, metric) for item in places])
    axes.errorbar(x, y, yerr=spread, color=look[0], fmt=look[1], markersize=4.5, elinewidth=0.8, alpha=0.55)


def _cost_axis(axes: Axes, floor: float, costs: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(floor / ROOM, ROOM * max(costs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    free = ", those that cost nothing at the left edge" if min(costs) == 0 else ""
    axes.set_xlabel(f"multiply-adds per token (% of the head's, log scale{free})")
    axes.margins(y=0.1)


def _legends(figure: Figure, upper: Axes, lower: Axes, classes: list[str]) -> None:
    """The cost classes below the panels; in each panel its ceiling."""
    handles = [
        Line2D([], [], color=LOOKS[name][0], marker=LOOKS[name][1], linestyle="none", label=COST_CLASSES[name])
        for name in classes
    ]
    handles.append(Line2D([], [], color=INK, linewidth=1.1, label="best to be had at a cost or below"))
    figure.legend(handles=handles, loc="outside lower left", ncols=3, title="signals that need", alignment="left")
    for axes in (upper, lower):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="lower right", labelcolor=GREY)


def _frontier(axes: Axes, places: Places) -> list[str]:
    """Draw the line of the best at each cost or below; return the signals on it, the cheapest first."""
    frontier: list[str] = []
    for item in sorted(places, key=lambda name: (places[name][0], -places[name][1])):
        if not frontier or places[item][1] > places[frontier[-1]][1]:
            frontier.append(item)
    x, y = zip(*(places[item] for item in frontier), strict=True)
    axes.step([*x, axes.get_xlim()[1]], [*y, y[-1]], where="post", color=INK, linewidth=1.1, zorder=1)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + HEADROOM * (high - low))
    return frontier


def _along_lines(axes: Axes) -> list[tuple[float, float]]:
    """Places along the frontier and the ceiling, for names to keep clear of."""
    across = np.geomspace(*axes.get_xlim(), STEPS)
    found = []
    for line in axes.get_lines():
        x, y = (np.asarray(values, dtype=float) for values in line.get_data())
        if line.get_linestyle() == "--":
            found += [(place, float(y[0])) for place in across]
        elif line.get_drawstyle() == "steps-post":
            found += [(place, float(y[np.searchsorted(x, place, "right") - 1])) for place in across if place >= x[0]]
            for place, low, high in zip(x[1:-1], y[:-2], y[1:-1], strict=True):
                found += [(float(place), float(height)) for height in np.linspace(low, high, STEPS // 4)]
    return found
