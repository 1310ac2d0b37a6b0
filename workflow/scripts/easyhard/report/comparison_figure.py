"""The figure of a comparison: the classes' best signals over seeds, and how far two texts agree on the order."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from easyhard.report.comparison import Group, scores, shown_bests
from easyhard.report.drawing import GREY, INK, LOOKS, bars, canvas, reaches, styled, values_of
from easyhard.report.items import main_label, signals_by_class
from easyhard.report.words import COST_CLASSES, hard_title, signal_title

ROW = 0.33
"""Height of a signal's row in inches."""


@styled
def comparison(groups: Sequence[Group]) -> Figure:
    """A panel a group with the best signal of each class in every seed, and one a pair of groups with all signals."""
    label = main_label(groups[0].mean)
    pairs = list(combinations(groups, 2))
    bests = [list(shown_bests(group).items())[::-1] for group in groups]
    tops = [ROW * len(own) + 0.6 for own in bests]
    figure = canvas(8.0, sum(tops) + 0.8 + (5.2 if pairs else 0.0), "The same signals, other seeds and texts")
    parts = figure.subfigures(2 if pairs else 1, 1, squeeze=False, height_ratios=[sum(tops), 5.2][: 1 + bool(pairs)])
    upper, *lower = parts[:, 0]
    panels = upper.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=tops)[:, 0]
    for axes, group, best in zip(panels, groups, bests, strict=True):
        _bests(axes, group, best, f"auroc_{label}")
    panels[-1].set_xlabel(f"AUROC, {hard_title(label)} nats: each seed, their mean and its 95 % interval over seeds")
    if lower:
        for axes, (one, other) in zip(lower[0].subplots(1, len(pairs), squeeze=False)[0], pairs, strict=True):
            _agreement(axes, one, other)
    return figure


def _bests(axes: Axes, group: Group, best: Sequence[tuple[str, str]], metric: str) -> None:
    for row, (needs, item) in enumerate(best):
        colour, marker = LOOKS[needs]
        seeds = [figures.number("fair_signals", item, metric) for figures in group.runs.values()]
        axes.plot(seeds, np.full(len(seeds), row), marker, color=colour, markersize=4, alpha=0.7, zorder=3)
        mean = [group.mean.get("fair_signals", item, metric)]
        look: dict[str, Any] = {"fmt": "|", "color": INK, "markersize": 11, "capsize": 3, "elinewidth": 1.2}
        axes.errorbar(values_of(mean), [row], xerr=reaches(mean), **look)
    bars(axes, range(len(best)), [f"{signal_title(item)}\n({COST_CLASSES.get(needs, needs)})" for needs, item in best])
    axes.tick_params(axis="y", labelsize=7.5)
    axes.set(ylim=(-0.6, len(best) - 0.4), title=group.name)


def _agreement(axes: Axes, one: Group, other: Group) -> None:
    across, up = scores(one.mean), scores(other.mean)
    for needs, items in signals_by_class(one.mean).items():
        common = [item for item in items if item in across and item in up]
        if common:
            colour, marker = LOOKS[needs]
            places = np.array([(across[item], up[item]) for item in common]).T
            axes.plot(*places, marker, color=colour, markersize=4, alpha=0.6, label=COST_CLASSES[needs])
    ends = [min([*across.values(), *up.values()]), max([*across.values(), *up.values()])]
    axes.plot(ends, ends, color=GREY, linewidth=0.8, linestyle=":")
    axes.set(xlabel=f"AUROC in {one.name}", ylabel=f"AUROC in {other.name}", title="every signal, mean over seeds")
    axes.set_box_aspect(1)
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), title="signals that need", alignment="left")
