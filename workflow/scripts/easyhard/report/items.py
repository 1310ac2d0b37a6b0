"""Which items tables, figures and sentences speak of: signals by cost class, the best of each, ranks, methods."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from easyhard.errors import InputError
from easyhard.report.metrics import Figure, Figures
from easyhard.report.words import COST_CLASSES, LEAKS, cost_class, item_title, text

FULL_COVERAGE = 1 - 1e-9
TARGET, LOGITS, TRAINED = "sees the target", "from the logits", "trained on hidden states"


class LowRank(NamedTuple):
    """The parts of a low-rank signal's name, `weighted/10/refined_entropy`."""

    kind: str
    rank: int
    metric: str
    refined: bool


class Method(NamedTuple):
    """A method of the founding comparison: what it `sees` (TARGET, LOGITS, TRAINED), and where its Loss Diff stands.

    `easy_share` (0..1) is what it calls easy at that cut.
    """

    title: str
    sees: str
    place: tuple[str, str, str]
    loss_diff: Figure
    easy_share: float | None = None


def main_label(figures: Figures) -> str:
    """What counts as hard in the main comparison, `loss_over_3`. Raises InputError when the threshold is missing."""
    threshold = figures.value("fair_data", "clusters", "main_threshold")
    if threshold is None:
        raise InputError("metrics: fair_data/clusters/main_threshold is null; the report needs the main threshold")
    return f"loss_over_{threshold:g}"


def signals_by_class(figures: Figures) -> dict[str, list[str]]:
    """The signals of each cost class, classes in the order of the report, signals from the highest AUROC down."""
    metric = f"auroc_{main_label(figures)}"
    items = figures.items("fair_signals")
    return _by_class(figures, sorted(items, key=lambda item: -figures.number("fair_signals", item, metric)))


def class_best(figures: Figures) -> dict[str, str]:
    """The best signal of each cost class but the oracles', as chosen on the select part."""
    items = figures.items("fair_differences")
    marked = [item for item in items if figures.get("fair_differences", item, "is_class_best").value == 1]
    grouped = _by_class(figures, sorted(marked, key=lambda item: -select_score(figures, item)))
    return {name: items[0] for name, items in grouped.items() if name != "target"}


def overall_best(figures: Figures) -> str:
    """Of the classes' best signals the best on the select part."""
    return max(class_best(figures).values(), key=lambda item: select_score(figures, item))


def select_score(figures: Figures, item: str) -> float:
    """AUROC of the main label on the select part; minus infinity where there is none."""
    return figures.number("fair_signals", item, "select_auroc")


def cheapest_first(figures: Figures, items: Iterable[str]) -> list[str]:
    """The items by multiply-adds a token, those of unknown cost left out."""
    known = [item for item in items if figures.has("fair_signals", item, "cost_share")]
    return sorted(known, key=lambda item: figures.number("fair_signals", item, "cost_share"))


def low_rank(item: str) -> LowRank | None:
    """The parts of a low-rank signal's name; None for any other signal."""
    parts = re.fullmatch(r"(\w+)/(\d+)/(refined_)?(\w+)", item)
    if parts is None or cost_class(item) != "low_rank":
        return None
    return LowRank(parts[1], int(parts[2]), parts[4], parts[3] is not None)


def shortened(figures: Figures, items: Sequence[str], by_rank: bool = False) -> list[str]:
    """The items in their order, of low-rank signals only the best on select of each kind, plain and refined.

    `by_rank` keeps the best of each rank.
    """
    best: dict[object, str] = {}
    for item in items:
        parts = low_rank(item)
        group = (parts.kind, parts.refined, by_rank and parts.rank) if parts else item
        best[group] = max(best.get(group, item), item, key=lambda name: select_score(figures, name))
    return [item for item in items if item in best.values()]


def ranks_by_kind(figures: Figures, below_full: bool = False) -> dict[str, list[int]]:
    """Of each kind of low rank (plain, centred, weighted) the ranks, ascending; `below_full` those that lose energy."""
    kinds: dict[str, list[int]] = {}
    for item in figures.items("fair_low_rank"):
        kind, _, rank = item.partition("/")
        if not below_full or figures.number("fair_low_rank", item, "coverage") < FULL_COVERAGE:
            kinds.setdefault(kind, []).append(int(rank))
    return {kind: sorted(ranks) for kind, ranks in kinds.items()}


