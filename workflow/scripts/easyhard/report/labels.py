"""How figures are called and printed: one name, unit and number of digits for each metric and item."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from easyhard.errors import InputError
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
