"""The figures drawn from the table of all figures: each function draws one message.

Each raises InputError naming what it needs of its section and the table does not have.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullLocator

from easyhard.errors import InputError
from easyhard.report import items as choose
from easyhard.report.drawing import (
    BLUE,
    CURVES,
    GREEN,
    GREY,
    INK,
    LOOKS,
    ORANGE,
    PURPLE,
    SMALL,
    VERMILLION,
    Point,
    annotate,
    bars,
    canvas,
    curve,
    legend_below,
    level,
    log_ticks,
    place_names,
    reaches,
    styled,
    values_of,
)
from easyhard.report.entries import drawable
from easyhard.report.items import class_best, main_label, select_score, shortened, signals_by_class
from easyhard.report.labels import COST_CLASSES, hard_title, item_title, metric_label, signal_title
from easyhard.report.metrics import Figures
from easyhard.report.words import SIGNIFICANT, estimate, percent

COVERAGES = tuple(range(5, 101, 5))
FREE = 5.0
"""Signals that cost nothing are drawn this far left of the cheapest other one, as a factor."""

ROOM, HEADROOM = 2.2, 0.2
"""Kept free beside the outermost signals, as a factor of cost, and above the points for their names, of the height."""

STEPS = 80
"""Lines are kept clear of names at so many places."""

ROWS_OF_A_CLASS, FAR = 7, -0.1
"""What is further behind stands at the left edge with its number, so that it does not squeeze the rest."""

ASIDE = 0.025
"""Curves stand this far aside from each other, as a factor, so that their intervals can be told apart."""

SAME_SHARE = 0.05
"""Oracle shares nearer than this, in points, print alike: the exact line's label then does for both."""

KIND_COLOURS = {"plain": VERMILLION, "centred": GREEN, "weighted": BLUE}
PREVIEW: dict[str, Any] = {"marker": "o", "markersize": 5}
REFINED: dict[str, Any] = {"marker": "D", "markersize": 4, "linestyle": (0, (4, 2)), "markerfacecolor": "white"}
METHODS = {choose.TARGET: GREY, choose.LOGITS: BLUE, choose.TRAINED: GREEN}
FIDELITY = {
    "max_probability": (VERMILLION, "o"),
    "max_logit": (BLUE, "s"),
    "max_minus_mean": (GREEN, "^"),
    "margin": (PURPLE, "D"),
}


@styled
def pareto(figures: Figures) -> Figure:
    """Cost against quality: AUROC of the main label and oracle share of every signal, with intervals and the frontier.

    Named are the signals on the frontier and the best of each cost class; of low-rank signals there is the best of each
    kind and rank, plain and refined.
    """
    has_cost = partial(figures.has, "fair_signals", metric="cost_share")
    signals = {
        name: [item for item in shortened(figures, items, "kind", "rank", "refined") if has_cost(item)]
        for name, items in signals_by_class(figures).items()
        if name in LOOKS
    }
    every = [item for own in signals.values() for item in own]
    costs = {item: 100 * figures.number("fair_signals", item, "cost_share") for item in every}
    if not any(cost > 0 for cost in costs.values()):
        raise InputError("metrics: no fair_signals/…/cost_share above 0; the figure of cost against quality needs one")
    floor = min(cost for cost in costs.values() if cost > 0) / FREE
    label = main_label(figures)
    figure = canvas(9.0, 9.0, "What quality costs: every signal, and the best to be had at each cost")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[1.2, 1])
    upper.set_ylabel(f"AUROC, {hard_title(label)} nats")
    free = ", those that cost nothing at the left edge" if min(costs.values()) == 0 else ""
    lower.set(ylabel="share of the oracle's Loss Diff (%)", xscale="log")
    lower.set(xlabel=f"multiply-adds per token (% of the head's, log scale{free})")
    lower.set_xlim(floor / ROOM, ROOM * max(costs.values()))
    lower.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    lower.xaxis.set_minor_locator(NullLocator())
    lower.margins(y=0.1)
    at = {item: max(cost, floor) for item, cost in costs.items()}
    upper_places = _cloud(upper, figures, signals, at, f"auroc_{label}")
    lower_places = _cloud(lower, figures, signals, at, "oracle_share")
    panels = ((upper, upper_places, (label, "auroc")), (lower, lower_places, ("loss", "oracle_share")))
    for axes, _, ceiling in panels:
        bound = figures.get("fair_ceilings", *ceiling)
        level(axes, bound, metric_label("fair_ceilings", ceiling[1]), "attainable without the target")
        if bound.value is not None:
            axes.legend(loc="lower right", labelcolor=GREY)
    shapes = {COST_CLASSES[name]: LOOKS[name] for name, own in signals.items() if own}
    handles = [Line2D([], [], color=c, marker=m, linestyle="none", label=name) for name, (c, m) in shapes.items()]
    handles.append(Line2D([], [], color=INK, linewidth=1.1, label="best to be had at a cost or below"))
    figure.legend(handles=handles, loc="outside lower left", ncols=3, title="signals that need", alignment="left")
    frontiers = [_frontier(axes, places) for axes, places, _ in panels]
    figure.draw_without_rendering()  # settles the layout, which the names are placed by
    for (axes, places, _), (frontier, line) in zip(panels, frontiers, strict=True):
        told = {*frontier, *class_best(figures).values()}
        names = [(signal_title(item), place) for item, place in places.items() if item in told]
        place_names(axes, names, [*places.values(), *line, *_along_ceiling(axes)])
    return figure


