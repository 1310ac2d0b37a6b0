"""The figures drawn from the table of all figures: each function draws one message.

Each raises InputError naming what it needs of its section and the table does not have.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullLocator

from easyhard.errors import InputError
from easyhard.report import drawing as draw
from easyhard.report import items as choose
from easyhard.report import words
from easyhard.report.drawing import BLUE, GREEN, GREY, INK, LOOKS, ORANGE, PURPLE, SMALL, VERMILLION
from easyhard.report.exit_figure import draw_exits
from easyhard.report.items import class_best, main_label, select_score, shortened, signals_by_class
from easyhard.report.metrics import Figures
from easyhard.report.policy_figure import draw_policies
from easyhard.report.words import COST_CLASSES, hard_title, item_title, metric_label, percent, signal_title

COVERAGES = tuple(range(5, 101, 5))
FREE, ROOM = 5.0, 2.2
"""Signals that cost nothing are drawn this far left of the cheapest other one, and so much is free at both edges."""

ROWS_OF_A_CLASS, FAR = 7, -0.1
"""What is further behind stands at the left edge with its number, so that it does not squeeze the rest."""

ASIDE = 0.025
"""Curves stand this far aside from each other, as a factor, so that their intervals can be told apart."""

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


@draw.styled
def pareto(figures: Figures) -> Figure:
    """Cost against quality: AUROC of the main label and oracle share of every signal, with intervals and the frontier.

    Named are the signals on the frontier and the best of each cost class; of low-rank signals there is the best of each
    kind and rank, plain and refined.
    """
    figures.column("fair_signals", figures.items("fair_signals"), "cost_share")  # raises where no cost is known
    has_cost = partial(figures.has, "fair_signals", metric="cost_share")
    signals = {
        name: list(filter(has_cost, shortened(figures, items, by_rank=True)))
        for name, items in signals_by_class(figures).items()
        if name in LOOKS
    }
    costs = {item: 100 * figures.number("fair_signals", item, "cost_share") for own in signals.values() for item in own}
    floor = min(cost for cost in costs.values() if cost > 0) / FREE
    at = {item: max(cost, floor) for item, cost in costs.items()}
    label = main_label(figures)
    figure = draw.canvas(10.5, 9.0, "What quality costs: every signal, and the best to be had at each cost")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[1.2, 1])
    upper.set_ylabel(f"AUROC, {hard_title(label)} nats")
    free = ", those that cost nothing at the left edge" if min(costs.values()) == 0 else ""
    lower.set(ylabel="share of the oracle's Loss Diff (%)", xscale="log")
    lower.set(xlabel=f"multiply-adds per token (% of the head's, log scale{free})")
    lower.set_xlim(floor / ROOM, ROOM * max(costs.values()))
    lower.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    lower.xaxis.set_minor_locator(NullLocator())
    for axes, metric, ceiling in (
        (upper, f"auroc_{label}", (label, "auroc")),
        (lower, "oracle_share", ("loss", "oracle_share")),
    ):
        _cloud(axes, figures, signals, at, metric)
        bound = figures.get("fair_ceilings", *ceiling)
        draw.level(axes, bound, metric_label("fair_ceilings", ceiling[1]), "attainable without the target")
        if bound.value is not None:
            axes.legend(loc="lower right", labelcolor=GREY)
    shapes = {COST_CLASSES[name]: LOOKS[name] for name, own in signals.items() if own}
    handles = [Line2D([], [], color=c, marker=m, linestyle="none", label=name) for name, (c, m) in shapes.items()]
    handles.append(Line2D([], [], color=INK, linewidth=1.1, label="best to be had at a cost or below"))
    figure.legend(handles=handles, loc="outside lower left", ncols=3, title="signals that need", alignment="left")
    return figure


def _cloud(
    axes: Axes, figures: Figures, signals: Mapping[str, Sequence[str]], costs: Mapping[str, float], metric: str
) -> None:
    """The signals of each class with their intervals, the line of the best at each cost or below, names at the right.

    `costs` says where each signal stands, in percent.
    """
    scale = metric_label("fair_signals", metric).scale
    figures.column("fair_signals", list(costs), metric)  # raises where no signal has it
    heights = {item: scale * figures.number("fair_signals", item, metric) for item in costs}
    heights = {item: height for item, height in heights.items() if height > float("-inf")}
    for name, items in signals.items():
        known = [item for item in items if item in heights]
        found, (colour, marker) = figures.column("fair_signals", known, metric) if known else [], LOOKS[name]
        look = {"fmt": marker, "color": colour, "markersize": 4.5, "alpha": 0.55, "capsize": 0, "elinewidth": 0.8}
        draw.curve(axes, [costs[item] for item in known], found, scale=scale, **look)
    frontier: list[str] = []
    for item in sorted(heights, key=lambda name: (costs[name], -heights[name])):
        if not frontier or heights[item] > heights[frontier[-1]]:
            frontier.append(item)
    across, up = [costs[item] for item in frontier], [heights[item] for item in frontier]
    axes.step([*across, axes.get_xlim()[1]], [*up, up[-1]], where="post", color=INK, linewidth=1.1, zorder=1)
    told = [item for item in heights if item in {*frontier, *class_best(figures).values()}]
    look_of_name: dict[str, Any] = {"textcoords": "axes fraction", "va": "center", "fontsize": SMALL}
    look_of_name["arrowprops"] = {"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "relpos": (0, 0.5), "shrinkB": 3}
    for item, height in zip(sorted(told, key=heights.__getitem__), np.linspace(0.04, 0.96, len(told)), strict=True):
        axes.annotate(signal_title(item), (costs[item], heights[item]), (1.03, float(height)), **look_of_name)


@draw.styled
def risk_coverage(figures: Figures) -> Figure:
    """Mean loss of the easiest tokens against their share: the best of each class, the oracle, a random order."""
    items = figures.items("fair_risk")
    best = {name: item for name, item in class_best(figures).items() if item in items}
    figure = draw.canvas(7.6, 5.2, "How low is the loss of the tokens that a signal calls easiest?")
    axes = figure.subplots()

    def risks(item: str) -> list[Any]:
        return [figures.figure("fair_risk", item, f"risk_{coverage:02d}") for coverage in COVERAGES]

    for index, (name, item) in enumerate(best.items()):
        values, (low, high) = draw.values_of(risks(item)), draw.reaches(risks(item))
        colour, marker = LOOKS[name]
        look: dict[str, Any] = {"marker": marker, "markersize": 5, "markevery": (index, len(best)), "linewidth": 1.4}
        axes.plot(COVERAGES, values, color=colour, label=f"{signal_title(item)} ({COST_CLASSES[name]})", **look)
        axes.fill_between(COVERAGES, values - low, values + high, color=colour, alpha=0.15, linewidth=0)
    if "oracle" in items:
        axes.plot(COVERAGES, draw.values_of(risks("oracle")), color=INK, linestyle="--", label="oracle (loss itself)")
    everything = figures.value("fair_risk", items[0], f"risk_{COVERAGES[-1]}")
    if everything is not None:
        axes.axhline(everything, color=GREY, linestyle=":", label=f"random: {everything:.2f}, the mean of all")
    axes.set(xlim=(0, 101), xticks=range(0, 101, 10), xlabel="coverage: the tokens called easiest (% of all)")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("their mean loss (nats)")
    return draw.legend_below(figure, axes)


@draw.styled
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
    figure = draw.canvas(8.6, 0.235 * rows + 1.6, f"AUROC of each signal against {against}")
    axes = figure.subplots()
    names: dict[int, str] = {}
    position = 0
    for name, (metric, own) in groups.items():
        look = {"xycoords": axes.get_yaxis_transform(), "ha": "right", "va": "center", "weight": "bold"}
        draw.annotate(axes, COST_CLASSES[name], (0, position), (-5, 0), color=LOOKS[name][0], **look)
        for item in own:
            position += 1
            names[position] = signal_title(item)
            _forest_row(axes, figures, (item, metric), position, LOOKS[name])
        position += 1
    axes.axvline(0, color=INK, linewidth=1)
    draw.bars(axes, list(names), list(names.values()))
    axes.spines["left"].set_visible(False)
    axes.set(ylim=(position - 0.3, -0.8), xlim=(max(axes.get_xlim()[0], FAR - 0.004), axes.get_xlim()[1]))
    axes.set_xlabel(f"difference in AUROC, {hard_title(main_label(figures))} nats, with its 95 % interval")
    axes.set_title("cost, of the head's", loc="right", fontsize=SMALL, color=GREY)
    point = partial(Line2D, [], [], color=GREY, linestyle="none")
    filled = point(marker="o", label=f"differs: Holm p < {words.SIGNIFICANT:g}")
    hollow = point(marker="o", markerfacecolor="white", label="may not differ")
    far = point(marker="<", label=f"further behind than {-FAR:g}")
    figure.legend(handles=[filled, hollow, far], loc="outside lower left", ncols=3)
    return figure


def _compared(figures: Figures, items: Sequence[str], metric: str) -> list[str]:
    """The signals of a class to draw, from the highest difference down."""
    measured = [item for item in shortened(figures, items) if figures.has("fair_differences", item, metric)]
    kept = sorted(measured, key=lambda item: -select_score(figures, item))[:ROWS_OF_A_CLASS]
    return sorted(kept, key=lambda item: -figures.number("fair_differences", item, metric))


def _forest_row(axes: Axes, figures: Figures, name: tuple[str, str], position: int, look: tuple[str, str]) -> None:
    """One signal's difference: filled where its Holm-adjusted p is below the level; its cost at the right."""
    item, metric = name
    found = figures.figure("fair_differences", item, metric)
    p = figures.get("fair_differences", item, f"{metric}_p").value
    value, (colour, marker) = found.value or 0.0, look
    if value < FAR:
        axes.plot(FAR, position, color=colour, marker="<", markersize=6)
        draw.annotate(axes, f"−{-value:.3f}", (FAR, position), (8, 0), va="center", fontsize=SMALL)
    else:
        face = colour if p is not None and p < words.SIGNIFICANT else "white"
        axes.errorbar(value, position, xerr=draw.reaches([found]), fmt=marker, color=colour, elinewidth=1.4, mfc=face)
    cost = figures.get("fair_signals", item, "cost_share").value
    if cost is not None:
        look_of_cost: dict[str, Any] = {"xycoords": axes.get_yaxis_transform(), "va": "center", "color": GREY}
        draw.annotate(axes, f"{percent(cost)} %", (1.01, position), (0, 0), fontsize=SMALL, **look_of_cost)


