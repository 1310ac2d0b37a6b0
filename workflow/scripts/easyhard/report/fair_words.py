"""Words for estimates: a value with its interval, a difference with its p, and what an interval allows one to say."""

from easyhard.report.fair_items import optional
from easyhard.report.labels import NULL, Label, difference_text, metric_label, value_text
from easyhard.report.metrics import Figure, Figures
from easyhard.report.words import p_text

BETTER, NOT_WORSE, WORSE = "better", "not worse", "worse"
STANDS, FALLS, UNDECIDED = "stands", "falls", "undecided"


def estimate(figures: Figures, section: str, item: str, metric: str) -> str:
    """The figure with its interval, `0.741 [0.729, 0.753]`, in the printed unit; a dash where there is none."""
    return estimate_text(metric_label(section, metric), optional(figures, section, item, metric))


def estimate_text(label: Label, figure: Figure) -> str:
    """The value and, where there is one, its interval."""
    bounds = interval(figure)
    value = value_text(label, figure.value)
    return f"{value} [{value_text(label, bounds[0])}, {value_text(label, bounds[1])}]" if bounds else value


def difference(figures: Figures, section: str, item: str, metric: str) -> str:
    """A difference with its interval, all signed: `-0.007 [-0.012, -0.002]`; a dash where there is none."""
    label, figure = metric_label(section, metric), optional(figures, section, item, metric)
    bounds = interval(figure)
    value = difference_text(label, figure.value, 0.0)
    if not bounds:
        return value
    return f"{value} [{difference_text(label, bounds[0], 0.0)}, {difference_text(label, bounds[1], 0.0)}]"


def holm(figures: Figures, item: str, metric: str) -> str:
    """The Holm-adjusted p-value of a difference in words; nothing where there is none."""
    p = optional(figures, "fair_differences", item, f"{metric}_p").value
    return "" if p is None else f"Holm {p_text(p)}"


def interval(figure: Figure) -> tuple[float, float] | None:
    """The 95 % interval; None where the figure has none."""
    if figure.ci_low is None or figure.ci_high is None:
        return None
    return figure.ci_low, figure.ci_high


def standing(figure: Figure, low_is_good: bool) -> str | None:
    """What a difference's interval allows to say: BETTER, WORSE, or NOT_WORSE where 0 lies inside; None without one."""
    bounds = interval(figure)
    if bounds is None:
        return None
    low, high = (-bounds[1], -bounds[0]) if low_is_good else bounds
    if low > 0:
        return BETTER
    return WORSE if high < 0 else NOT_WORSE


def cost(figures: Figures, item: str) -> str:
    """A signal's multiply-adds in percent of the head's; a dash where they are not known."""
    return percent(optional(figures, "fair_signals", item, "cost_share").value)


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