@styled
def risk_coverage(figures: Figures) -> Figure:
    """Mean loss of the easiest tokens against their share: the best of each class, the oracle, a random order."""
    items = figures.items("fair_risk")
    best = {name: item for name, item in class_best(figures).items() if item in items}
    figure = canvas(7.6, 5.2, "How low is the loss of the tokens that a signal calls easiest?")
    axes = figure.subplots()

    def risks(item: str) -> list[Any]:
        return [figures.figure("fair_risk", item, f"risk_{coverage:02d}") for coverage in COVERAGES]

    for index, (name, item) in enumerate(best.items()):
        values, (low, high) = values_of(risks(item)), reaches(risks(item))
        colour, marker = LOOKS[name]
        look: dict[str, Any] = {"marker": marker, "markersize": 5, "markevery": (index, len(best)), "linewidth": 1.4}
        axes.plot(COVERAGES, values, color=colour, label=f"{signal_title(item)} ({COST_CLASSES[name]})", **look)
        axes.fill_between(COVERAGES, values - low, values + high, color=colour, alpha=0.15, linewidth=0)
    if "oracle" in items:
        axes.plot(COVERAGES, values_of(risks("oracle")), color=INK, linestyle="--", label="oracle (loss itself)")
    everything = figures.value("fair_risk", items[0], f"risk_{COVERAGES[-1]}")
    if everything is not None:
        axes.axhline(everything, color=GREY, linestyle=":", label=f"random: {everything:.2f}, the mean of all")
    axes.set(xlim=(0, 101), xticks=range(0, 101, 10), xlabel="coverage: the tokens called easiest (% of all)")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("their mean loss (nats)")
    return legend_below(figure, axes)