@draw.styled
def low_rank_kinds(figures: Figures) -> Figure:
    """By rank, and by cost on the upper axis: the max probability's r, the argmax kept, and AUROC, for each kind."""
    kinds, hard = choose.ranks_by_kind(figures), main_label(figures)
    every = sorted({rank for ranks in kinds.values() for rank in ranks})
    costs = [figures.get("fair_low_rank", f"{next(iter(kinds))}/{rank}", "cost_share").value for rank in every]
    score, exact = f"auroc_{hard}", _low_rank_metric(figures)
    separates = f"does low-rank {signal_title(exact)} separate?" if exact else "does it separate?"
    figure = draw.canvas(11.0, 4.9, "Low rank against exact, by rank and by cost")
    panels = figure.subplots(1, 3)
    for axes, title, up, section, plain, refined in zip(
        panels,
        ("is the max probability kept?", "is the first choice kept?", separates),
        ("r of the max probability with the exact one", "argmax kept (% of tokens)", f"AUROC, {hard_title(hard)} nats"),
        ("fair_low_rank", "fair_low_rank", "fair_signals"),
        (("", "max_probability_pearson"), ("", "argmax_kept"), (f"/{exact}", score)),
        (("", "refined_max_probability_pearson"), ("", "argmax_kept_refined"), (f"/refined_{exact}", score)),
        strict=True,
    ):
        for kind, ranks in kinds.items():
            for (ending, metric), look in ((plain, PREVIEW), (refined, REFINED)):
                items = [f"{kind}/{rank}{ending}" for rank in ranks]
                needed = section == "fair_low_rank" and look is PREVIEW
                if needed or any(figures.has(section, item, metric) for item in items):
                    found, scale = figures.column(section, items, metric), metric_label(section, metric).scale
                    draw.curve(axes, ranks, found, scale=scale, color=KIND_COLOURS[kind], **look)
        axes.set_title(title, pad=12)
        axes.set(ylabel=up, xlabel="rank (log scale)")
        draw.log_ticks(axes, every, [str(rank) for rank in every])
        above = axes.secondary_xaxis("top")
        draw.log_ticks(above, every, [percent(cost) for cost in costs])
        above.set_xlabel("multiply-adds (% of the head's)", fontsize=SMALL)
    if exact:
        best = figures.get("fair_signals", exact, score)
        draw.level(panels[-1], best, metric_label("", "auroc"), f"exact {signal_title(exact)}")
    handles = [Line2D([], [], color=KIND_COLOURS[kind], marker="o", label=kind) for kind in kinds]
    handles.append(Line2D([], [], color=GREY, label="refined: its likeliest words computed exactly", **REFINED))
    handles += panels[-1].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside lower left", ncols=5, handlelength=2.6)
    return figure


