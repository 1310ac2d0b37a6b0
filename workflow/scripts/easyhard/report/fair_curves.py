"""The figures of protocol `fair` that are curves: risk and coverage, low rank, reliability, learning."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from easyhard.report.fair_drawing import LOOKS, band, curve, level
from easyhard.report.fair_items import class_best, low_rank, main_label, optional, select_score
from easyhard.report.fair_words import estimate, percent
from easyhard.report.labels import COST_CLASSES, hard_title, metric_label, signal_title
from easyhard.report.metrics import Figure as Estimate
from easyhard.report.metrics import Figures
from easyhard.report.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY, VERMILLION, canvas, styled

COVERAGES = tuple(range(5, 101, 5))
ORACLE = "oracle"
KIND_COLOURS = {"plain": VERMILLION, "centred": GREEN, "weighted": BLUE}
CURVES = ((BLUE, "o"), (VERMILLION, "s"), (GREEN, "^"), (PURPLE, "D"), (ORANGE, "v"), (SKY, "P"))
PREVIEW: dict[str, Any] = {"marker": "o", "markersize": 5}
REFINED: dict[str, Any] = {"marker": "D", "markersize": 4, "linestyle": (0, (4, 2)), "markerfacecolor": "white"}
ASIDE = 0.025
"""Curves stand this far aside from each other, as a factor, so that their intervals can be told apart."""


@styled
def risk_coverage(figures: Figures) -> Figure:
    """Mean loss of the easiest tokens against their share, for the best of each class, the oracle and a random order.

    Raises InputError naming a coverage that section fair_risk lacks.
    """
    items = figures.items("fair_risk")
    best = {name: item for name, item in class_best(figures).items() if item in items}
    figure = canvas(7.6, 5.2, "How low is the loss of the tokens that a signal calls easiest?")
    axes = figure.subplots()
    for index, (name, item) in enumerate(best.items()):
        risks = _risks(figures, item)
        colour, marker = LOOKS[name]
        look: dict[str, Any] = {"marker": marker, "markersize": 5, "markevery": (index, len(best)), "linewidth": 1.4}
        words = f"{signal_title(item)} ({COST_CLASSES[name]})"
        axes.plot(COVERAGES, _values(risks), color=colour, label=words, **look)
        band(axes, COVERAGES, risks, colour)
    if ORACLE in items:
        axes.plot(COVERAGES, _values(_risks(figures, ORACLE)), color=INK, linestyle="--", label="oracle (loss itself)")
    everything = figures.value("fair_risk", items[0], f"risk_{COVERAGES[-1]}")
    if everything is not None:
        axes.axhline(everything, color=GREY, linestyle=":", label=f"random: {everything:.2f}, the mean of all")
    axes.set_xlim(0, 101)
    axes.set_ylim(bottom=0)
    axes.set_xticks(range(0, 101, 10))
    axes.set_xlabel("coverage: the tokens called easiest (% of all)")
    axes.set_ylabel("their mean loss (nats)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return figure


@styled
def low_rank_fair(figures: Figures) -> Figure:
    """By rank, and by cost on the upper axis: the max probability's r, the argmax kept, and AUROC, for each kind.

    Raises InputError naming a figure of section fair_low_rank that is missing.
    """
    kinds = _kinds(figures)
    figure = canvas(11.0, 4.9, "Low rank against exact, by rank and by cost")
    left, middle, right = figure.subplots(1, 3)
    for kind, ranks in kinds.items():
        colour = KIND_COLOURS.get(kind, GREY)
        items = [f"{kind}/{rank}" for rank in ranks]
        found = partial(figures.column, "fair_low_rank", items)
        shown = ((left, "max_probability_pearson", 1), (middle, "argmax_kept", 100))
        for axes, metric, scale in shown:
            curve(axes, ranks, found(metric), scale=scale, color=colour, **PREVIEW)
        refined = ((left, "refined_max_probability_pearson", 1), (middle, "argmax_kept_refined", 100))
        for axes, metric, scale in refined:
            if any(figures.has("fair_low_rank", item, metric) for item in items):
                curve(axes, ranks, found(metric), scale=scale, color=colour, **REFINED)
    left.set_ylabel("r of the max probability with the exact one")
    middle.set_ylabel("argmax kept (% of tokens)")
    left.set_title("is the max probability kept?", pad=12)
    middle.set_title("is the first choice kept?", pad=12)
    _separation(right, figures, kinds)
    every = sorted({rank for ranks in kinds.values() for rank in ranks})
    for axes in (left, middle, right):
        _rank_axes(axes, figures, every, next(iter(kinds)))
    handles = [Line2D([], [], color=KIND_COLOURS.get(kind, GREY), marker="o", label=kind) for kind in kinds]
    handles.append(Line2D([], [], color=GREY, label="refined: its likeliest words computed exactly", **REFINED))
    handles += right.get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside lower left", ncols=5, handlelength=2.6)
    return figure


@styled
def reliability(figures: Figures) -> Figure:
    """Accuracy against confidence in bins, with and without the temperature; below, how many tokens each bin has.

    Raises InputError naming a figure of section fair_calibration that is missing.
    """
    figure = canvas(5.8, 6.4, "Is the model right as often as it is sure?")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle="--", label="as often as it is sure")
    for model, colour, marker in (("model", VERMILLION, "o"), ("temperature", BLUE, "s")):
        bins = [item for item in figures.items("fair_calibration") if item.startswith(f"{model}/")]
        used = [item for item in bins if figures.value("fair_calibration", item, "tokens")]
        column = partial(figures.column, "fair_calibration", used)
        sure, tokens = 100 * np.array(_values(column("confidence"))), np.array(_values(column("tokens")))
        look = {"color": colour, "marker": marker, "markersize": 5}
        curve(upper, sure, column("accuracy"), scale=100, label=_model_title(figures, model), **look)
        lower.plot(sure, 100 * tokens / tokens.sum(), **look)
    upper.set_ylabel("accuracy (%)")
    upper.set_ylim(0, 100)
    upper.legend(loc="upper left")
    lower.set_ylabel("tokens (%)")
    lower.set_ylim(bottom=0)
    lower.set_xlim(0, 100)
    lower.set_xlabel("confidence: the max probability (%)")
    return figure


@styled
def learning_curve(figures: Figures) -> Figure:
    """AUROC of the main label against the tokens a probe was fitted on, with intervals, beside the best head signal.

    Raises InputError naming a figure of section fair_learning that is missing.
    """
    probes: dict[str, list[str]] = {}
    for item in figures.items("fair_learning"):
        probes.setdefault(item.rpartition("/")[0], []).append(item)
    figure = canvas(7.6, 4.9, "Would more text to fit on help?")
    axes = figure.subplots()
    shown: set[float] = set()
    for index, (probe, items) in enumerate(probes.items()):
        colour, marker = CURVES[index % len(CURVES)]
        tokens = np.array(_values(figures.column("fair_learning", items, "tokens")))
        shown |= set(tokens)
        aside = 1 + ASIDE * (index - (len(probes) - 1) / 2)
        scores = figures.column("fair_learning", items, "auroc")
        curve(axes, aside * tokens, scores, color=colour, marker=marker, markersize=5, label=signal_title(probe))
    head = class_best(figures).get("head")
    if head is not None:
        exact = figures.figure("fair_signals", head, f"auroc_{main_label(figures)}")
        level(axes, exact, metric_label("", "auroc"), f"{signal_title(head)} (a pass over the vocabulary)")
    _log_ticks(axes, sorted(shown), [f"{tokens:,.0f}" for tokens in sorted(shown)])
    axes.set_xlabel("tokens fitted on (log scale)")
    axes.set_ylabel(f"AUROC, {hard_title(main_label(figures))} nats")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return figure


def _risks(figures: Figures, item: str) -> list[Estimate]:
    """The signal's mean loss (nats) at each coverage."""
    return [figures.figure("fair_risk", item, f"risk_{coverage:02d}") for coverage in COVERAGES]