@styled
def differences(figures: Figures) -> Figure:
    """Forest plot: each signal's difference in AUROC from the best head signal, sorted, grouped by cost class.

    Without a head signal it is the difference from the best of the same class. Of each class there are at most
    ROWS_OF_A_CLASS signals, the best on select; of low-rank ones the best of each kind.
    """
    head = class_best(figures).get("head")
    groups: dict[str, tuple[str, list[str]]] = {}
    for name, items in signals_by_class(figures).items():
        metric = "auroc_from_head_best" if head and name != "head" else "auroc_from_class_best"
        own = _compared(figures, items, metric) if name in LOOKS else []
        if own:
            groups[name] = metric, own
    if not groups:
        raise InputError("metrics: no figure fair_differences/…/auroc_from_class_best; the forest plot needs one")
    rows = sum(1 + len(own) for _, own in groups.values())
    against = signal_title(head) if head else "the best of its class"
    figure = canvas(8.6, 0.235 * rows + 1.6, f"AUROC of each signal against {against}")
    axes = figure.subplots()
    names: dict[int, str] = {}
    position = 0
    for name, (metric, own) in groups.items():
        look = {"xycoords": axes.get_yaxis_transform(), "ha": "right", "va": "center", "weight": "bold"}
        annotate(axes, COST_CLASSES[name], (0, position), (-5, 0), color=LOOKS[name][0], **look)
        for item in own:
            position += 1
            names[position] = signal_title(item)
            _forest_row(axes, figures, (item, metric), position, LOOKS[name])
        position += 1
    axes.axvline(0, color=INK, linewidth=1)
    bars(axes, list(names), list(names.values()))
    axes.spines["left"].set_visible(False)
    axes.set(ylim=(position - 0.3, -0.8), xlim=(max(axes.get_xlim()[0], FAR - 0.004), axes.get_xlim()[1]))
    axes.set_xlabel(f"difference in AUROC, {hard_title(main_label(figures))} nats, with its 95 % interval")
    axes.set_title("cost, of the head's", loc="right", fontsize=SMALL, color=GREY)
    point = partial(Line2D, [], [], color=GREY, linestyle="none")
    filled = point(marker="o", label=f"differs: Holm p < {SIGNIFICANT:g}")
    hollow = point(marker="o", markerfacecolor="white", label="may not differ")
    far = point(marker="<", label=f"further behind than {-FAR:g}")
    figure.legend(handles=[filled, hollow, far], loc="outside lower left", ncols=3)
    return figure


@styled
def low_rank_kinds(figures: Figures) -> Figure:
    """By rank, and by cost on the upper axis: the max probability's r, the argmax kept, and AUROC, for each kind."""
    kinds = choose.ranks_by_kind(figures)
    score, exact = f"auroc_{main_label(figures)}", _low_rank_metric(figures)
    figure = canvas(11.0, 4.9, "Low rank against exact, by rank and by cost")
    left, middle, right = figure.subplots(1, 3)
    for kind, ranks in kinds.items():
        for axes, section, item, metric, look in (
            (left, "fair_low_rank", "", "max_probability_pearson", PREVIEW),
            (left, "fair_low_rank", "", "refined_max_probability_pearson", REFINED),
            (middle, "fair_low_rank", "", "argmax_kept", PREVIEW),
            (middle, "fair_low_rank", "", "argmax_kept_refined", REFINED),
            (right, "fair_signals", f"/{exact}", score, PREVIEW),
            (right, "fair_signals", f"/refined_{exact}", score, REFINED),
        ):
            items = [f"{kind}/{rank}{item}" for rank in ranks]
            needed = axes is not right and look is PREVIEW
            if needed or any(figures.has(section, item, metric) for item in items):
                found, scale = figures.column(section, items, metric), metric_label(section, metric).scale
                curve(axes, ranks, found, scale=scale, color=KIND_COLOURS.get(kind, GREY), **look)
    if exact is not None:
        level(
            right, figures.get("fair_signals", exact, score), metric_label("", "auroc"), f"exact {signal_title(exact)}"
        )
    left.set_ylabel("r of the max probability with the exact one")
    middle.set_ylabel("argmax kept (% of tokens)")
    right.set_ylabel(f"AUROC, {hard_title(main_label(figures))} nats")
    separates = f"does low-rank {signal_title(exact)} separate?" if exact else "does it separate?"
    every = sorted({rank for ranks in kinds.values() for rank in ranks})
    costs = [figures.get("fair_low_rank", f"{next(iter(kinds))}/{rank}", "cost_share").value for rank in every]
    titles = ("is the max probability kept?", "is the first choice kept?", separates)
    for axes, title in zip((left, middle, right), titles, strict=True):
        axes.set_title(title, pad=12)
        axes.set_xlabel("rank (log scale)")
        log_ticks(axes, every, [str(rank) for rank in every])
        above = axes.secondary_xaxis("top")
        log_ticks(above, every, [percent(cost) for cost in costs])
        above.set_xlabel("multiply-adds (% of the head's)", fontsize=SMALL)
    handles = [Line2D([], [], color=KIND_COLOURS.get(kind, GREY), marker="o", label=kind) for kind in kinds]
    handles.append(Line2D([], [], color=GREY, label="refined: its likeliest words computed exactly", **REFINED))
    handles += right.get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside lower left", ncols=5, handlelength=2.6)
    return figure


