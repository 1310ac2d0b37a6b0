"""How figures are called and printed: names, units and digits, intervals, comparisons, counts; no format.

What a reader is to see first is wrapped by `strong`; the renderer of a format says how that looks.
"""

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from easyhard.errors import InputError
from easyhard.report.metrics import Figure, Figures
from easyhard.signals.registry import Signal, find

NULL = "–"
OWN = "own"
COST_CLASSES = {
    "hidden": "the hidden state",
    "context": "earlier tokens too",
    "layers": "other layers' states",
    "low_rank": "a low-rank head",
    "head": "a pass over the vocabulary",
    "all": "all of these together",
    OWN: "brought along",
    "target": "the target (oracles)",
}
"""What the signals of each cost class need, in the order of the report; `own` are a user's signals."""


@dataclass(frozen=True)
class Label:
    """A metric's printed name, its unit, and the digits after the point; the unit % stands for stored fractions.

    `words` are printed instead of 0 and 1.
    """

    name: str
    unit: str = ""
    digits: int = 3
    words: tuple[str, str] | None = None

    @property
    def heading(self) -> str:
        """The name with its unit, as a column or row is headed."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def scale(self) -> float:
        """What a stored value is multiplied with to be printed."""
        return 100.0 if self.unit == "%" else 1.0


LEAKS = {
    "traced": "a function of the loss",
    "ordered": "follows the loss",
    "beyond_past": "has the token's own loss in it, or later ones",
    "of_target": "a function of the target",
    "of_first_choice": "says whether the first choice is right",
    "above_ceiling": "better than a calibrated model could be",
}
"""How a signal that knows the answer gave itself away, by the measure, the most telling first."""

FOUNDING_SIGNALS = {
    name: find(name)
    for name in (
        *("oracle", "target_probability", "max_probability", "max_logit", "max_minus_mean"),
        *("margin", "entropy", "exit_classifier"),
    )
}
"""The signals that the published sections know by name."""

TITLES = {
    **{name: signal.title for name, signal in FOUNDING_SIGNALS.items()},
    "oracle": "oracle (loss itself)",
    "majority": "majority class",
    "mlp2": "MLP-2",
    "mlp3": "MLP-3",
    "mlp2_wide": "MLP-2-wide",
}


LABELS = {("", "high_means_easy"): Label("high means", words=("hard", "easy"))}
with Path(__file__).with_name("labels.csv").open(newline="", encoding="utf-8") as _lines:
    for _row in csv.DictReader(_lines):
        LABELS[_row["section"], _row["metric"]] = Label(_row["name"], _row["unit"], int(_row["digits"]))
"""By section and metric; a label without a section is for all. What is not here has no unit and three digits."""

SHARE = Label("share", "%", 1)
MODE_LABELS = {None: "", "_share": ", share of tokens", "_unseen_share": ", of these never seen in training"}

MARK = "†"
STRONG = "\ue000", "\ue001"
"""Stand around strong words: characters of private use, which no text has."""

BETTER, NOT_WORSE, WORSE = "better", "not worse", "worse"
SIGNIFICANT = 0.05
FROM_HEAD = "auroc_from_head_best"


def known_signal(name: str) -> Signal | None:
    """The registry's entry of a signal or of a member of a family; None for a user's own signal."""
    try:
        return find(name)
    except InputError:
        return None


def signal_title(name: str) -> str:
    """The printed name of a signal: the registry's, or the name as it is for a user's own."""
    signal = known_signal(name)
    return signal.title if signal else name


def cost_class(name: str) -> str:
    """What a signal needs, a key of COST_CLASSES; `own` for a user's signal."""
    signal = known_signal(name)
    return signal.needs if signal else OWN


def hard_title(label: str) -> str:
    """The printed name of what counts as hard: `loss_over_3` is loss > 3, `argmax_wrong` is argmax wrong."""
    return label.replace("loss_over_", "loss > ").replace("_", " ")