def _low_rank_metric(figures: Figures) -> str | None:
    """The metric whose low-rank signals select likes best; None where no signal is of low rank."""
    items = [item for item in figures.items("fair_signals") if choose.low_rank(item)]
    best = choose.low_rank(max(items, key=lambda item: select_score(figures, item), default=""))
    return best.metric if best else None


@draw.styled
def learning_curve(figures: Figures) -> Figure:
    """AUROC of the main label against the tokens a probe was fitted on, with intervals, beside the best head signal."""
    probes = choose.learning_sizes(figures)
    figure = draw.canvas(7.6, 4.9, "Would more text to fit on help?")
    axes = figure.subplots()
    shown: set[float] = set()
    for index, (probe, items) in enumerate(probes.items()):
        colour, marker = list(LOOKS.values())[index % len(LOOKS)]
        tokens = draw.values_of(figures.column("fair_learning", items, "tokens"))
        shown |= set(tokens.tolist())
        across = tokens * (1 + ASIDE * (index - (len(probes) - 1) / 2))
        scores = figures.column("fair_learning", items, "auroc")
        draw.curve(axes, across, scores, color=colour, marker=marker, markersize=5, label=signal_title(probe))
    head = class_best(figures).get("head")
    if head is not None:
        exact = figures.figure("fair_signals", head, f"auroc_{main_label(figures)}")
        draw.level(axes, exact, metric_label("", "auroc"), f"{signal_title(head)} (a pass over the vocabulary)")
    draw.log_ticks(axes, sorted(shown), [f"{tokens:,.0f}" for tokens in sorted(shown)])
    axes.set(xlabel="tokens fitted on (log scale)", ylabel=f"AUROC, {hard_title(main_label(figures))} nats")
    return draw.legend_below(figure, axes)