@styled
def learning_curve(figures: Figures) -> Figure:
    """AUROC of the main label against the tokens a probe was fitted on, with intervals, beside the best head signal."""
    probes: dict[str, list[str]] = {}
    for item in figures.items("fair_learning"):
        probes.setdefault(item.rpartition("/")[0], []).append(item)
    figure = canvas(7.6, 4.9, "Would more text to fit on help?")
    axes = figure.subplots()
    shown: set[float] = set()
    for index, (probe, items) in enumerate(probes.items()):
        colour, marker = CURVES[index % len(CURVES)]
        tokens = values_of(figures.column("fair_learning", items, "tokens"))
        shown |= set(tokens.tolist())
        across = tokens * (1 + ASIDE * (index - (len(probes) - 1) / 2))
        scores = figures.column("fair_learning", items, "auroc")
        curve(axes, across, scores, color=colour, marker=marker, markersize=5, label=signal_title(probe))
    head = class_best(figures).get("head")
    if head is not None:
        exact = figures.figure("fair_signals", head, f"auroc_{main_label(figures)}")
        level(axes, exact, metric_label("", "auroc"), f"{signal_title(head)} (a pass over the vocabulary)")
    log_ticks(axes, sorted(shown), [f"{tokens:,.0f}" for tokens in sorted(shown)])
    axes.set(xlabel="tokens fitted on (log scale)", ylabel=f"AUROC, {hard_title(main_label(figures))} nats")
    return legend_below(figure, axes)


@styled
def reliability(figures: Figures) -> Figure:
    """Accuracy against confidence in bins, with and without the temperature; below, how many tokens each bin has."""
    figure = canvas(5.8, 6.4, "Is the model right as often as it is sure?")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle="--", label="as often as it is sure")
    said = partial(estimate, figures, "fair_calibration")
    titles = {"model": "as it is", "temperature": f"temperature {said('temperature', 'temperature')}"}
    for (model, title), (colour, marker) in zip(titles.items(), ((VERMILLION, "o"), (BLUE, "s")), strict=True):
        bins = [item for item in figures.items("fair_calibration") if item.startswith(f"{model}/")]
        used = [item for item in bins if figures.value("fair_calibration", item, "tokens")]
        column = partial(figures.column, "fair_calibration", used)
        sure, tokens = 100 * values_of(column("confidence")), values_of(column("tokens"))
        look = {"color": colour, "marker": marker, "markersize": 5}
        curve(upper, sure, column("accuracy"), scale=100, label=f"{title}: ECE {said(model, 'ece')} %", **look)
        lower.plot(sure, 100 * tokens / tokens.sum(), **look)
    upper.set(ylabel="accuracy (%)", ylim=(0, 100))
    upper.legend(loc="upper left")
    lower.set(ylabel="tokens (%)", xlim=(0, 100), xlabel="confidence: the max probability (%)")
    lower.set_ylim(bottom=0)
    return figure


