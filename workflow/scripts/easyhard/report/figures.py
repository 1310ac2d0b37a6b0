"""The report's figures: each function takes plain arrays or the table of figures and draws one message."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.report.labels import SIGNAL_FORMULAS, item_title
from easyhard.report.methods import LOGITS, TARGET, TRAINED, Method, median_cut, own_cut
from easyhard.report.metrics import Figures
from easyhard.report.style import BLUE, DENSITY_MAP, GREEN, GREY, INK, ORANGE, PURPLE, VERMILLION, canvas, styled
from easyhard.report.words import plain_ranks

Column = NDArray[np.floating]

LOSS_BINS = 60
DENSITY_BINS = 50
MEAN_BINS = 20
FEWEST_IN_BIN = 5
SAME_SHARE = 0.05
"""Oracle shares nearer than this, in points, print alike: the exact line's label then does for both."""
TRIM = 0.005
"""The share of tokens at either end that a density panel leaves out, so that a few far ones do not squeeze the rest."""

IN_NATS = frozenset({"oracle", "entropy", "exit_classifier"})
COLOURS = {TARGET: GREY, LOGITS: BLUE, TRAINED: GREEN}
FIDELITY = {
    "max_probability": (VERMILLION, "o"),
    "max_logit": (BLUE, "s"),
    "max_minus_mean": (GREEN, "^"),
    "margin": (PURPLE, "D"),
}


@styled
def training_curve(train_perplexity: Sequence[float], validation_perplexity: Sequence[float]) -> Figure:
    """Perplexity per epoch on both splits, (epochs,) each, from epoch 1 on; the best validation epoch is marked.

    Raises InputError when there is no epoch or the two differ in length.
    """
    if not len(validation_perplexity) or len(train_perplexity) != len(validation_perplexity):
        raise InputError(
            f"training curve: {len(train_perplexity)} training and {len(validation_perplexity)} validation epochs; "
            "as many of both are wanted, one at least"
        )
    epochs = np.arange(1, len(validation_perplexity) + 1)
    best = int(np.argmin(validation_perplexity))
    figure = canvas(7.0, 3.8, "Perplexity by epoch")
    axes = figure.subplots()
    for name, values, colour in (("train", train_perplexity, ORANGE), ("validation", validation_perplexity, BLUE)):
        axes.plot(epochs, values, color=colour, marker="o", markersize=4)
        _label(axes, name, (epochs[-1], values[-1]), (8, 0), color=colour, va="center")
    axes.plot(epochs[best], validation_perplexity[best], "o", markersize=11, markerfacecolor="none", color=INK)
    lowest = validation_perplexity[best]
    _label(axes, f"best: {lowest:,.1f}\nat epoch {epochs[best]}", (epochs[best], lowest), (0, 12), ha="center")
    axes.set_yscale("log")
    every = [*train_perplexity, *validation_perplexity]
    axes.set_ylim(0.8 * min(every), 1.25 * max(every))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(epochs[:: len(epochs) // 13 + 1])
    axes.set_xlim(0.7, epochs[-1] + 0.12 * len(epochs) + 0.3)
    axes.set_xlabel("epoch")
    axes.set_ylabel("perplexity (log scale)")
    return figure


@styled
def loss_histogram(
    loss: Column, unseen: NDArray[np.bool_], grid: Column, density: Column, modes: Sequence[float]
) -> Figure:
    """Histogram of the loss (tokens,) in nats with its kernel density (density per nat on grid) and modes (nats);

    below it, in each bin, the share of tokens whose target training never saw (`unseen`, (tokens,)).
    """
    edges = np.linspace(0.0, float(loss.max()) * 1.01, LOSS_BINS + 1)
    widths, centres = np.diff(edges), (edges[1:] + edges[:-1]) / 2
    every, _ = np.histogram(loss, edges)
    never, _ = np.histogram(loss[unseen], edges)
    scale = 1.0 / (every.sum() * widths)
    figure = canvas(7.0, 5.0, "The loss of the validation tokens, and which targets training never saw")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1.2])
    seen_label, unseen_label = "target seen in training", "target never seen in training"
    seen_height = (every - never) * scale
    top.bar(centres, seen_height, widths, color=BLUE, alpha=0.45, linewidth=0, label=seen_label)
    top.bar(centres, never * scale, widths, seen_height, color=VERMILLION, linewidth=0, label=unseen_label)
    top.plot(grid, density, color=INK, label="kernel density")
    for mode in modes:
        height = float(np.interp(mode, grid, density))
        top.plot(mode, height, "v", color=INK, markersize=7)
        _label(top, f"{mode:.1f}", (mode, height), (0, 7), ha="center", weight="bold")
    top.set_ylim(0, 1.12 * max(float((every * scale).max()), float(density.max())))
    top.set_ylabel("share of tokens\nper nat")
    top.legend(loc="upper right", title="▼ mode (nats)", alignment="left")
    enough = every >= FEWEST_IN_BIN
    shares = 100.0 * never[enough] / every[enough]
    bottom.bar(centres[enough], shares, widths[enough], color=VERMILLION, linewidth=0)
    bottom.set_ylim(0, 100)
    bottom.set_ylabel("never seen\n(% of bin)")
    bottom.set_xlabel("loss (nats)")
    bottom.set_xlim(0, edges[-1])
    return figure


