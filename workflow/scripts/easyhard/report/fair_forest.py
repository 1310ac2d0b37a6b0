"""The forest plot of differences between signals."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from easyhard.errors import InputError
from easyhard.report.fair_drawing import LOOKS, reaches
from easyhard.report.fair_items import class_best, main_label, optional, select_score, shortened, signals_by_class
from easyhard.report.fair_words import percent
from easyhard.report.findings import SIGNIFICANT
from easyhard.report.labels import COST_CLASSES, hard_title, signal_title
from easyhard.report.metrics import Figures
from easyhard.report.style import GREY, INK, canvas, styled

ROWS_OF_A_CLASS = 7
FAR = -0.1
"""What is further behind stands at the left edge with its number, so that it does not squeeze the rest."""


@styled
def differences(figures: Figures) -> Figure:
    """Forest plot: each signal's difference in AUROC from the best head signal, sorted, grouped by cost class.

    Without a head signal it is the difference from the best of the same class. Of each class there are at most
    ROWS_OF_A_CLASS signals, the best on select; of low-rank ones the best of each kind. Raises InputError where there
    is no difference to draw.
    """
    head = class_best(figures).get("head")
    groups = {
        name: _rows(figures, items, _metric(name, head))
        for name, items in signals_by_class(figures).items()
        if name in LOOKS
    }
    groups = {name: items for name, items in groups.items() if items}
    if not groups:
        raise InputError("metrics: no figure fair_differences/…/auroc_from_class_best; the forest plot needs one")
    rows = sum(map(len, groups.values())) + len(groups)
    against = signal_title(head) if head else "the best of its class"
    figure = canvas(8.6, 0.235 * rows + 1.6, f"AUROC of each signal against {against}")
    axes = figure.subplots()
    names: dict[float, str] = {}
    position = 0.0
    for name, items in groups.items():
        _heading(axes, position, COST_CLASSES[name], LOOKS[name][0])
        for item in items:
            position += 1
            names[position] = signal_title(item)
            _row(axes, figures, (item, _metric(name, head)), position, LOOKS[name])
        position += 1
    axes.set_yticks(list(names), list(names.values()))
    axes.set_ylim(position - 0.3, -0.8)
    _finish(figure, axes, f"difference in AUROC, {hard_title(main_label(figures))} nats, with its 95 % interval")
    return figure


def _metric(cost_class: str, head: str | None) -> str:
    """Head signals are compared with the best of their class, which is the best head signal."""
    return "auroc_from_head_best" if head and cost_class != "head" else "auroc_from_class_best"


def _rows(figures: Figures, items: list[str], metric: str) -> list[str]:
    """The signals to draw, from the highest difference down."""
    best = class_best(figures).values()
    measured = [item for item in shortened(figures, items) if figures.has("fair_differences", item, metric)]
    others = [item for item in measured if item not in best or metric == "auroc_from_head_best"]
    kept = sorted(others, key=lambda item: -select_score(figures, item))[:ROWS_OF_A_CLASS]
    return sorted(kept, key=lambda item: -(figures.value("fair_differences", item, metric) or 0.0))


def _heading(axes: Axes, position: float, words: str, colour: str) -> None:
    axes.annotate(
        words,
        (0, position),
        xycoords=axes.get_yaxis_transform(),
        xytext=(-5, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        weight="bold",
        color=colour,
    )


def _row(axes: Axes, figures: Figures, name: tuple[str, str], position: float, look: tuple[str, str]) -> None:
    """One signal's difference: filled where its Holm-adjusted p is below the level; its cost at the right."""
    item, metric = name
    estimate = figures.figure("fair_differences", item, metric)
    p = optional(figures, "fair_differences", item, f"{metric}_p").value
    face = look[0] if p is not None and p < SIGNIFICANT else "white"
    value = estimate.value or 0.0
    if value < FAR:
        axes.plot(FAR, position, color=look[0], marker="<", markersize=6)
        axes.annotate(
            f"−{-value:.3f}", (FAR, position), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    else:
        reach = reaches([estimate])
        axes.errorbar([value], [position], xerr=reach, color=look[0], fmt=look[1], markerfacecolor=face, elinewidth=1.4)
    cost = optional(figures, "fair_signals", item, "cost_share").value
    if cost is not None:
        place = axes.get_yaxis_transform()
        axes.text(1.01, position, f"{percent(cost)} %", transform=place, va="center", fontsize=8.5, color=GREY)


def _finish(figure: Figure, axes: Axes, words: str) -> None:
    axes.axvline(0, color=INK, linewidth=1)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    axes.spines["left"].set_visible(False)
    axes.set_xlim(left=max(axes.get_xlim()[0], FAR - 0.004))
    axes.set_xlabel(words)
    axes.set_title("cost, of the head's", loc="right", fontsize=8.5, color=GREY)
    filled = Line2D([], [], color=GREY, marker="o", linestyle="none", label=f"differs: Holm p < {SIGNIFICANT:g}")
    hollow = Line2D([], [], color=GREY, marker="o", linestyle="none", markerfacecolor="white", label="may not differ")
    far = Line2D([], [], color=GREY, marker="<", linestyle="none", label=f"further behind than {-FAR:g}")
    figure.legend(handles=[filled, hollow, far], loc="outside lower left", ncols=3)
