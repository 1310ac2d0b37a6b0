"""The charts of the founding experiment made token by token: training, the loss, the signals, what probes predict."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import polars as pl
from numpy.typing import NDArray

from easyhard.activations.store import read_columns as read_activations
from easyhard.atomic import read_json
from easyhard.evaluation.density import Density, loss_density
from easyhard.model.curve import read_curve
from easyhard.report.chart import Chart
from easyhard.report.look import BLUE, GREY, ORANGE, VERMILLION
from easyhard.report.words import FOUNDING_SIGNALS, item_title
from easyhard.signals.store import column_names, read_columns
from easyhard.tokens.sequences import unseen_targets
from easyhard.tokens.store import read_stream

Column = NDArray[np.float64]

SHOWN = ("target_probability", "max_probability", "max_logit", "max_minus_mean", "margin", "entropy")
REGRESSION = "regression/"
LOSS_BINS, DENSITY_BINS, MEAN_BINS = 60, 20, 20
PANEL, HEIGHT = 230, 170
TRIM = 0.005
"""The share of tokens at either end that a density panel leaves out, so that a few far ones do not squeeze the rest."""


def token_charts(files: Mapping[str, Any], cutting: Mapping[str, int]) -> list[Chart]:
    """The charts. `files` has curve, train, tokens, activations, published_head, exit_classifier, published_probes.

    `cutting` says how the training text is cut: train, length and batch_size. Raises InputError naming a file that is
    damaged or lacks a column.
    """
    curve = read_curve(files["curve"])
    columns = read_activations(files["activations"], ["loss", "target"])
    loss = columns["loss"].astype(np.float64)
    size = read_json(files["tokens"])["vocabulary_size"]
    unseen = unseen_targets(columns["target"], read_stream(files["train"]).token, size, cutting)
    signals = read_columns(files["published_head"], SHOWN, rows=len(loss))
    signals |= read_columns(files["exit_classifier"], ["exit_classifier"], rows=len(loss))
    table = files["published_probes"]
    probes = [name for name in column_names(table) if name.startswith(REGRESSION)]
    return [
        training_curve([math.exp(own.train_loss) for own in curve], [math.exp(own.validation_loss) for own in curve]),
        loss_histogram(loss, unseen, loss_density(loss)),
        signals_against_loss(loss, signals),
        regression(loss, read_columns(table, probes, rows=len(loss))),
    ]


def training_curve(train_perplexity: Sequence[float], validation_perplexity: Sequence[float]) -> Chart:
    """Perplexity per epoch on both splits, (epochs,) each, from epoch 1 on; the best validation epoch is marked."""
    best = int(np.argmin(validation_perplexity)) + 1
    rows = [
        {"text": name, "epoch": epoch, "perplexity": value, "best": name == "validation" and epoch == best}
        for name, values in (("train", train_perplexity), ("validation", validation_perplexity))
        for epoch, value in enumerate(values, start=1)
    ]
    table = pl.DataFrame(rows)
    colour = alt.Color("text:N", sort=None, scale=alt.Scale(range=[ORANGE, BLUE]), legend=alt.Legend(title=None))
    base = alt.Chart(table).encode(
        x=alt.X("epoch:Q", axis=alt.Axis(format="d", tickMinStep=1)),
        y=alt.Y("perplexity:Q", title="perplexity (log scale)", scale=alt.Scale(type="log", zero=False)),
        color=colour,
        tooltip=["text:N", "epoch:Q", alt.Tooltip("perplexity:Q", format=",.1f")],
    )
    ring = base.transform_filter("datum.best").mark_point(size=160, filled=False)
    return Chart(
        "training_curve",
        "How did training go?",
        f"Perplexity by epoch; the ring marks the epoch that is kept, {best}.",
        alt.layer(base.mark_line(), base.mark_point(), ring).properties(width="container", height=260),
        table.drop("best"),
    )


def loss_histogram(loss: Column, unseen: NDArray[np.bool_], density: Density) -> Chart:
    """Histogram of the loss (tokens,) in nats, by whether training saw the target (`unseen`, (tokens,)), with its
    kernel density and modes."""
    edges = np.linspace(0.0, float(loss.max()) * 1.01, LOSS_BINS + 1)
    every, never = np.histogram(loss, edges)[0], np.histogram(loss[unseen], edges)[0]
    scale = 1.0 / (every.sum() * np.diff(edges))
    seen = (every - never) * scale
    parts = {"seen in training": (0 * seen, seen), "never seen in training": (seen, seen + never * scale)}
    table = pl.concat(
        pl.DataFrame({"from": edges[:-1], "to": edges[1:], "bottom": low, "top": high}).with_columns(target=pl.lit(of))
        for of, (low, high) in parts.items()
    )
    curve = pl.DataFrame({"loss": density.grid, "density": density.values})
    modes = pl.DataFrame({"loss": density.modes, "density": np.interp(density.modes, density.grid, density.values)})
    scheme = alt.Scale(range=[BLUE, VERMILLION])
    bars = alt.Chart(table.with_columns(pl.selectors.float().round(5))).mark_rect(opacity=0.6)
    bars = bars.encode(
        x=alt.X("from:Q", title="loss (nats)"),
        x2="to:Q",
        y=alt.Y("bottom:Q", title="share of tokens per nat"),
        y2="top:Q",
        color=alt.Color("target:N", sort=None, scale=scheme, legend=alt.Legend(title="target")),
        tooltip=["target:N", "from:Q", "to:Q", "bottom:Q", "top:Q"],
    )
    line = alt.Chart(curve).mark_line(color=GREY).encode(x="loss:Q", y="density:Q")
    tops = alt.Chart(modes).encode(x="loss:Q", y="density:Q")
    named = tops.mark_text(dy=-10, fontWeight="bold").encode(text=alt.Text("loss:Q", format=".1f"))
    return Chart(
        "loss_histogram",
        "What does the loss look like, and which targets did training never see?",
        "Histogram of the loss with its kernel density; the numbers are its modes in nats.",
        alt.layer(bars, line, named).properties(width="container", height=280),
        table,
    )


def signals_against_loss(loss: Column, signals: Mapping[str, Column]) -> Chart:
    """A panel a signal, each (tokens,): where tokens lie, and the mean of the loss (nats) in equal-sized bins."""
    panels = [
        (f"{item_title(name)}: {FOUNDING_SIGNALS[name].formula}", values.astype(np.float64), loss)
        for name, values in signals.items()
    ]
    return _density(
        "signals_against_loss",
        "What does each signal tell of the loss?",
        "Darker cells hold more tokens; the line is the mean loss in bins of equally many tokens.",
        panels,
        None,
        "loss (nats)",
    )


def regression(loss: Column, predictions: Mapping[str, Column]) -> Chart:
    """A panel a model: predicted against actual loss, both (tokens,), nats. Predictions are NaN but on test tokens."""
    panels = []
    for name, values in predictions.items():
        tested = ~np.isnan(values)
        told = correlation(values[tested].astype(np.float64), loss[tested])
        panels.append(
            (
                f"{item_title(name.removeprefix(REGRESSION))}, r = {told}",
                loss[tested],
                values[tested].astype(np.float64),
            )
        )
    return _density(
        "regression",
        "Can the loss be predicted from the hidden state?",
        "Predicted against actual loss (nats) on test tokens; the line is the mean prediction.",
        panels,
        "actual loss (nats)",
        "predicted loss (nats)",
    )


def correlation(one: Column, other: Column) -> str:
    """Pearson's r as printed; a dash where one of the two is constant."""
    return f"{np.corrcoef(one, other)[0, 1]:.3f}" if one.std() and other.std() else "–"


