"""The figures drawn token by token: the training curve, the loss, the signals, what probes predict."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from easyhard.activations.store import read_columns as read_activations
from easyhard.atomic import read_json
from easyhard.evaluation.density import Density, loss_density
from easyhard.model.curve import read_curve
from easyhard.report.drawing import BLUE, GREY, INK, ORANGE, VERMILLION, Column, annotate, canvas, legend_below, styled
from easyhard.report.words import FOUNDING_SIGNALS, item_title
from easyhard.signals.store import column_names, read_columns
from easyhard.tokens.sequences import unseen_targets
from easyhard.tokens.store import read_stream

SHOWN = ("target_probability", "max_probability", "max_logit", "max_minus_mean", "margin", "entropy")
IN_NATS = ("oracle", "entropy", "exit_classifier")
REGRESSION = "regression/"
LOSS_BINS = 60
FEWEST_IN_BIN = 5
DENSITY_BINS, MEAN_BINS = 50, 20
TRIM = 0.005
"""The share of tokens at either end that a density panel leaves out, so that a few far ones do not squeeze the rest."""


def token_figures(files: Any, cutting: Mapping[str, int]) -> dict[str, Figure]:
    """The figures by name. `files` has curve, train, tokens, activations, head, exit_classifier and probes.

    `cutting` says how the training text is cut: train, length and batch_size. Raises InputError naming a file that is
    damaged or lacks a column.
    """
    curve = read_curve(files.curve)
    columns = read_activations(files.activations, ["loss", "target"])
    loss = columns["loss"].astype(np.float64)
    size = read_json(files.tokens)["vocabulary_size"]
    unseen = unseen_targets(columns["target"], read_stream(files.train).token, size, cutting)
    signals = read_columns(files.head, SHOWN, rows=len(loss))
    signals |= read_columns(files.exit_classifier, ["exit_classifier"], rows=len(loss))
    probes = [name for name in column_names(files.probes) if name.startswith(REGRESSION)]
    return {
        "training_curve": training_curve(
            [math.exp(point.train_loss) for point in curve], [math.exp(point.validation_loss) for point in curve]
        ),
        "loss_histogram": loss_histogram(loss, unseen, loss_density(loss)),
        "signals_against_loss": signals_against_loss(loss, signals),
        "regression": regression(loss, read_columns(files.probes, probes, rows=len(loss))),
    }


@styled
def training_curve(train_perplexity: Sequence[float], validation_perplexity: Sequence[float]) -> Figure:
    """Perplexity per epoch on both splits, (epochs,) each, from epoch 1 on; the best validation epoch is marked."""
    epochs = np.arange(1, len(validation_perplexity) + 1)
    best = int(np.argmin(validation_perplexity))
    figure = canvas(7.0, 3.8, "Perplexity by epoch")
    axes = figure.subplots()
    for name, values, colour in (("train", train_perplexity, ORANGE), ("validation", validation_perplexity, BLUE)):
        axes.plot(epochs, values, color=colour, marker="o", markersize=4)
        annotate(axes, name, (epochs[-1], values[-1]), (8, 0), color=colour, va="center")
    lowest = validation_perplexity[best]
    axes.plot(epochs[best], lowest, "o", markersize=11, markerfacecolor="none", color=INK)
    annotate(axes, f"best: {lowest:,.1f}\nat epoch {epochs[best]}", (epochs[best], lowest), (0, 12), ha="center")
    every = [*train_perplexity, *validation_perplexity]
    axes.set(yscale="log", ylim=(0.8 * min(every), 1.25 * max(every)), ylabel="perplexity (log scale)", xlabel="epoch")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(xticks=epochs[:: len(epochs) // 13 + 1], xlim=(0.7, epochs[-1] + 0.12 * len(epochs) + 0.3))
    return figure


@styled
def loss_histogram(loss: Column, unseen: NDArray[np.bool_], density: Density) -> Figure:
    """Histogram of the loss (tokens,) in nats with its kernel density and modes;

    below it, in each bin, the share of tokens whose target training never saw (`unseen`, (tokens,)).
    """
    edges = np.linspace(0.0, float(loss.max()) * 1.01, LOSS_BINS + 1)
    widths, centres = np.diff(edges), (edges[1:] + edges[:-1]) / 2
    every, never = np.histogram(loss, edges)[0], np.histogram(loss[unseen], edges)[0]
    scale = 1.0 / (every.sum() * widths)
    figure = canvas(7.0, 5.0, "The loss of the validation tokens, and which targets training never saw")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1.2])
    seen = (every - never) * scale
    top.bar(centres, seen, widths, color=BLUE, alpha=0.45, linewidth=0, label="target seen in training")
    label = "target never seen in training"
    top.bar(centres, never * scale, widths, seen, color=VERMILLION, linewidth=0, label=label)
    top.plot(density.grid, density.values, color=INK, label="kernel density")
    for mode in density.modes:
        height = float(np.interp(mode, density.grid, density.values))
        top.plot(mode, height, "v", color=INK, markersize=7)
        annotate(top, f"{mode:.1f}", (mode, height), (0, 7), ha="center", weight="bold")
    highest = max(float((every * scale).max()), float(density.values.max()))
    top.set(ylim=(0, 1.12 * highest), ylabel="share of tokens\nper nat")
    top.legend(loc="upper right", title="▼ mode (nats)", alignment="left")
    enough = every >= FEWEST_IN_BIN
    shares = 100.0 * never[enough] / every[enough]
    bottom.bar(centres[enough], shares, widths[enough], color=VERMILLION, linewidth=0)
    bottom.set(ylim=(0, 100), ylabel="never seen\n(% of bin)", xlabel="loss (nats)", xlim=(0, edges[-1]))
    return figure


@styled
def signals_against_loss(loss: Column, signals: Mapping[str, Column]) -> Figure:
    """A panel a signal, each (tokens,): token density, mean and quartiles of the loss (nats) in equal-sized bins."""
    panels = []
    for name, values in signals.items():
        formula = FOUNDING_SIGNALS[name].formula.replace("p_y", "$p_y$") + (" (nats)" if name in IN_NATS else "")
        panels.append((item_title(name), formula, values, loss))
    return density_panels("What each signal tells of the loss", panels, "loss (nats)", height=2.6)


@styled
def regression(loss: Column, predictions: Mapping[str, Column]) -> Figure:
    """A panel a model: density of predicted against actual loss, both (tokens,), nats, with the mean prediction.

    Predictions are NaN but on their own test tokens.
    """
    panels = []
    for name, values in predictions.items():
        tested = ~np.isnan(values)
        title = f"{item_title(name.removeprefix(REGRESSION))}, r = {correlation(values[tested], loss[tested])}"
        panels.append((title, "actual loss (nats)", loss[tested], values[tested]))
    title = "Predicted against actual loss on the test tokens"
    return density_panels(title, panels, "predicted loss (nats)", height=2.9, diagonal=True)


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
