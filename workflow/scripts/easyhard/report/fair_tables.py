"""The tables of protocol `fair`: estimates with their intervals, signals grouped by what they need."""

from collections.abc import Sequence

from easyhard.report.fair_items import (
    class_best,
    low_rank,
    main_label,
    number,
    optional,
    select_score,
    shortened,
    signals_by_class,
)
from easyhard.report.fair_words import cost, difference, estimate, percent
from easyhard.report.labels import NULL, hard_title, metric_label, signal_title, value_text
from easyhard.report.metrics import Figures
from easyhard.report.tables import markdown
from easyhard.report.words import p_text

PARTS = ("fit", "select", "test")
IMPORTANT = 8
"""So many signals of each stack are listed by importance."""

SHARES = ("share", "hard")
NAMES = {"frequency_": "target seen in training", "position_": "position"}
"""What strata are of, by how their names start."""


def data_table(figures: Figures) -> str:
    """Documents, sequences and tokens of the fit, select and test parts."""
    metrics = [name for name in ("documents", "sequences", "tokens") if _has(figures, "fair_data", PARTS, name)]
    rows = [[part, *(_plain(figures, "fair_data", part, metric) for metric in metrics)] for part in PARTS]
    return markdown(["part", *metrics], rows)


def labels_table(figures: Figures) -> str:
    """What counts as hard, above which loss, and how many test tokens are."""
    metrics = ["threshold", "prevalence"]
    rows = [
        [hard_title(label), *(_plain(figures, "fair_labels", label, metric) for metric in metrics)]
        for label in figures.items("fair_labels")
    ]
    return markdown(["hard", *_headings("fair_labels", metrics)], rows)


def class_signals(figures: Figures, cost_class: str) -> str:
    """Every figure of the main label for the signals of one cost class, from the highest AUROC down.

    The class's best on select is bold. Of low-rank signals there is the best of each kind.
    """
    label = main_label(figures)
    wanted = [f"auroc_{label}", f"auprc_{label}", "spearman", "augrc", "prr", "loss_diff", "oracle_share"]
    items = shortened(figures, signals_by_class(figures)[cost_class])
    metrics = [metric for metric in wanted if _has(figures, "fair_signals", items, metric)]
    best = class_best(figures).get(cost_class)
    rows = [
        [
            f"**{signal_title(item)}**" if item == best else signal_title(item),
            *(estimate(figures, "fair_signals", item, metric) for metric in metrics),
            _plain(figures, "fair_signals", item, "multiply_adds"),
            cost(figures, item),
        ]
        for item in items
    ]
    guessing = metric_label("", "auroc"), optional(figures, "fair_labels", label, "prevalence").value
    headings = [
        f"{heading} (guessing {value_text(*guessing)})" if heading.startswith("AUPRC") else heading
        for heading in _headings("fair_signals", metrics)
    ]
    return markdown(["signal", *headings, "multiply-adds", "of the head's (%)"], rows)


def label_aurocs(figures: Figures) -> str:
    """AUROC of every label, signals grouped by cost class; the first row has the share of hard tokens."""
    labels = figures.items("fair_labels")
    header = ["needs", "signal", *(f"AUROC, {hard_title(label)}" for label in labels)]
    prevalence = ["", "hard tokens (%)", *(_plain(figures, "fair_labels", label, "prevalence") for label in labels)]
    rows = [
        [
            needs.replace("_", " "),
            signal_title(item),
            *(estimate(figures, "fair_signals", item, f"auroc_{label}") for label in labels),
        ]
        for needs, items in signals_by_class(figures).items()
        for item in shortened(figures, items)
    ]
    return markdown(header, [prevalence, *rows], left=2)


