"""Words for figures: values as printed, comparisons, counts, and which items a sentence speaks of."""

from easyhard.report.labels import SIGNAL_TITLES, TARGET_SIGNALS, metric_label, value_text
from easyhard.report.metrics import Figures


def text(figures: Figures, section: str, item: str, metric: str) -> str:
    """The figure as the tables print it, without its unit. Raises InputError when there is no such figure."""
    return value_text(metric_label(section, metric), figures.value(section, item, metric))


def measured(figures: Figures, section: str, items: list[str], metric: str) -> dict[str, float]:
    """The metric by item, without items where it is null. Raises InputError when an item lacks it altogether."""
    values = {item: figures.value(section, item, metric) for item in items}
    return {item: value for item, value in values.items() if value is not None}


def highest(values: dict[str, float]) -> str:
    """The item with the highest value, the first of equals."""
    return max(values, key=values.__getitem__)


def lowest(values: dict[str, float]) -> str:
    """The item with the lowest value, the first of equals."""
    return min(values, key=values.__getitem__)


def compare(figures: Figures, section: str, pair: tuple[str, str], metric: str, words: tuple[str, str, str]) -> str:
    """The word for how the first item's metric stands to the second's: (above, below, level).

    Figures that look equal in the tables are called level.
    """
    one, other = pair
    if text(figures, section, one, metric) == text(figures, section, other, metric):
        return words[2]
    return comparison(figures.value(section, one, metric), figures.value(section, other, metric), words)


def comparison(one: float | None, other: float | None, words: tuple[str, str, str]) -> str:
    """The word for how `one` stands to `other`: (above, below, level); null is level with everything."""
    if one is None or other is None or one == other:
        return words[2]
    return words[0] if one > other else words[1]


def count(number: int, total: int) -> str:
    """So many of so many, in words at both ends."""
    return f"all {total}" if number == total else f"{number or 'none'} of the {total}"


def plural(number: int, noun: str) -> str:
    """The number with its noun."""
    return f"one {noun}" if number == 1 else f"{number} {noun}s"


def listed(parts: list[str]) -> str:
    """The parts joined as a sentence does it: a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def p_text(p: float) -> str:
    """A p-value as printed."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def untrained_signals(figures: Figures) -> list[str]:
    """The signals of the separation table that are neither trained nor see the target."""
    return [item for item in figures.items("separation") if item not in TARGET_SIGNALS | {"exit_classifier"}]


def signals_of(figures: Figures, section: str) -> list[str]:
    """The section's items that are signals, in the order of the table."""
    return [item for item in figures.items(section) if item in SIGNAL_TITLES]


def plain_ranks(figures: Figures) -> list[int]:
    """The ranks of the plain SVD, ascending."""
    items = [item.partition("/") for item in figures.items("low_rank")]
    return sorted(int(rank) for kind, _, rank in items if kind == "plain")


def mode_places(figures: Figures) -> list[str]:
    """Where the modes of the loss lie, in nats, as printed; none where the density could not be estimated."""
    if not figures.has("loss_distribution", "loss", "modes"):
        return []
    number = figures.value("loss_distribution", "loss", "modes") or 0
    return [text(figures, "loss_distribution", "loss", f"mode_{index + 1}") for index in range(int(number))]


def majority_class(figures: Figures) -> str:
    """What the majority baseline calls every token: easy where more than half of the test tokens are easy."""
    easy = figures.value("classification", "majority", "prevalence")
    return "easy" if easy is not None and easy > 0.5 else "hard"
