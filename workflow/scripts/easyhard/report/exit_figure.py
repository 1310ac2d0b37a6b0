"""The figure of the exits: what leaving after each layer costs in quality, and how well it is told which tokens may."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from easyhard.evaluation.exit_names import LENS, TRANSLATED
from easyhard.report import drawing as draw
from easyhard.report.drawing import BLUE, GREY, LOOKS, ORANGE, VERMILLION
from easyhard.report.exits import CHANCE, CLASSES, SECTION, SIGNALS, bests, exit_items, signals_at
from easyhard.report.metrics import Figures
from easyhard.report.words import metric_label

HEADS = {
    LENS: ("the model's head", BLUE),
    TRANSLATED: ("translated states", ORANGE),
    "own": ("a head an exit", VERMILLION),
}
LOOK_OF_CLASS = LOOKS | {"probes": LOOKS["hidden"]}
ASIDE = 0.06
"""Classes stand so many layers aside from each other, so that their intervals can be told apart."""


@draw.styled
def draw_exits(figures: Figures) -> Figure:
    """By exit: mean loss, tokens that agree with the last layer and stay so, and AUROC of the best of each class."""
    figure = draw.canvas(9.6, 7.4, "What is lost by leaving early, and can it be told which tokens may?")
    (losses, shares), lower = figure.subplots(2, 2, sharex=True)
    for head, (words, colour) in HEADS.items():
        items = [item for item in exit_items(figures) if item.partition("/")[2] == head]
        look: dict[str, Any] = {"color": colour, "marker": "o", "markersize": 5}
        dashed = look | {"linestyle": "--", "markerfacecolor": "white"}
        _by_exit(losses, figures, items, "mean_loss", **look, label=words)
        _by_exit(shares, figures, items, "agreement", **look, label=f"agree, {words}")
        _by_exit(shares, figures, items, "stays", **dashed, label=f"settled, {words}")
    losses.set(ylabel="mean loss (nats)", title="what is lost")
    shares.set(ylabel="tokens (%)", title="is the first choice the last layer's?", ylim=(0, 103))
    losses.legend()
    shares.legend()
    for axes, label in zip(lower, ("stays", "agrees"), strict=True):
        _best_signals(axes, figures, label)
        axes.set(xlabel="exit after layer", ylabel=f"AUROC, {label}", title=f"best of each class for “{label}”")
    handles = {label: line for axes in lower for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower left", ncols=3, title="signals that need", alignment="left"
    )
    losses.set_xticks([int(item) for item in exit_items(figures) if item.isdigit()])
    return figure


def _by_exit(axes: Axes, figures: Figures, items: list[str], metric: str, **look: Any) -> None:
    if items:
        layers = [int(item.partition("/")[0]) for item in items]
        found, scale = figures.column(SECTION, items, metric), metric_label(SECTION, metric).scale
        draw.curve(axes, layers, found, scale=scale, **look)


def _best_signals(axes: Axes, figures: Figures, label: str) -> None:
    """A line a cost class through its best signals at the exits of the model's head, another one at each maybe."""
    found = {item: bests(figures, own, label) for item, own in signals_at(figures).items() if item.isdigit()}
    for number, (needs, words) in enumerate(CLASSES.items()):
        own = {int(item): best.item for item, all_best in found.items() for best in all_best if best.needs == needs}
        if own:
            colour, marker = LOOK_OF_CLASS[needs]
            across = [layer + ASIDE * (number - (len(CLASSES) - 1) / 2) for layer in own]
            scores = figures.column(SIGNALS, list(own.values()), f"auroc_{label}")
            draw.curve(axes, across, scores, color=colour, marker=marker, markersize=5, label=words)
    axes.axhline(CHANCE, color=GREY, linestyle=":", label="guessing")