def metric_label(section: str, metric: str) -> Label:
    """The label of a metric in its section.

    `pearson_<signal>`, `<signal>_pearson` and `refined_<signal>_pearson` are named after the signal, `auroc_<label>`
    after what counts as hard.
    """
    mode = re.fullmatch(r"mode_(\d+)(_share|_unseen_share)?", metric)
    if mode:
        return Label(f"mode {mode[1]}{MODE_LABELS[mode[2]]}", "%" if mode[2] else "nats", 1)
    known = LABELS.get((section, metric)) or LABELS.get(("", metric))
    if known:
        return known
    score = re.fullmatch(r"(auroc|auprc|augrc)_(loss_over_[\w.]+|argmax_wrong)", metric)
    if score:
        return Label(f"{score[1].upper()}, {hard_title(score[2])}")
    name = metric.removeprefix("pearson_").removesuffix("_pearson")
    signal = known_signal(name.removeprefix("refined_")) if name != metric else None
    if signal:
        return Label(f"r of {signal.title}{', refined' if name.startswith('refined_') else ''}")
    return Label(metric.replace("_", " "))


def item_title(item: str) -> str:
    """The printed name of a signal, a probe, a low rank (`family/rank` gives the rank) or a threshold."""
    return TITLES.get(item, item.rpartition("/")[2].replace("_", " "))


def value_text(label: Label, value: float | None) -> str:
    """The value as printed, thousands parted by commas; null is a dash."""
    if value is None:
        return NULL
    if label.words:
        return label.words[int(value)]
    return _unsigned_zero(f"{value * label.scale:,.{label.digits}f}")


def difference_text(label: Label, value: float | None, published: float | None) -> str:
    """A value minus another, signed, in the printed unit (points where the unit is %)."""
    if value is None or published is None:
        return NULL
    if label.words:
        return "same" if value == published else "other"
    return _unsigned_zero(f"{(value - published) * label.scale:+,.{label.digits}f}")


def _unsigned_zero(text: str) -> str:
    return text.lstrip("+-") if not text.strip("+-0.,") else text


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
    return estimate_text(metric_label("fair_differences", metric), figures.get("fair_differences", item, metric), True)


def estimate_text(label: Label, figure: Figure, signed: bool = False) -> str:
    """The value and, where there is one, its interval; all with their signs if `signed`."""
    told = [
        difference_text(label, value, 0.0) if signed else value_text(label, value)
        for value in (figure.value, *(figure.interval or ()))
    ]
    return f"{told[0]} [{', '.join(told[1:])}]" if figure.interval else told[0]


def band(label: Label, figure: Figure) -> str:
    """The band of a faithful run in words, in the printed unit."""
    low, high = value_text(label, figure.band_low), value_text(label, figure.band_high)
    if figure.band_low is None:
        return f"below {high}"
    return f"above {low}" if figure.band_high is None else f"{low} to {high}"


FORMS: dict[str, Callable[[Label, Figure], str]] = {
    "estimate": estimate_text,
    "plain": lambda label, figure: value_text(label, figure.value),
    "signed": partial(estimate_text, signed=True),
    "marked": lambda label, figure: estimate_text(label, figure) + (f" {MARK}" if figure.outside else ""),
    "share": lambda _, figure: percent(figure.value),
    "percent": lambda _, figure: value_text(SHARE, figure.value),
    "p_words": lambda _, figure: p_text(figure.value),
    "published": lambda label, figure: value_text(label, figure.published),
    "change": lambda label, figure: difference_text(label, figure.value, figure.published),
    "band": band,
    "inside": lambda _, figure: f"outside {MARK}" if figure.outside else "inside",
    "p": lambda _, figure: p_text(figure.value).removeprefix("p ").removeprefix("= "),
}
"""How a figure is printed in a cell, by name; `p` stands below a heading that says so."""


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


def measured(figures: Figures, section: str, items: Iterable[str], metric: str, of: str = "value") -> dict[str, float]:
    """The metric by item, or what was `published` of it, without items where it is null.

    Raises InputError when an item lacks it altogether.
    """
    values = {item: getattr(figures.figure(section, item, metric), of) for item in items}
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