def differences_table(figures: Figures) -> str:
    """Differences from the best of the own class and from the best head signal, with Holm-adjusted p-values."""
    wanted = ("auroc_from_class_best", "auroc_from_head_best", "augrc_from_head_best")
    items = [
        (needs, item)
        for needs, own in signals_by_class(figures).items()
        for item in shortened(figures, own)
        if any(figures.has("fair_differences", item, metric) for metric in wanted)
    ]
    names = [item for _, item in items]
    metrics = [metric for metric in wanted if _has(figures, "fair_differences", names, metric)]
    header = ["needs", "signal"]
    for metric in metrics:
        header += [metric_label("fair_differences", metric).heading, "Holm p"]
    rows = [
        [
            needs.replace("_", " "),
            signal_title(item),
            *(cell for metric in metrics for cell in _difference_cells(figures, item, metric)),
        ]
        for needs, item in items
    ]
    return markdown(header, rows, left=2)


def fidelity_table(figures: Figures) -> str:
    """By kind and rank: energy kept, cost, r of each low-rank metric with the exact one, argmax kept."""
    items = figures.items("fair_low_rank")
    correlations = [name for name in figures.metrics("fair_low_rank", items[0]) if name.endswith("_pearson")]
    wanted = ["coverage", *correlations, "argmax_kept", "argmax_kept_refined"]
    metrics = [metric for metric in wanted if _has(figures, "fair_low_rank", items, metric)]
    rows = [
        [
            *item.split("/"),
            percent(optional(figures, "fair_low_rank", item, "cost_share").value),
            *(estimate(figures, "fair_low_rank", item, metric) for metric in metrics),
        ]
        for item in items
    ]
    return markdown(["kind", "rank", "of the head's (%)", *_headings("fair_low_rank", metrics)], rows, left=1)


def kept_table(figures: Figures) -> str:
    """By rank, a column a kind: r of the max probability with the exact one, and how often the argmax is kept.

    Both as the low rank has them, and refined where that was measured.
    """
    places = [item.partition("/") for item in figures.items("fair_low_rank")]
    kinds = list(dict.fromkeys(kind for kind, _, _ in places))
    known = ("max_probability_pearson", "argmax_kept", "refined_max_probability_pearson", "argmax_kept_refined")
    measured = {metric for place, _, rank in places for metric in figures.metrics("fair_low_rank", f"{place}/{rank}")}
    metrics = [metric for metric in known if metric in measured]
    rows = [
        [
            rank,
            percent(optional(figures, "fair_low_rank", f"{kinds[0]}/{rank}", "cost_share").value),
            *(estimate(figures, "fair_low_rank", f"{kind}/{rank}", metric) for metric in metrics for kind in kinds),
        ]
        for rank in dict.fromkeys(rank for _, _, rank in places)
    ]
    headings = [f"{heading}, {kind}" for heading in _headings("fair_low_rank", metrics) for kind in kinds]
    return markdown(["rank", "of the head's (%)", *headings], rows)


def low_rank_aurocs(figures: Figures) -> str:
    """AUROC of the main label of every low-rank signal: a row a kind and rank, a column a metric; refined ones too."""
    label = main_label(figures)
    kinds = [item.partition("/")[0] for item in figures.items("fair_low_rank")]
    cells: dict[tuple[str, int, bool], dict[str, str]] = {}
    for item in figures.items("fair_signals"):
        parts = low_rank(item)
        if parts:
            row = cells.setdefault((parts.kind, parts.rank, parts.refined), {})
            row[parts.metric] = estimate(figures, "fair_signals", item, f"auroc_{label}")
    metrics = list(dict.fromkeys(metric for row in cells.values() for metric in row))
    rows = [
        [kind, str(rank), "refined" if refined else "as it is", *(row.get(metric, NULL) for metric in metrics)]
        for (kind, rank, refined), row in sorted(
            cells.items(), key=lambda pair: (kinds.index(pair[0][0]), pair[0][2], pair[0][1])
        )
    ]
    return markdown(["kind", "rank", "preview", *(signal_title(metric) for metric in metrics)], rows, left=1)


def learning_table(figures: Figures) -> str:
    """AUROC of the main label by how much of the fit part a probe was trained on."""
    metrics = ["documents", "tokens", "auroc"]
    rows = []
    for item in figures.items("fair_learning"):
        probe, _, fraction = item.rpartition("/")
        values = (estimate(figures, "fair_learning", item, metric) for metric in metrics)
        rows.append([signal_title(probe), percent(float(fraction)), *values])
    return markdown(["probe", "of the fit part (%)", *_headings("fair_learning", metrics)], rows)