@styled
def separation(figures: Figures) -> Figure:
    """Loss Diff of every method at the median cut and its share of the oracle's; apart, classifiers at their own."""
    oracle = figures.value("separation", "oracle", "loss_diff")
    if not oracle:
        raise InputError("metrics: separation/oracle/loss_diff is null or zero; the separation figure needs an oracle")
    median = [method for method in reversed(choose.median_cut(figures)) if method.loss_diff.value is not None]
    own = [method for method in reversed(choose.own_cut(figures)) if method.loss_diff.value is not None]
    shares = [f"{100 * method.value / oracle:.1f} %" for method in median]
    called = [f"calls {100 * (method.easy_share or 0):.0f} % easy" for method in own]
    figure = canvas(7.4, 0.27 * (len(median) + len(own)) + 1.9, "How far apart each method puts easy and hard tokens")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[len(median) + 0.6, len(own) + 0.6])
    for axes, methods, words in ((upper, median, shares), (lower, own, called)):
        colours = [METHODS[method.sees] if axes is upper else ORANGE for method in methods]
        axes.barh(range(len(methods)), [method.value for method in methods], height=0.7, color=colours)
        for position, (method, said) in enumerate(zip(methods, words, strict=True)):
            annotate(axes, said, (max(method.value, 0.0), position), (4, 0), va="center", fontsize=SMALL)
        bars(axes, range(len(methods)), [method.title for method in methods])
        axes.margins(x=0.12, y=0.03)
    upper.set_title("cut at the median; label: share of the oracle's Loss Diff")
    lower.set_title("cut at its own threshold: not to be compared with the above")
    lower.set_xlabel("Loss Diff: mean loss of hard minus easy tokens (nats)")
    upper.legend([Patch(color=colour) for colour in METHODS.values()], list(METHODS), loc="lower right")
    return figure


@styled
def plain_low_rank(figures: Figures) -> Figure:
    """By rank of the plain SVD: r of each low-rank metric with the exact one, and oracle share of max − mean."""
    ranks = choose.plain_ranks(figures)
    figure = canvas(9.0, 3.9, "Low rank against exact, plain SVD of the head")
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])

    def by_rank(metric: str) -> Any:
        return values_of([figures.figure("low_rank", rank, metric) for rank in ranks])

    for name, (colour, marker) in FIDELITY.items():
        look = {"color": colour, "marker": marker, "markersize": 5, "label": item_title(name)}
        left.plot(range(len(ranks)), by_rank(f"{name}_pearson"), **look)
    left.axhline(0, color=GREY, linewidth=0.8)
    left.set(ylabel="r with the exact metric", title="does low rank keep the metric?")
    left.legend(loc="best")
    exact = figures.value("separation", "max_minus_mean", "oracle_share")
    shares = 100.0 * by_rank("oracle_share")
    right.plot(range(len(ranks)), shares, color=GREEN, marker="^", markersize=6)
    for position, share in enumerate(shares):
        if exact is None or abs(share - 100 * exact) >= SAME_SHARE:
            annotate(right, f"{share:.1f}", (position, share), (0, -15), ha="center")
    if exact is not None:
        right.axhline(100 * exact, color=INK, linestyle="--", linewidth=1)
        annotate(right, f"exact {100 * exact:.1f} %", (0, 100 * exact), (0, 4))
    right.set_ylim(0, 1.25 * np.nanmax([*shares, 100 * (exact or 0)]))
    right.set(ylabel="share of the oracle's Loss Diff (%)", title="does low-rank max − mean still separate?")
    for axes in (left, right):
        axes.margins(x=0.07)
        axes.set_xticks(range(len(ranks)), [item_title(rank) for rank in ranks])
        axes.set_xlabel("rank")
    return figure


DRAW: dict[str, Callable[[Figures], Figure]] = {
    **{"pareto": pareto, "risk_coverage": risk_coverage, "differences": differences, "low_rank_kinds": low_rank_kinds},
    **{"learning_curve": learning_curve, "reliability": reliability},
    **{"separation": separation, "low_rank": plain_low_rank},
}


def draw_all(figures: Figures) -> dict[str, Figure]:
    """Every figure that the table has the sections for, by name."""
    return {name: DRAW[name](figures) for name in drawable(figures)}


def _cloud(
    axes: Axes, figures: Figures, signals: dict[str, list[str]], costs: dict[str, float], metric: str
) -> dict[str, Point]:
    """Draw the signals of each class with their intervals; return where each stands, in data units."""
    places: dict[str, Point] = {}
    scale = metric_label("fair_signals", metric).scale
    for name, items in signals.items():
        known = [item for item in items if figures.has("fair_signals", item, metric)]
        found = [figures.get("fair_signals", item, metric) for item in known]
        places |= {item: (costs[item], scale * (one.value or 0)) for item, one in zip(known, found, strict=True)}
        look = {
            "color": LOOKS[name][0],
            "marker": LOOKS[name][1],
            "linestyle": "none",
            "markersize": 4.5,
            "alpha": 0.55,
        }
        if known:
            curve(axes, [costs[item] for item in known], found, scale=scale, capsize=0, elinewidth=0.8, **look)
    if not places:
        raise InputError(f"metrics: no figure fair_signals/…/{metric}; the figure of cost against quality needs it")
    return places