@draw.styled
def reliability(figures: Figures) -> Figure:
    """Accuracy against confidence in bins, with and without the temperature; below, how many tokens each bin has."""
    figure = draw.canvas(5.8, 6.4, "Is the model right as often as it is sure?")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle="--", label="as often as it is sure")
    said = partial(words.estimate, figures, "fair_calibration")
    titles = {"model": "as it is", "temperature": f"temperature {said('temperature', 'temperature')}"}
    for (model, title), (colour, marker) in zip(titles.items(), ((VERMILLION, "o"), (BLUE, "s")), strict=True):
        bins = [item for item in choose.used_bins(figures) if item.startswith(f"{model}/")]
        column = partial(figures.column, "fair_calibration", bins)
        sure, tokens = 100 * draw.values_of(column("confidence")), draw.values_of(column("tokens"))
        look = {"color": colour, "marker": marker, "markersize": 5}
        draw.curve(upper, sure, column("accuracy"), scale=100, label=f"{title}: ECE {said(model, 'ece')} %", **look)
        lower.plot(sure, 100 * tokens / tokens.sum(), **look)
    upper.set(ylabel="accuracy (%)", ylim=(0, 100))
    upper.legend(loc="upper left")
    lower.set(ylabel="tokens (%)", xlim=(0, 100), xlabel="confidence: the max probability (%)")
    lower.set_ylim(bottom=0)
    return figure