@styled
def signals_against_loss(loss: Column, signals: Mapping[str, Column]) -> Figure:
    """A panel a signal, each (tokens,): token density, mean and quartiles of the loss (nats) in equal-sized bins."""
    columns = min(4, len(signals))
    rows = -(-len(signals) // columns)
    figure = canvas(2.65 * columns, 2.6 * rows + 0.7, "What each signal tells of the loss")
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    top = float(np.quantile(loss, 1 - TRIM))
    for index, (axes, (name, values)) in enumerate(zip(panels.flat, signals.items(), strict=False)):
        _density(axes, values, loss, (float(loss.min()), top))
        _binned_mean(axes, values, loss)
        axes.set_title(item_title(name))
        axes.set_xlabel(_formula(name))
        _note(axes, f"r = {_correlation(values, loss)}")
        if index % columns == 0:
            axes.set_ylabel("loss (nats)")
    for axes in panels.flat[len(signals) :]:
        axes.set_visible(False)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=2)
    return figure


@styled
def separation(figures: Figures) -> Figure:
    """Loss Diff of every method at the median cut with its share of the oracle's; apart, classifiers at their own cut.

    Raises InputError when the oracle's Loss Diff is missing, null or zero.
    """
    oracle = figures.value("separation", "oracle", "loss_diff")
    if not oracle:
        raise InputError("metrics: separation/oracle/loss_diff is null or zero; the separation figure needs an oracle")
    median = [method for method in reversed(median_cut(figures)) if method.loss_diff.value is not None]
    own = [method for method in reversed(own_cut(figures)) if method.loss_diff.value is not None]
    figure = canvas(7.4, 0.27 * (len(median) + len(own)) + 1.9, "How far apart each method puts easy and hard tokens")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[len(median) + 0.6, len(own) + 0.6])
    _bars(upper, [(method, COLOURS[method.sees], f"{100 * method.value / oracle:.1f} %") for method in median])
    upper.set_title("cut at the median; label: share of the oracle's Loss Diff")
    _bars(lower, [(method, ORANGE, f"calls {100 * (method.easy_share or 0):.0f} % easy") for method in own])
    lower.set_title("cut at its own threshold: not to be compared with the above")
    lower.set_xlabel("Loss Diff: mean loss of hard minus easy tokens (nats)")
    handles = [Patch(color=colour) for colour in COLOURS.values()]
    upper.legend(handles, list(COLOURS), loc="lower right")
    return figure


@styled
def low_rank(figures: Figures) -> Figure:
    """By rank of the plain SVD: r of each low-rank metric with the exact one, and oracle share of max − mean.

    Raises InputError naming a figure of section low_rank that is missing.
    """
    ranks = plain_ranks(figures)
    positions = np.arange(len(ranks))
    figure = canvas(9.0, 3.9, "Low rank against exact, plain SVD of the head")
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    for name, (colour, marker) in FIDELITY.items():
        values = _by_rank(figures, ranks, f"{name}_pearson")
        left.plot(positions, values, color=colour, marker=marker, markersize=5, label=item_title(name))
    left.axhline(0, color=GREY, linewidth=0.8)
    left.set_ylabel("r with the exact metric")
    left.set_title("does low rank keep the metric?")
    left.legend(loc="best")
    exact = figures.value("separation", "max_minus_mean", "oracle_share")
    shares = 100.0 * _by_rank(figures, ranks, "oracle_share")
    right.plot(positions, shares, color=GREEN, marker="^", markersize=6)
    for position, share in enumerate(shares):
        if exact is None or abs(share - 100 * exact) >= SAME_SHARE:
            _label(right, f"{share:.1f}", (position, share), (0, -15), ha="center")
    if exact is not None:
        right.axhline(100 * exact, color=INK, linestyle="--", linewidth=1)
        _label(right, f"exact {100 * exact:.1f} %", (0, 100 * exact), (0, 4))
    right.set_ylim(0, 1.25 * np.nanmax([*shares, 100 * (exact or 0)]))
    right.set_ylabel("share of the oracle's Loss Diff (%)")
    right.set_title("does low-rank max − mean still separate?")
    for axes in (left, right):
        axes.margins(x=0.07)
        axes.set_xticks(positions, [str(rank) for rank in ranks])
        axes.set_xlabel("rank")
    return figure