def _values(estimates: Sequence[Estimate]) -> list[float]:
    """The values, NaN for null, which leaves a gap."""
    return [math.nan if estimate.value is None else estimate.value for estimate in estimates]


def _kinds(figures: Figures) -> dict[str, list[int]]:
    """The ranks of each kind of low rank, ascending."""
    kinds: dict[str, list[int]] = {}
    for item in figures.items("fair_low_rank"):
        kind, _, rank = item.partition("/")
        kinds.setdefault(kind, []).append(int(rank))
    return {kind: sorted(ranks) for kind, ranks in kinds.items()}


def _separation(axes: Axes, figures: Figures, kinds: dict[str, list[int]]) -> None:
    """AUROC of one low-rank metric by kind and rank, refined and not, beside the exact one."""
    score = f"auroc_{main_label(figures)}"
    metric = _low_rank_metric(figures)
    axes.set_ylabel(f"AUROC, {hard_title(main_label(figures))} nats")
    if metric is None:
        axes.set_title("does it separate?", pad=12)
        return
    for kind, ranks in kinds.items():
        colour = KIND_COLOURS.get(kind, GREY)
        for prefix, look in (("", PREVIEW), ("refined_", REFINED)):
            items = [f"{kind}/{rank}/{prefix}{metric}" for rank in ranks]
            if any(figures.has("fair_signals", item, score) for item in items):
                curve(axes, ranks, figures.column("fair_signals", items, score), color=colour, **look)
    exact = optional(figures, "fair_signals", metric, score)
    level(axes, exact, metric_label("", "auroc"), f"exact {signal_title(metric)}")
    axes.set_title(f"does low-rank {signal_title(metric)} separate?", pad=12)


def _low_rank_metric(figures: Figures) -> str | None:
    """The metric whose low-rank signals select likes best; None where no signal is of low rank."""
    scores: dict[str, float] = {}
    for item in figures.items("fair_signals"):
        parts = low_rank(item)
        if parts:
            scores[parts.metric] = max(select_score(figures, item), scores.get(parts.metric, -math.inf))
    return max(scores, key=scores.__getitem__) if scores else None


def _rank_axes(axes: Axes, figures: Figures, ranks: list[int], kind: str) -> None:
    """Ranks below on a log scale, above what they cost."""
    axes.set_xlabel("rank (log scale)")
    _log_ticks(axes, ranks, [str(rank) for rank in ranks])
    above = axes.secondary_xaxis("top")
    costs = [optional(figures, "fair_low_rank", f"{kind}/{rank}", "cost_share").value for rank in ranks]
    _log_ticks(above, ranks, [percent(cost) for cost in costs])
    above.set_xlabel("multiply-adds (% of the head's)", fontsize=8.5)


def _log_ticks(axes: Any, places: Sequence[float], words: Sequence[str]) -> None:
    """Name these places of an axis, of the panel's own or of the secondary one above it, and no others."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_major_formatter(FixedFormatter(words))
    axes.xaxis.set_minor_locator(NullLocator())


def _model_title(figures: Figures, model: str) -> str:
    """The model with its calibration error."""
    error = estimate(figures, "fair_calibration", model, "ece")
    if model == "model":
        return f"as it is: ECE {error} %"
    return f"temperature {estimate(figures, 'fair_calibration', model, 'temperature')}: ECE {error} %"
