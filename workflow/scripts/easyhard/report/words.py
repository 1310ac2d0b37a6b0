"""Words for figures: values as printed, with intervals and p-values, comparisons and counts; no format but plain text.

What a reader is to see first is wrapped by `strong`; the renderer of a format says how that looks.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from easyhard.report.labels import NULL, Label, difference_text, metric_label, value_text
from easyhard.report.metrics import Figure, Figures

STRONG = "\ue000", "\ue001"
"""Stand around strong words: characters of private use, which no text has."""

BETTER, NOT_WORSE, WORSE = "better", "not worse", "worse"
SIGNIFICANT = 0.05
FROM_HEAD = "auroc_from_head_best"


def strong(words: str) -> str:
    """The words, marked as strong."""
    return f"{STRONG[0]}{words}{STRONG[1]}"


def text(figures: Figures, section: str, item: str, metric: str) -> str:
    """The figure as the tables print it, without its unit. Raises InputError when there is no such figure."""
    return value_text(metric_label(section, metric), figures.value(section, item, metric))


def estimate(figures: Figures, section: str, item: str, metric: str) -> str:
    """The figure with its interval, `0.741 [0.729, 0.753]`, in the printed unit; a dash where there is none."""
    return estimate_text(metric_label(section, metric), figures.get(section, item, metric))


def difference(figures: Figures, item: str, metric: str) -> str:
    """A signal's difference from another with its interval, all signed: `-0.007 [-0.012, -0.002]`; else a dash."""
    return signed_text(metric_label("fair_differences", metric), figures.get("fair_differences", item, metric))


def estimate_text(label: Label, figure: Figure) -> str:
    """The value and, where there is one, its interval."""
    return _with_interval(figure, partial(value_text, label))


def signed_text(label: Label, figure: Figure) -> str:
    """The value and, where there is one, its interval, all with their signs."""
    return _with_interval(figure, lambda value: difference_text(label, value, 0.0))


def _with_interval(figure: Figure, print_value: Callable[[float | None], str]) -> str:
    interval = f" [{', '.join(map(print_value, figure.interval))}]" if figure.interval else ""
    return print_value(figure.value) + interval


def standing(figure: Figure, low_is_good: bool = False) -> str | None:
    """What a difference's interval allows to say: BETTER, WORSE, or NOT_WORSE where 0 lies inside; None without one."""
    if figure.interval is None:
        return None
    low, high = figure.interval
    if low <= 0 <= high:
        return NOT_WORSE
    return BETTER if (high < 0) == low_is_good else WORSE


def cost(figures: Figures, item: str) -> str:
    """A signal's multiply-adds in percent of the head's; a dash where they are not known."""
    return percent(figures.get("fair_signals", item, "cost_share").value)


def percent(share: float | None) -> str:
    """A share in percent with two digits that count, whole from 10 % on: 0.046, 1.6, 31."""
    if share is None:
        return NULL
    value = 100 * share
    if value == 0:
        return "0"
    if value >= 9.95:
        return f"{value:,.0f}"
    digits = 1 if value >= 0.995 else 2 if value >= 0.0995 else 3
    return f"{value:.{digits}f}" if value >= 0.0005 else "< 0.001"


def p_text(p: float | None) -> str:
    """A p-value as printed; a dash where there is none."""
    if p is None:
        return NULL
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def measured(figures: Figures, section: str, items: Sequence[str], metric: str) -> dict[str, float]:
    """The metric by item, without items where it is null. Raises InputError when an item lacks it altogether."""
    values = {item: figures.value(section, item, metric) for item in items}
    return {item: value for item, value in values.items() if value is not None}


def highest(values: Mapping[str, float], among: Iterable[str] | None = None) -> str | None:
    """The item with the highest value, the first of equals; None of none."""
    return max(values if among is None else among, key=values.__getitem__, default=None)


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


def listed(parts: Sequence[str]) -> str:
    """The parts joined as a sentence does it: a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