@styled
def regression(loss: Column, predictions: Mapping[str, Column]) -> Figure:
    """A panel a model: density of predicted against actual loss, (test tokens,) nats, with the mean prediction."""
    columns = min(4, len(predictions))
    rows = -(-len(predictions) // columns)
    figure = canvas(2.65 * columns, 2.9 * rows + 0.7, "Predicted against actual loss on the test tokens")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    reach = (float(loss.min()), float(np.quantile(loss, 1 - TRIM)))
    for index, (axes, (name, predicted)) in enumerate(zip(panels.flat, predictions.items(), strict=False)):
        _density(axes, loss, predicted, reach)
        axes.plot(reach, reach, color=GREY, linewidth=1, linestyle="--", label="prediction = loss")
        _binned_mean(axes, loss, predicted)
        axes.set_title(f"{item_title(name)}, r = {_correlation(predicted, loss)}")
        axes.set_xlabel("actual loss (nats)")
        if index % columns == 0:
            axes.set_ylabel("predicted loss (nats)")
    for axes in panels.flat[len(predictions) :]:
        axes.set_visible(False)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=3)
    return figure


def _density(axes: Axes, across: Column, up: Column, up_range: tuple[float, float]) -> None:
    low, high = np.quantile(across, [TRIM, 1 - TRIM])
    reach = [[float(low), float(high) if high > low else float(low) + 1.0], list(up_range)]
    counts, x_edges, y_edges = np.histogram2d(across, up, bins=DENSITY_BINS, range=reach)
    shown = np.ma.masked_less(counts.T, 1)
    scale = LogNorm(0.4, max(2.0, counts.max() * 1.5))
    axes.pcolormesh(x_edges, y_edges, shown, cmap=DENSITY_MAP, norm=scale, rasterized=True)
    axes.set_xlim(*reach[0])
    axes.set_ylim(*up_range)
    axes.grid(False)


def _binned_mean(axes: Axes, across: Column, up: Column) -> None:
    """Mean and quartiles of `up` in bins of `across` that hold equally many tokens."""
    bins = [part for part in np.array_split(np.argsort(across, kind="stable"), MEAN_BINS) if len(part)]
    centres = [float(np.median(across[part])) for part in bins]
    quartiles = np.array([np.quantile(up[part], [0.25, 0.75]) for part in bins])
    axes.fill_between(centres, quartiles[:, 0], quartiles[:, 1], color=ORANGE, alpha=0.12, linewidth=0)
    axes.plot(centres, quartiles, color=VERMILLION, linewidth=0.9, linestyle=(0, (3, 2)), label=["quartiles", "_upper"])
    means = [float(up[part].mean()) for part in bins]
    axes.plot(centres, means, color=VERMILLION, linewidth=2.2, label="mean, bins of equal size")


def _formula(signal: str) -> str:
    unit = " (nats)" if signal in IN_NATS else ""
    return SIGNAL_FORMULAS[signal].replace("p_y", "$p_y$") + unit


def _label(axes: Axes, words: str, place: tuple[float, float], offset: tuple[float, float], **look: Any) -> None:
    """Words beside a place in data units, moved by an offset in points."""
    axes.annotate(words, place, xytext=offset, textcoords="offset points", **look)


def _note(axes: Axes, words: str) -> None:
    box = {"facecolor": "white", "alpha": 0.85, "linewidth": 0, "pad": 2}
    axes.text(0.97, 0.97, words, transform=axes.transAxes, ha="right", va="top", bbox=box)


def _correlation(one: Column, other: Column) -> str:
    return f"{np.corrcoef(one, other)[0, 1]:.3f}" if one.std() and other.std() else "–"


def _bars(axes: Axes, bars: Sequence[tuple[Method, str, str]]) -> None:
    """Horizontal bars (method, colour, label), the last on top."""
    for position, (method, colour, label) in enumerate(bars):
        axes.barh(position, method.value, height=0.7, color=colour)
        _label(axes, label, (max(method.value, 0.0), position), (4, 0), va="center", fontsize=8.5)
    axes.set_yticks(range(len(bars)), [method.title for method, *_ in bars])
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.12, y=0.03)


def _by_rank(figures: Figures, ranks: Sequence[int], metric: str) -> Column:
    values = [figures.value("low_rank", f"plain/{rank}", metric) for rank in ranks]
    return np.array([np.nan if value is None else value for value in values])