def _density(
    name: str,
    title: str,
    says: str,
    panels: Sequence[tuple[str, Column, Column]],
    across_title: str | None,
    up_title: str,
) -> Chart:
    """A panel each of (title, across, up), (tokens,) both: counts in cells, the mean of `up` in bins of `across`."""
    made, means = [], []
    for panel, across, up in panels:
        ends = [np.quantile(across, [TRIM, 1 - TRIM]), np.quantile(up, [0, 1 - TRIM])]
        inside = [[float(low), float(high) if high > low else float(low) + 1.0] for low, high in ends]
        counts, left, low = np.histogram2d(across, up, bins=DENSITY_BINS, range=inside)
        one, other = np.nonzero(counts)
        cells = pl.DataFrame({"column": one, "row": other, "tokens": counts[one, other].astype(np.int64)})
        mean = _binned_mean(panel, across, up)
        means.append(mean)
        shade = alt.Color("tokens:Q", scale=alt.Scale(type="log", scheme="blues"), legend=None)
        cell = (
            alt.Chart(cells)
            .mark_rect()
            .transform_calculate(**_edges("x", "column", left), **_edges("y", "row", low))
            .encode(
                x=alt.X("x:Q", title=across_title, scale=alt.Scale(zero=False)),
                x2="x2:Q",
                y=alt.Y("y:Q", title=up_title, scale=alt.Scale(zero=False)),
                y2="y2:Q",
                color=shade,
            )
        )
        line = alt.Chart(mean.drop("panel")).mark_line(color=VERMILLION, clip=True).encode(x="centre:Q", y="mean:Q")
        made.append(
            alt.layer(cell, line).properties(width=PANEL, height=HEIGHT, title=alt.TitleParams(panel, fontSize=12))
        )
    return Chart(name, title, says, alt.concat(*made, columns=2).resolve_scale(color="independent"), pl.concat(means))


def _edges(name: str, number: str, edges: Column) -> dict[str, str]:
    """Both ends of a cell from its number, as the chart works them out: a number is shorter than two edges."""
    start, step = float(edges[0]), float(edges[1] - edges[0])
    return {name: f"{start} + datum.{number} * {step}", f"{name}2": f"{start} + (datum.{number} + 1) * {step}"}


def _binned_mean(panel: str, across: Column, up: Column) -> pl.DataFrame:
    """The mean of `up` in bins of `across` that hold equally many tokens."""
    bins = [part for part in np.array_split(np.argsort(across, kind="stable"), MEAN_BINS) if len(part)]
    rows = [{"panel": panel, "centre": float(np.median(across[part])), "mean": float(up[part].mean())} for part in bins]
    return pl.DataFrame(rows)