def importances(figures: Figures, stack: str) -> str:
    """The signals that a stack leans on most: the fall of its AUROC on select when their values are shuffled."""
    prefix = "importance_"
    measured = [metric for metric in figures.metrics("fair_stacks", stack) if metric.startswith(prefix)]
    falls = {
        metric.removeprefix(prefix): number(figures, "fair_stacks", stack, metric)
        for metric in measured
        if metric.removesuffix("_std") == metric or metric.removesuffix("_std") not in measured
    }
    highest = sorted(falls, key=lambda item: -falls[item])[:IMPORTANT]
    rows = [[signal_title(item), _importance(figures, stack, item)] for item in highest]
    return markdown(["signal", "AUROC lost when shuffled"], rows)


def stacks_table(figures: Figures) -> str:
    """What each stack reaches and costs, and how it stands to the best head signal."""
    score, gap = f"auroc_{main_label(figures)}", "auroc_from_head_best"
    rows = [
        [
            signal_title(stack),
            estimate(figures, "fair_signals", stack, score),
            cost(figures, stack),
            *_difference_cells(figures, stack, gap),
        ]
        for stack in figures.items("fair_stacks")
    ]
    heading = metric_label("fair_differences", gap).heading
    return markdown(["stack", metric_label("", score).heading, "of the head's (%)", heading, "Holm p"], rows)


def strata_tables(figures: Figures) -> list[str]:
    """AUROC by how often training saw the target and by position, each where it is known."""
    known = figures.metrics("fair_strata", "tokens")
    return [
        _strata(figures, prefix) for prefix in NAMES if any(metric.startswith(f"share_{prefix}") for metric in known)
    ]


def within_table(figures: Figures) -> str:
    """AUROC over all pairs of tokens, over pairs that share something, and the share that the frequency explains."""
    items = strata_items(figures)
    label = main_label(figures)
    wanted = [*(f"auroc_within_{kind}" for kind in ("documents", "position", "frequency")), "frequency_share"]
    metrics = [metric for metric in wanted if _has(figures, "fair_strata", items, metric)]
    rows = [
        [
            signal_title(item),
            estimate(figures, "fair_signals", item, f"auroc_{label}"),
            *(estimate(figures, "fair_strata", item, metric) for metric in metrics),
        ]
        for item in items
    ]
    return markdown(["signal", "AUROC, pooled", *_headings("fair_strata", metrics)], rows)


def ceilings_table(figures: Figures) -> str:
    """What the best possible target-free score reaches on targets that are drawn from the model itself."""
    items = figures.items("fair_ceilings")
    wanted = ["auroc", "spearman", "augrc", "loss_diff", "oracle_share"]
    metrics = [metric for metric in wanted if _has(figures, "fair_ceilings", items, metric)]
    rows = [
        [hard_title(item), *(estimate(figures, "fair_ceilings", item, metric) for metric in metrics)] for item in items
    ]
    return markdown(["for", *_headings("fair_ceilings", metrics)], rows)


def calibration_table(figures: Figures) -> str:
    """Error, mean loss, confidence and accuracy of the model, as it is and at the fitted temperature."""
    wanted = ["temperature", "ece", "nll", "mean_confidence", "accuracy"]
    items = [item for item in ("model", "temperature") if figures.has("fair_calibration", item, "ece")]
    metrics = [metric for metric in wanted if _has(figures, "fair_calibration", items, metric)]
    titles = {"model": "as it is", "temperature": "at the fitted temperature"}
    rows = [
        [titles[item], *(estimate(figures, "fair_calibration", item, metric) for metric in metrics)] for item in items
    ]
    return markdown(["model", *_headings("fair_calibration", metrics)], rows)