def _frontier(axes: Axes, places: dict[str, Point]) -> tuple[list[str], list[Point]]:
    """Draw the line of the best at each cost or below; return the signals on it, the cheapest first, and its places."""
    frontier: list[str] = []
    for item in sorted(places, key=lambda name: (places[name][0], -places[name][1])):
        if not frontier or places[item][1] > places[frontier[-1]][1]:
            frontier.append(item)
    x, y = (np.array(values) for values in zip(*(places[item] for item in frontier), strict=True))
    axes.step([*x, axes.get_xlim()[1]], [*y, y[-1]], where="post", color=INK, linewidth=1.1, zorder=1)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + HEADROOM * (high - low))
    across = [at for at in np.geomspace(*axes.get_xlim(), STEPS) if at >= x[0]]
    line = [(at, float(y[np.searchsorted(x, at, "right") - 1])) for at in across]
    for at, foot, top in zip(x[1:], y[:-1], y[1:], strict=True):
        line += [(float(at), float(height)) for height in np.linspace(foot, top, STEPS // 4)]
    return frontier, line


def _along_ceiling(axes: Axes) -> list[Point]:
    dashed = [line for line in axes.get_lines() if line.get_linestyle() == "--"]
    heights = [float(np.asarray(line.get_ydata())[0]) for line in dashed]
    return [(float(at), height) for at in np.geomspace(*axes.get_xlim(), STEPS) for height in heights]


def _compared(figures: Figures, items: Sequence[str], metric: str) -> list[str]:
    """The signals of a class to draw, from the highest difference down."""
    best = class_best(figures).values()
    measured = [item for item in shortened(figures, items) if figures.has("fair_differences", item, metric)]
    others = [item for item in measured if item not in best or metric == "auroc_from_head_best"]
    kept = sorted(others, key=lambda item: -select_score(figures, item))[:ROWS_OF_A_CLASS]
    return sorted(kept, key=lambda item: -figures.number("fair_differences", item, metric))


def _forest_row(axes: Axes, figures: Figures, name: tuple[str, str], position: int, look: tuple[str, str]) -> None:
    """One signal's difference: filled where its Holm-adjusted p is below the level; its cost at the right."""
    item, metric = name
    found = figures.figure("fair_differences", item, metric)
    p = figures.get("fair_differences", item, f"{metric}_p").value
    value, (colour, marker) = found.value or 0.0, look
    if value < FAR:
        axes.plot(FAR, position, color=colour, marker="<", markersize=6)
        annotate(axes, f"−{-value:.3f}", (FAR, position), (8, 0), va="center", fontsize=SMALL)
    else:
        shape: dict[str, Any] = {"color": colour, "fmt": marker, "elinewidth": 1.4}
        face = colour if p is not None and p < SIGNIFICANT else "white"
        axes.errorbar([value], [position], xerr=reaches([found]), markerfacecolor=face, **shape)
    cost = figures.get("fair_signals", item, "cost_share").value
    if cost is not None:
        place: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center"}
        axes.text(1.01, position, f"{percent(cost)} %", fontsize=SMALL, color=GREY, **place)


def _low_rank_metric(figures: Figures) -> str | None:
    """The metric whose low-rank signals select likes best; None where no signal is of low rank."""
    scores: dict[str, float] = {}
    for item in figures.items("fair_signals"):
        parts = choose.low_rank(item)
        if parts:
            scores[parts.metric] = max(select_score(figures, item), scores.get(parts.metric, float("-inf")))
    return max(scores, key=scores.__getitem__, default=None)
