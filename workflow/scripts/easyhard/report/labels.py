"""How figures are called and printed: one name, unit and number of digits for each metric and item."""

import re
from dataclasses import dataclass

from easyhard.signals.registry import SIGNALS

NULL = "–"


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


SIGNAL_TITLES = {signal.name: signal.title for signal in SIGNALS}
SIGNAL_FORMULAS = {signal.name: signal.formula for signal in SIGNALS}
TARGET_SIGNALS = frozenset(signal.name for signal in SIGNALS if signal.needs == "target")
HEAD_SIGNALS = tuple(signal.name for signal in SIGNALS if signal.needs == "head")

TITLES = {
    **SIGNAL_TITLES,
    "oracle": "oracle (loss itself)",
    "majority": "majority class",
    "linear": "linear",
    "mlp2": "MLP-2",
    "mlp3": "MLP-3",
    "mlp2_wide": "MLP-2-wide",
}

METRICS: dict[str, Label] = {
    "validation_perplexity": Label("validation perplexity", digits=2),
    "vocabulary_size": Label("vocabulary", "words", 0),
    "vocabulary_unseen": Label("vocabulary never seen in training", "words", 0),
    "train_sequences": Label("training sequences", digits=0),
    "validation_sequences": Label("validation sequences", digits=0),
    "train_tokens": Label("training tokens", digits=0),
    "validation_tokens": Label("validation tokens", digits=0),
    "epochs": Label("epochs run", digits=0),
    "best_epoch": Label("best epoch", digits=0),
    "trained_parameters": Label("trained parameters", digits=0),
    "mean": Label("mean"),
    "std": Label("std"),
    "min": Label("lowest", "nats", 2),
    "max": Label("highest", "nats", 2),
    "q25": Label("25 % quantile", "nats", 2),
    "q50": Label("median", "nats", 2),
    "q75": Label("75 % quantile", "nats", 2),
    "skewness": Label("skewness", digits=2),
    "easy_mean": Label("easy loss", "nats", 2),
    "hard_mean": Label("hard loss", "nats", 2),
    "easy_loss": Label("easy loss", "nats", 2),
    "hard_loss": Label("hard loss", "nats", 2),
    "loss_diff": Label("Loss Diff", "nats", 2),
    "loss_diff_median": Label("at the median", "nats", 2),
    "loss_diff_at_threshold": Label("Loss Diff, own cut", "nats", 2),
    "oracle_share": Label("oracle share", "%", 1),
    "threshold": Label("threshold (median prediction on train)", "nats", 2),
    "easy_share": Label("easy share", "%", 1),
    "hard_share": Label("hard share", "%", 1),
    "easy_share_at_threshold": Label("easy share, own cut", "%", 1),
    "cohens_d": Label("Cohen's d", digits=2),
    "cohens_d_normal": Label("Cohen's d of a normal", digits=2),
    "cohens_d_uniform": Label("Cohen's d of a uniform", digits=2),
    "cohens_d_exponential": Label("Cohen's d of an exponential", digits=2),
    "dip": Label("dip", digits=4),
    "dip_p_thinned": Label("p of the dip, one token a sequence"),
    "high_means_easy": Label("high means", words=("hard", "easy")),
    "modes": Label("modes", digits=0),
    "bandwidth": Label("bandwidth of the density", "nats", 2),
    "unseen_target_share": Label("targets never seen in training", "%", 1),
    "unseen_target_mean_loss": Label("their mean loss", "nats", 2),
    "pearson": Label("r with loss"),
    "spearman": Label("Spearman with loss"),
    "tokens": Label("tokens", digits=0),
    "share": Label("share", "%", 1),
    "high_mean_loss": Label("mean loss, high", "nats", 2),
    "low_mean_loss": Label("mean loss, low", "nats", 2),
    "low_tokens": Label("tokens, low", digits=0),
    "mse": Label("MSE", "nats²", 2),
    "r2": Label("R²"),
    "accuracy": Label("accuracy", "%", 1),
    "balanced_accuracy": Label("balanced accuracy", "%", 1),
    "auroc": Label("AUROC"),
    "auprc": Label("AUPRC"),
    "prevalence": Label("easy tokens", "%", 1),
    "f1": Label("F1 (hard)"),
    "coverage": Label("coverage", "%", 1),
    "logits_pearson": Label("r of the logits"),
    "max_probability_mse": Label("MSE of max probability", digits=6),
    "seconds": Label("time", "s", 2),
}

SECTION_METRICS: dict[tuple[str, str], Label] = {
    ("model", "seconds"): Label("training time", "s", 1),
    ("loss_distribution", "mean"): Label("mean", "nats", 2),
    ("loss_distribution", "std"): Label("std", "nats", 2),
    ("metric_prediction", "pearson"): Label("r with actual"),
    ("regression", "pearson"): Label("r with actual"),
    ("regression", "spearman"): Label("Spearman"),
}

MODE_LABELS = {
    "": ("", "nats"),
    "_share": (", share of tokens", "%"),
    "_unseen_share": (", of these never seen in training", "%"),
}


def metric_label(section: str, metric: str) -> Label:
    """The label of a metric in its section; `pearson_<signal>` and `<signal>_pearson` are named after the signal."""
    mode = re.fullmatch(r"mode_(\d+)(_share|_unseen_share)?", metric)
    if mode:
        described, unit = MODE_LABELS[mode[2] or ""]
        return Label(f"mode {mode[1]}{described}", unit, 1)
    if (section, metric) in SECTION_METRICS:
        return SECTION_METRICS[section, metric]
    if metric in METRICS:
        return METRICS[metric]
    signal = metric.removeprefix("pearson_").removesuffix("_pearson")
    if signal in SIGNAL_TITLES and signal != metric:
        return Label(f"r of {SIGNAL_TITLES[signal]}")
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
    """This run's value minus the published one, signed, in the printed unit (points where the unit is %)."""
    if value is None or published is None:
        return NULL
    if label.words:
        return "same" if value == published else "other"
    return _unsigned_zero(f"{(value - published) * label.scale:+,.{label.digits}f}")


def _unsigned_zero(text: str) -> str:
    return text.lstrip("+-") if not text.strip("+-0.,") else text
