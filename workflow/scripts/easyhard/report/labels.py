"""How figures are called and printed: one name, unit and number of digits for each metric and item."""

import re
from dataclasses import dataclass

from easyhard.errors import InputError
from easyhard.signals.registry import Signal, find

NULL = "–"
FOUNDING_SIGNALS = (
    "oracle",
    "target_probability",
    "max_probability",
    "max_logit",
    "max_minus_mean",
    "margin",
    "entropy",
    "exit_classifier",
)
"""The signals that the published sections know by name."""

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


SIGNAL_TITLES = {name: find(name).title for name in FOUNDING_SIGNALS}
SIGNAL_FORMULAS = {name: find(name).formula for name in FOUNDING_SIGNALS}
TARGET_SIGNALS = frozenset(name for name in FOUNDING_SIGNALS if find(name).needs == "target")

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
    "documents": Label("documents", digits=0),
    "sequences": Label("sequences", digits=0),
    "resamples": Label("resamples", digits=0),
    "count": Label("resampled units", digits=0),
    "augrc": Label("AUGRC", "nats"),
    "prr": Label("PRR"),
    "multiply_adds": Label("multiply-adds", digits=0),
    "ceiling_share": Label("of the ceiling", "%", 1),
    "select_auroc": Label("AUROC on select"),
    "auroc_within_documents": Label("AUROC within documents"),
    "auroc_within_position": Label("AUROC within positions"),
    "auroc_within_frequency": Label("AUROC within frequencies"),
    "frequency_share": Label("due to frequency", "%", 1),
    "argmax_kept": Label("argmax kept", "%", 1),
    "argmax_kept_refined": Label("argmax kept, refined", "%", 1),
    "temperature": Label("temperature", digits=2),
    "ece": Label("ECE", "%", 2),
    "nll": Label("mean loss", "nats"),
    "mean_confidence": Label("mean confidence", "%", 1),
    "confidence": Label("confidence", "%", 1),
    "auroc_from_head_best": Label("AUROC from the best head signal", digits=4),
    "auroc_from_class_best": Label("AUROC from the best of its class", digits=4),
    "augrc_from_head_best": Label("AUGRC from the best head signal", "nats"),
    "augrc_from_head_lowest": Label("AUGRC from the head's lowest", "nats"),
}

SECTION_METRICS: dict[tuple[str, str], Label] = {
    ("model", "seconds"): Label("training time", "s", 1),
    ("loss_distribution", "mean"): Label("mean", "nats", 2),
    ("loss_distribution", "std"): Label("std", "nats", 2),
    ("metric_prediction", "pearson"): Label("r with actual"),
    ("regression", "pearson"): Label("r with actual"),
    ("regression", "spearman"): Label("Spearman"),
    ("fair_labels", "prevalence"): Label("hard tokens", "%", 1),
    ("fair_labels", "threshold"): Label("threshold", "nats", 2),
}

HARD = r"loss_over_[\w.]+|argmax_wrong"
REFINED = "refined_"
SCORES = {"auroc": "AUROC", "auprc": "AUPRC", "augrc": "AUGRC"}

MODE_LABELS = {
    "": ("", "nats"),
    "_share": (", share of tokens", "%"),
    "_unseen_share": (", of these never seen in training", "%"),
}


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
        described, unit = MODE_LABELS[mode[2] or ""]
        return Label(f"mode {mode[1]}{described}", unit, 1)
    if (section, metric) in SECTION_METRICS:
        return SECTION_METRICS[section, metric]
    if metric in METRICS:
        return METRICS[metric]
    score = re.fullmatch(rf"({'|'.join(SCORES)})_({HARD})", metric)
    if score:
        return Label(f"{SCORES[score[1]]}, {hard_title(score[2])}")
    signal = metric.removeprefix("pearson_").removesuffix("_pearson")
    if signal != metric:
        known = known_signal(signal.removeprefix(REFINED))
        if known:
            return Label(f"r of {known.title}{', refined' if signal.startswith(REFINED) else ''}")
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