def strata_items(figures: Figures) -> list[str]:
    """The best of each cost class that has strata; where none has, the three best on select that have."""
    found = [item for item in figures.items("fair_strata") if item != "tokens"]
    best = [item for item in class_best(figures).values() if item in found]
    return best or sorted(found, key=lambda item: -select_score(figures, item))[:3]


def median_cut(figures: Figures) -> list[Method]:
    """Every method cut at the median of its score, the largest Loss Diff first."""
    places = [("separation", item, "loss_diff") for item in figures.items("separation")]
    places += [("regression", item, "loss_diff") for item in figures.items("regression")]
    places += [("classification", item, "loss_diff_median") for item in classifiers(figures)]
    return _methods(figures, places)


def own_cut(figures: Figures) -> list[Method]:
    """The classifiers cut at their own threshold, the largest Loss Diff first."""
    places = [("separation", "exit_classifier", "loss_diff_at_threshold")]
    return _methods(figures, [*places, *(("classification", item, "loss_diff") for item in classifiers(figures))])


def _methods(figures: Figures, places: Iterable[tuple[str, str, str]]) -> list[Method]:
    """The methods whose Loss Diffs stand there; models are named with their task: `MLP-2 regression`."""
    tasks = {"separation": "", "regression": " regression", "classification": " classifier"}
    found = []
    for section, item, metric in places:
        title, own = f"{item_title(item)}{tasks[section]}", figures.figure(section, item, metric)
        easy_share = figures.get(section, item, metric.replace("loss_diff", "easy_share")).value
        found.append(Method(title, _sees(section, item), (section, item, metric), own, easy_share))
    return sorted(found, key=lambda method: -figures.number(*method.place))


def _sees(section: str, item: str) -> str:
    if section != "separation" or item == "exit_classifier":
        return TRAINED
    return TARGET if cost_class(item) == "target" else LOGITS


def ratio(part: float | None, whole: float | None) -> float | None:
    """One Loss Diff as a share of another; None where either is null or the whole is zero."""
    return part / whole if part is not None and whole else None


def learning_sizes(figures: Figures) -> dict[str, list[str]]:
    """The items of each probe of the learning curve, the smallest part of the fit documents first."""
    sizes: dict[str, list[str]] = {}
    for item in sorted(figures.items("fair_learning"), key=lambda item: float(item.rpartition("/")[2])):
        sizes.setdefault(item.rpartition("/")[0], []).append(item)
    return sizes


def used_bins(figures: Figures) -> list[str]:
    """The bins of confidence that hold tokens, `model/bin_03`."""
    bins = [item for item in figures.items("fair_calibration") if "/" in item]
    return [item for item in bins if figures.number("fair_calibration", item, "tokens") > 0]


def classifiers(figures: Figures) -> list[str]:
    """The trained classifiers of easy tokens, without the majority's row."""
    return [item for item in figures.items("classification") if item != "majority"]


def untrained_signals(figures: Figures) -> list[str]:
    """The signals of the separation table that are neither trained nor see the target."""
    return [item for item in figures.items("separation") if _sees("separation", item) == LOGITS]


def leak_reasons(figures: Figures, item: str) -> list[str]:
    """How a signal that knows the answer gave itself away, keys of LEAKS, the most telling first."""
    return [name for name in LEAKS if figures.has("leaks", item, f"reason_{name}")]


def plain_ranks(figures: Figures) -> list[str]:
    """The items of the plain SVD, `plain/10`, by rank."""
    items = [item for item in figures.items("low_rank") if item.startswith("plain/")]
    return sorted(items, key=lambda item: int(item.partition("/")[2]))


def mode_places(figures: Figures, section: str, item: str = "loss") -> list[str]:
    """Where the modes of the loss lie, in nats, as printed; none where the density could not be estimated."""
    found = figures.get(section, item, "modes").value or 0
    return [text(figures, section, item, f"mode_{index + 1}") for index in range(int(found))]


def _by_class(figures: Figures, items: list[str]) -> dict[str, list[str]]:
    """By what a signal needs: as the table states it (a figure `needs_hidden`), or as the registry does."""
    grouped: dict[str, list[str]] = {name: [] for name in COST_CLASSES}
    for item in items:
        stated = (name for name in COST_CLASSES if figures.has("fair_signals", item, f"needs_{name}"))
        grouped[next(stated, cost_class(item))].append(item)
    return {name: own for name, own in grouped.items() if own}
