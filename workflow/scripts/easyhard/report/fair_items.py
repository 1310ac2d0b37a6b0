"""Which items the fair sections speak of: signals by cost class, the best of each, low ranks taken apart."""

import re
from typing import NamedTuple

from easyhard.errors import InputError
from easyhard.report.labels import COST_CLASSES, cost_class
from easyhard.report.metrics import EMPTY, Figure, Figures

CHEAP = ("hidden", "layers", "low_rank")
"""The classes without a pass over the whole vocabulary; `context` may read losses of earlier tokens, which took one."""

FULL_COVERAGE = 1 - 1e-9


class LowRank(NamedTuple):
    """The parts of a low-rank signal's name, `weighted/10/refined_entropy`."""

    kind: str
    rank: int
    metric: str
    refined: bool


def has_section(figures: Figures, section: str) -> bool:
    """Whether the table has that section."""
    try:
        figures.items(section)
    except InputError:
        return False
    return True


def main_label(figures: Figures) -> str:
    """What counts as hard in the main comparison, `loss_over_3`. Raises InputError when the threshold is missing."""
    threshold = figures.value("fair_data", "clusters", "main_threshold")
    if threshold is None:
        raise InputError("metrics: fair_data/clusters/main_threshold is null; the report needs the main threshold")
    return f"loss_over_{threshold:g}"


def signals_by_class(figures: Figures) -> dict[str, list[str]]:
    """The signals of each cost class, classes in the order of the report, signals from the highest AUROC down."""
    metric = f"auroc_{main_label(figures)}"
    found = sorted(figures.items("fair_signals"), key=lambda item: -number(figures, "fair_signals", item, metric))
    return _by_class(figures, found)


def class_best(figures: Figures) -> dict[str, str]:
    """The best signal of each cost class but the oracles', as chosen on the select part."""
    marked = [item for item in figures.items("fair_differences") if _is_best(figures, item)]
    grouped = _by_class(figures, sorted(marked, key=lambda item: -select_score(figures, item)))
    return {name: items[0] for name, items in grouped.items() if name != "target"}


def overall_best(figures: Figures) -> str:
    """Of the classes' best signals the best on the select part. Raises InputError when no signal is marked as best."""
    best = class_best(figures)
    if not best:
        raise InputError("metrics: fair_differences has no signal with is_class_best = 1; one a cost class is wanted")
    return max(best.values(), key=lambda item: select_score(figures, item))


def select_score(figures: Figures, item: str) -> float:
    """AUROC of the main label on the select part; minus infinity where there is none."""
    return number(figures, "fair_signals", item, "select_auroc")


def cheapest_first(figures: Figures, items: list[str]) -> list[str]:
    """The items by multiply-adds a token, those of unknown cost left out."""
    known = [item for item in items if figures.has("fair_signals", item, "cost_share")]
    return sorted(known, key=lambda item: number(figures, "fair_signals", item, "cost_share"))


def low_rank(item: str) -> LowRank | None:
    """The parts of a low-rank signal's name; None for any other signal."""
    parts = re.fullmatch(r"(\w+)/(\d+)/(refined_)?(\w+)", item)
    if parts is None or cost_class(item) != "low_rank":
        return None
    return LowRank(parts[1], int(parts[2]), parts[4], parts[3] is not None)


def best_by(figures: Figures, items: list[str], *fields: str) -> list[str]:
    """Of low-rank signals that agree in the fields (of LowRank) the best on the select part, in the order met."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for item in items:
        parts = low_rank(item)
        if parts:
            groups.setdefault(tuple(getattr(parts, field) for field in fields), []).append(item)
    return [max(group, key=lambda item: select_score(figures, item)) for group in groups.values()]


def shortened(figures: Figures, items: list[str]) -> list[str]:
    """The items in their order, of the low-rank signals only the best of each kind, plain and refined."""
    kept = set(best_by(figures, items, "kind", "refined"))
    return [item for item in items if low_rank(item) is None or item in kept]


def ranks_below_full(figures: Figures) -> dict[str, list[int]]:
    """Of each kind of low rank (plain, centred, weighted) the ranks that leave something out, ascending."""
    kinds: dict[str, list[int]] = {}
    for item in figures.items("fair_low_rank"):
        kind, _, rank = item.partition("/")
        if number(figures, "fair_low_rank", item, "coverage") < FULL_COVERAGE:
            kinds.setdefault(kind, []).append(int(rank))
    return {kind: sorted(ranks) for kind, ranks in kinds.items()}


def number(figures: Figures, section: str, item: str, metric: str) -> float:
    """The figure's value; minus infinity where it is null or not there, so that it never is the highest."""
    value = optional(figures, section, item, metric).value
    return float("-inf") if value is None else value


def optional(figures: Figures, section: str, item: str, metric: str) -> Figure:
    """The figure of that name, an empty one where the table has none."""
    return figures.figure(section, item, metric) if figures.has(section, item, metric) else EMPTY


def _by_class(figures: Figures, items: list[str]) -> dict[str, list[str]]:
    needs = {item: _needs(figures, item) for item in items}
    grouped = {name: [item for item in items if needs[item] == name] for name in COST_CLASSES}
    return {name: own for name, own in grouped.items() if own}


def _needs(figures: Figures, item: str) -> str:
    """The cost class that the table states (a figure `needs_hidden`), as for signals brought along, or the registry."""
    stated = (name for name in COST_CLASSES if figures.has("fair_signals", item, f"needs_{name}"))
    return next(stated, cost_class(item))


def _is_best(figures: Figures, item: str) -> bool:
    return optional(figures, "fair_differences", item, "is_class_best").value == 1


SECTIONS = {
    "risk_coverage": "fair_risk",
    "differences": "fair_differences",
    "low_rank_fair": "fair_low_rank",
    "learning_curve": "fair_learning",
    "reliability": "fair_calibration",
}


def drawable(figures: Figures) -> list[str]:
    """The figures of protocol `fair` that the table has the sections for; `pareto` where the head's cost is known."""
    costs = ["pareto"] if figures.has("fair_data", "clusters", "head_multiply_adds") else []
    return costs + [name for name, section in SECTIONS.items() if has_section(figures, section)]