def reliability_table(figures: Figures) -> str:
    """By bin of confidence: tokens, mean confidence and accuracy, without and with the temperature."""
    bins = [item for item in figures.items("fair_calibration") if "/" in item]
    metrics = ["tokens", "confidence", "accuracy"]
    rows = []
    for item in bins:
        model, _, name = item.partition("/")
        if number(figures, "fair_calibration", item, "tokens") > 0:
            cells = (_plain(figures, "fair_calibration", item, metric) for metric in metrics)
            rows.append(["as it is" if model == "model" else "temperature", str(int(name[-2:]) + 1), *cells])
    return markdown(["model", "bin", *_headings("fair_calibration", metrics)], rows)


def shape_table(figures: Figures) -> str:
    """Dip with its interval, its p on one token a sequence, and the modes, of all tokens and of seen targets alone."""
    titles = {"loss": "loss", "log_loss": "log of the loss"}
    rows = []
    for item in figures.items("fair_shape"):
        tokens = "target seen in training" if item.endswith("_seen") else "all"
        modes = [name for name in figures.metrics("fair_shape", item) if name.startswith("mode_")]
        p = optional(figures, "fair_shape", item, "dip_p_thinned").value
        rows.append(
            [
                titles[item.removesuffix("_seen")],
                tokens,
                estimate(figures, "fair_shape", item, "dip"),
                NULL if p is None else p_text(p),
                _plain(figures, "fair_shape", item, "modes"),
                ", ".join(_plain(figures, "fair_shape", item, name) for name in modes) or NULL,
            ]
        )
    return markdown(["of the", "tokens", "dip", "one token a sequence", "modes", "near (nats)"], rows, left=2)


def _strata(figures: Figures, prefix: str) -> str:
    """A row a stratum: its share of the tokens, its share of hard ones, and the AUROC of some signals."""
    items = strata_items(figures)
    strata = [
        name.removeprefix("share_")
        for name in figures.metrics("fair_strata", "tokens")
        if name.startswith(f"share_{prefix}")
    ]
    rows = [
        [
            stratum_title(stratum.removeprefix(prefix)),
            *(value_text(metric_label("", "share"), _value(figures, "tokens", f"{kind}_{stratum}")) for kind in SHARES),
            *(estimate(figures, "fair_strata", item, f"auroc_{stratum}") for item in items),
        ]
        for stratum in strata
    ]
    titles = [f"AUROC, {signal_title(item)}" for item in items]
    return markdown([NAMES[prefix], "tokens (%)", "hard (%)", *titles], rows)


def stratum_title(suffix: str) -> str:
    """The printed name of a stratum: `2_10` is 2–10, `over_1000` is over 1000."""
    return suffix.replace("over_", "over ") if suffix.startswith("over_") else suffix.replace("_", "–")


def strata_items(figures: Figures) -> list[str]:
    """The best of each cost class that has strata; where none has, the three best on select that have."""
    found = [item for item in figures.items("fair_strata") if item != "tokens"]
    best = [item for item in class_best(figures).values() if item in found]
    return best or sorted(found, key=lambda item: -select_score(figures, item))[:3]


def _difference_cells(figures: Figures, item: str, metric: str) -> tuple[str, str]:
    p = optional(figures, "fair_differences", item, f"{metric}_p").value
    return difference(figures, "fair_differences", item, metric), NULL if p is None else p_text(p).removeprefix(
        "p "
    ).removeprefix("= ")


def _importance(figures: Figures, stack: str, item: str) -> str:
    fall = optional(figures, "fair_stacks", stack, f"importance_{item}").value
    spread = optional(figures, "fair_stacks", stack, f"importance_{item}_std").value
    label = metric_label("fair_differences", "auroc_from_head_best")
    return value_text(label, fall) if spread is None else f"{value_text(label, fall)} ± {value_text(label, spread)}"


def _value(figures: Figures, item: str, metric: str) -> float | None:
    return optional(figures, "fair_strata", item, metric).value


def _has(figures: Figures, section: str, items: Sequence[str], metric: str) -> bool:
    return any(figures.has(section, item, metric) for item in items)


def _plain(figures: Figures, section: str, item: str, metric: str) -> str:
    """The value alone."""
    return value_text(metric_label(section, metric), optional(figures, section, item, metric).value)


def _headings(section: str, metrics: Sequence[str]) -> list[str]:
    return [metric_label(section, metric).heading for metric in metrics]