@draw.styled
def separation(figures: Figures) -> Figure:
    """Loss Diff of every method at the median cut and its share of the oracle's; apart, classifiers at their own."""
    oracle = figures.value("separation", "oracle", "loss_diff")
    median, own = (
        [method for method in reversed(methods) if method.loss_diff.value is not None]
        for methods in (choose.median_cut(figures), choose.own_cut(figures))
    )
    shares = [f"{words.value_text(words.SHARE, choose.ratio(method.loss_diff.value, oracle))} %" for method in median]
    called = [f"calls {100 * (method.easy_share or 0):.0f} % easy" for method in own]
    figure = draw.canvas(
        7.4, 0.27 * (len(median) + len(own)) + 1.9, "How far apart each method puts easy and hard tokens"
    )
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[len(median) + 0.6, len(own) + 0.6])
    for axes, methods, told in ((upper, median, shares), (lower, own, called)):
        colours = [METHODS[method.sees] if axes is upper else ORANGE for method in methods]
        lengths = [method.loss_diff.value for method in methods]
        drawn = axes.barh(range(len(methods)), lengths, height=0.7, color=colours)
        axes.bar_label(drawn, told, padding=4, fontsize=SMALL)
        draw.bars(axes, range(len(methods)), [method.title for method in methods])
        axes.margins(x=0.12, y=0.03)
    upper.set_title("cut at the median; label: share of the oracle's Loss Diff")
    lower.set_title("cut at its own threshold: not to be compared with the above")
    lower.set_xlabel("Loss Diff: mean loss of hard minus easy tokens (nats)")
    upper.legend([Patch(color=colour) for colour in METHODS.values()], list(METHODS), loc="lower right")
    return figure


@draw.styled
def plain_low_rank(figures: Figures) -> Figure:
    """By rank of the plain SVD: r of each low-rank metric with the exact one, and oracle share of max − mean."""
    ranks = choose.plain_ranks(figures)
    figure = draw.canvas(9.0, 3.9, "Low rank against exact, plain SVD of the head")
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    by_rank, places = partial(figures.column, "low_rank", ranks), range(len(ranks))
    for name, (colour, marker) in FIDELITY.items():
        r = by_rank(f"{name}_pearson")
        draw.curve(left, places, r, color=colour, marker=marker, markersize=5, label=item_title(name))
    left.axhline(0, color=GREY, linewidth=0.8)
    left.set(ylabel="r with the exact metric", title="does low rank keep the metric?")
    draw.curve(right, places, by_rank("oracle_share"), scale=100, color=GREEN, marker="^", markersize=6)
    for position, share in enumerate(100 * draw.values_of(by_rank("oracle_share"))):
        draw.annotate(right, f"{share:.1f}", (position, share), (0, -15), ha="center")
    draw.level(right, figures.figure("separation", "max_minus_mean", "oracle_share"), words.SHARE, "exact (%)")
    right.set_ylim(0, 1.3 * right.get_ylim()[1])
    right.set(ylabel="share of the oracle's Loss Diff (%)", title="does low-rank max − mean still separate?")
    for axes in (left, right):
        axes.legend(*axes.get_legend_handles_labels(), loc="best")
        axes.margins(x=0.07)
        axes.set_xticks(places, [item_title(rank) for rank in ranks])
        axes.set_xlabel("rank")
    return figure


DRAW: dict[str, tuple[Callable[[Figures], Figure], str]] = {
    "pareto": (pareto, "fair_signals"),
    "risk_coverage": (risk_coverage, "fair_risk"),
    "differences": (differences, "fair_differences"),
    "low_rank_kinds": (low_rank_kinds, "fair_low_rank"),
    "learning_curve": (learning_curve, "fair_learning"),
    "reliability": (reliability, "fair_calibration"),
    "exits": (draw_exits, "exits"),
    "policies": (draw_policies, "policy_curves"),
    "separation": (separation, "separation"),
    "low_rank": (plain_low_rank, "low_rank"),
}
"""What draws a figure, and the section that it is drawn from."""


def drawable(figures: Figures) -> list[str]:
    """The figures that the table has the sections for; cost against quality only where the head's cost is known."""
    found = [name for name, (_, section) in DRAW.items() if figures.has_section(section)]
    has_cost = figures.has("fair_data", "clusters", "head_multiply_adds")
    return [name for name in found if name != "pareto" or has_cost]


def draw_all(figures: Figures) -> dict[str, Figure]:
    """Every figure that the table has the sections for, by name."""
    return {name: DRAW[name][0](figures) for name in drawable(figures)}
