"""The tables and figures of a run's report, as entries: which figures, in which rows and columns, under which names."""

from collections.abc import Callable

from easyhard.report import items as choose
from easyhard.report.items import class_best, main_label, ranks_by_kind, shortened, signals_by_class, strata_items
from easyhard.report.labels import (
    NULL,
    Label,
    cost_class,
    hard_title,
    item_title,
    metric_label,
    signal_title,
    value_text,
)
from easyhard.report.metrics import Figures
from easyhard.report.tables import (
    Column,
    Entry,
    Form,
    Row,
    View,
    band,
    change,
    columns_of,
    inside,
    marked,
    p_value,
    p_words,
    plain,
    published,
    share,
)
from easyhard.report.words import estimate_text, percent, signed_text, strong

IMPORTANT = 8
"""So many signals of each stack are listed by importance."""

STRATA = {"frequency_": "target seen in training", "position_": "position"}
"""What strata are of, by how their names start."""

FIGURES = {
    "pareto": "fair_signals",
    "risk_coverage": "fair_risk",
    "differences": "fair_differences",
    "low_rank_kinds": "fair_low_rank",
    "learning_curve": "fair_learning",
    "reliability": "fair_calibration",
    "separation": "separation",
    "low_rank": "low_rank",
}
"""The section that a figure is drawn from."""

DIFFERENCES = ("auroc_from_class_best", "auroc_from_head_best", "augrc_from_head_best")
CORRELATIONS = "correlations"
"""Stands for the correlations that enough confident tokens have."""

Items = Callable[[Figures, str], list[str]]
"""The items of a section that a table shows."""

OF_HEAD = "of the head's (%)"
SHARE, LOSS_DIFF = Label("share", "%", 1), metric_label("separation", "loss_diff")
COST = Column("fair_signals", "cost_share", form=share, heading=OF_HEAD)


def drawable(figures: Figures) -> list[str]:
    """The figures that the table has the sections for; cost against quality only where the head's cost is known."""
    found = [name for name, section in FIGURES.items() if figures.has_section(section)]
    has_cost = figures.has("fair_data", "clusters", "head_multiply_adds")
    return [name for name in found if name != "pareto" or has_cost]


def strata_kinds(figures: Figures) -> list[str]:
    """What is known of strata, as tables are headed by it."""
    known = figures.metrics("fair_strata", "tokens")
    return [title for start, title in STRATA.items() if any(name.startswith(f"share_{start}") for name in known)]


def stratum_title(suffix: str) -> str:
    """The printed name of a stratum: `2_10` is 2–10, `over_1000` is over 1000."""
    return suffix.replace("over_", "over ") if suffix.startswith("over_") else suffix.replace("_", "–")


def _items(section: str, title: Callable[[str], str]) -> Callable[[View], list[Row]]:
    return lambda view: [Row([title(item)], [item]) for item in view.figures.items(section)]


def _class_bests(view: View) -> list[Row]:
    best = class_best(view.figures)
    return [Row([name.replace("_", " "), signal_title(item)], [item]) for name, item in best.items()]


def _signals_of_class(view: View) -> list[Row]:
    """The class's best on select is strong. Of low-rank signals there is the best of each kind."""
    items = shortened(view.figures, signals_by_class(view.figures)[view.about])
    best = class_best(view.figures).get(view.about)
    return [Row([strong(signal_title(item)) if item == best else signal_title(item)], [item]) for item in items]


def _class_columns(view: View) -> list[Column]:
    """The heading of AUPRC says what guessing has."""
    label = main_label(view.figures)
    guessing = value_text(metric_label("", "auroc"), view.figures.get("fair_labels", label, "prevalence").value)
    heading = f"{metric_label('', f'auprc_{label}').heading} (guessing {guessing})"
    return [
        *columns_of("fair_signals", "auroc_{label}", dropped=True),
        Column("fair_signals", "auprc_{label}", heading=heading, dropped=True),
        *columns_of("fair_signals", "spearman augrc prr loss_diff oracle_share", dropped=True),
        *columns_of("fair_signals", "multiply_adds", plain),
        COST,
    ]


def _all_signals(view: View) -> list[Row]:
    return [
        Row([needs.replace("_", " "), signal_title(item)], [item])
        for needs, items in signals_by_class(view.figures).items()
        for item in shortened(view.figures, items)
    ]


def _label_columns(view: View) -> list[Column]:
    return columns_of("fair_signals", " ".join(f"auroc_{label}" for label in view.figures.items("fair_labels")))


def _label_rows(view: View) -> list[Row]:
    """Before the signals, how many tokens are hard."""
    hard = {}
    for label in view.figures.items("fair_labels"):
        tokens = view.figures.get("fair_labels", label, "prevalence")
        hard[metric_label("", f"auroc_{label}").heading] = plain(metric_label("fair_labels", "prevalence"), tokens)
    return [Row(["", "hard tokens (%)"], [""], given=hard), *_all_signals(view)]


def _compared(view: View) -> list[Row]:
    found = view.figures
    return [row for row in _all_signals(view) if any(found.has("fair_differences", row.key[0], m) for m in DIFFERENCES)]


def _difference(metric: str, dropped: bool = False) -> list[Column]:
    """A difference and its p-value."""
    return [
        Column("fair_differences", metric, form=signed_text, dropped=dropped),
        Column("fair_differences", f"{metric}_p", form=p_value, heading="Holm p", dropped=dropped, beside=metric),
    ]


def _preview_columns(view: View) -> list[Column]:
    metrics = view.figures.metrics("fair_low_rank", view.figures.items("fair_low_rank")[0])
    correlations = " ".join(metric for metric in metrics if metric.endswith("_pearson"))
    return [
        Column("fair_low_rank", "cost_share", form=share, heading=OF_HEAD),
        *columns_of("fair_low_rank", f"coverage {correlations} argmax_kept argmax_kept_refined", dropped=True),
    ]


def _ranks(view: View) -> list[Row]:
    """A row a rank; its cost is that of the first kind."""
    ranks = dict.fromkeys(item.partition("/")[2] for item in view.figures.items("fair_low_rank"))
    first = next(iter(ranks_by_kind(view.figures)))
    costs = {rank: view.figures.get("fair_low_rank", f"{first}/{rank}", "cost_share").value for rank in ranks}
    return [Row([rank, percent(costs[rank])], [rank]) for rank in ranks]


def _kind_columns(view: View) -> list[Column]:
    """Both as the low rank has them, and refined where that was measured."""
    items = view.figures.items("fair_low_rank")
    measured = {metric for item in items for metric in view.figures.metrics("fair_low_rank", item)}
    found = []
    for metric in ("max_probability_pearson", "argmax_kept", "refined_max_probability_pearson", "argmax_kept_refined"):
        heading = metric_label("fair_low_rank", metric).heading
        for kind in ranks_by_kind(view.figures) if metric in measured else ():
            found.append(Column("fair_low_rank", metric, f"{kind}/{{0}}", heading=f"{heading}, {kind}"))
    return found


def _low_rank_signals(view: View) -> list[Row]:
    kinds = list(ranks_by_kind(view.figures))
    parts = [part for part in map(choose.low_rank, view.figures.items("fair_signals")) if part]
    found = sorted({(kinds.index(part.kind), part.refined, part.rank) for part in parts})
    return [
        Row(
            [kinds[kind], str(rank), "refined" if refined else "as it is"],
            [f"{kinds[kind]}/{rank}", "refined_" * refined],
        )
        for kind, refined, rank in found
    ]


def _low_rank_metrics(view: View) -> list[Column]:
    parts = map(choose.low_rank, view.figures.items("fair_signals"))
    metrics = dict.fromkeys(part.metric for part in parts if part)
    return [Column("fair_signals", "auroc_{label}", f"{{0}}/{{1}}{m}", heading=signal_title(m)) for m in metrics]


def _fractions(view: View) -> list[Row]:
    places = [(item, *item.rpartition("/")[::2]) for item in view.figures.items("fair_learning")]
    return [Row([signal_title(probe), percent(float(part))], [item]) for item, probe, part in places]


def _important(view: View) -> list[Row]:
    """The signals that a stack leans on most: the fall of its AUROC on select when their values are shuffled."""
    names = view.figures.metrics("fair_stacks", view.about)
    falls = {
        name: view.figures.number("fair_stacks", view.about, name)
        for name in names
        if name.startswith("importance_") and not (name.endswith("_std") and name.removesuffix("_std") in names)
    }
    label = metric_label("fair_differences", "auroc_from_head_best")
    rows = []
    for name in sorted(falls, key=lambda name: -falls[name])[:IMPORTANT]:
        fall, spread = (plain(label, view.figures.get("fair_stacks", view.about, own)) for own in (name, f"{name}_std"))
        rows.append([signal_title(name.removeprefix("importance_")), fall if spread == NULL else f"{fall} ± {spread}"])
    return [Row(row) for row in rows]


def _strata(view: View) -> list[Row]:
    start = next(f"share_{start}" for start, title in STRATA.items() if title == view.about)
    names = [name for name in view.figures.metrics("fair_strata", "tokens") if name.startswith(start)]
    return [Row([stratum_title(name.removeprefix(start))], [name.removeprefix("share_")]) for name in names]


def _strata_columns(view: View) -> list[Column]:
    signals = {item.replace("{", "{{").replace("}", "}}"): signal_title(item) for item in strata_items(view.figures)}
    return [
        Column("fair_strata", "share_{0}", "tokens", plain, "tokens (%)", SHARE),
        Column("fair_strata", "hard_{0}", "tokens", plain, "hard (%)", SHARE),
        *(Column("fair_strata", "auroc_{0}", item, heading=f"AUROC, {title}") for item, title in signals.items()),
    ]


def _calibrated(view: View) -> list[Row]:
    titles = {"model": "as it is", "temperature": "at the fitted temperature"}
    return [Row([title], [item]) for item, title in titles.items() if view.figures.has("fair_calibration", item, "ece")]


def _bins(view: View) -> list[Row]:
    """The bins of confidence that hold tokens."""
    found = [item for item in view.figures.items("fair_calibration") if "/" in item]
    used = [item for item in found if view.figures.number("fair_calibration", item, "tokens") > 0]
    titles = {item: "as it is" if item.startswith("model/") else "temperature" for item in used}
    return [Row([title, str(int(item[-2:]) + 1)], [item]) for item, title in titles.items()]


def _shapes(view: View) -> list[Row]:
    rows = []
    for item in view.figures.items("fair_shape"):
        what = "log of the loss" if item.startswith("log_") else "loss"
        tokens = "target seen in training" if item.endswith("_seen") else "all"
        modes = [name for name in view.figures.metrics("fair_shape", item) if name.startswith("mode_")]
        near = [plain(metric_label("", name), view.figures.get("fair_shape", item, name)) for name in modes]
        rows.append(Row([what, tokens], [item], given={"near (nats)": ", ".join(near) or NULL}))
    return rows


DOCUMENT_TABLES: dict[str, Entry] = {
    "best": Entry(
        ("needs", "best signal"),
        _class_bests,
        [
            *columns_of("fair_signals", "auroc_{label} augrc oracle_share ceiling_share", dropped=True),
            *columns_of("fair_signals", "multiply_adds"),
            COST,
        ],
        left=2,
    ),
    "data": Entry(
        ("part",),
        lambda view: [Row([part], [part]) for part in ("fit", "select", "test")],
        columns_of("fair_data", "documents sequences tokens", plain, dropped=True),
    ),
    "labels": Entry(
        ("hard",), _items("fair_labels", hard_title), columns_of("fair_labels", "threshold prevalence", plain)
    ),
    "class_signals": Entry(("signal",), _signals_of_class, _class_columns),
    "label_aurocs": Entry(("needs", "signal"), _label_rows, _label_columns, left=2),
    "differences": Entry(
        ("needs", "signal"), _compared, [one for name in DIFFERENCES for one in _difference(name, dropped=True)], left=2
    ),
    "previews": Entry(
        ("kind", "rank"),
        lambda view: [Row(item.split("/"), [item]) for item in view.figures.items("fair_low_rank")],
        _preview_columns,
    ),
    "preview_kinds": Entry(("rank", OF_HEAD), _ranks, _kind_columns),
    "low_rank_aurocs": Entry(("kind", "rank", "preview"), _low_rank_signals, _low_rank_metrics),
    "learning": Entry(
        ("probe", "of the fit part (%)"), _fractions, columns_of("fair_learning", "documents tokens auroc")
    ),
    "stacks": Entry(
        ("stack",),
        _items("fair_stacks", signal_title),
        [*columns_of("fair_signals", "auroc_{label}"), COST, *_difference("auroc_from_head_best")],
    ),
    "importances": Entry(("signal", "AUROC lost when shuffled"), _important),
    "within": Entry(
        ("signal",),
        lambda view: [Row([signal_title(item)], [item]) for item in strata_items(view.figures)],
        [
            Column("fair_signals", "auroc_{label}", heading="AUROC, pooled"),
            *columns_of(
                "fair_strata",
                "auroc_within_documents auroc_within_position auroc_within_frequency frequency_share",
                dropped=True,
            ),
        ],
    ),
    "strata": Entry(("{0}",), _strata, _strata_columns),
    "ceilings": Entry(
        ("for",),
        _items("fair_ceilings", hard_title),
        columns_of("fair_ceilings", "auroc spearman augrc loss_diff oracle_share", dropped=True),
    ),
    "calibration": Entry(
        ("model",),
        _calibrated,
        columns_of("fair_calibration", "temperature ece nll mean_confidence accuracy", dropped=True),
    ),
    "reliability": Entry(("model", "bin"), _bins, columns_of("fair_calibration", "tokens confidence accuracy", plain)),
    "shape": Entry(
        ("of the", "tokens"),
        _shapes,
        [
            *columns_of("fair_shape", "dip"),
            Column("fair_shape", "dip_p_thinned", form=p_words, heading="one token a sequence"),
            *columns_of("fair_shape", "modes", plain),
            Column("fair_shape", "modes", heading="near (nats)"),
        ],
        left=2,
    ),
}
"""The tables of the protocol fair."""


def _title(view: View) -> str:
    """How the published figures are headed: with their corpus where this run's is another."""
    return "published" if view.founding else "published (WikiText-2)"


def _run(view: View) -> Form:
    """This run's figures are marked where they leave a band, on the corpus that the bands are for."""
    return marked if view.founding else estimate_text


def _beside(view: View, heading: str = "this run") -> list[Column]:
    """This run, published, difference; the row's names are section, item and metric."""
    label = None if heading == "this run" else LOSS_DIFF
    forms = {heading: _run(view), _title(view): published, "difference": change}
    return [Column("{0}", "{2}", "{1}", form, name, label) for name, form in forms.items()]


def _listing(section: str, item: str, metrics: str = "") -> Entry:
    """A row a metric of one item, by default all it has: this run, published, difference."""

    def rows(view: View) -> list[Row]:
        names = metrics.split() or view.figures.metrics(section, item)
        for name in names:
            view.figures.figure(section, item, name)  # raises where there is none
        return [Row([metric_label(section, name).heading], [section, item, name]) for name in names]

    return Entry(("figure",), rows, _beside)


def _grid(kind: str, section: str, metrics: str, items: Items = Figures.items) -> Entry:
    """A column a metric; of each item a row of this run and, where anything is published, two rows below it.

    `kind` heads the first column: what an item is.
    """

    def columns(view: View) -> list[Column]:
        return columns_of(section, metrics.replace(CORRELATIONS, _confident(view.figures)))

    def rows(view: View) -> list[Row]:
        names, found = items(view.figures, section), []
        figures = [view.figures.column(section, names, column.metric) for column in columns(view)]
        for name, own in zip(names, zip(*figures, strict=True), strict=True):
            found.append(Row([item_title(name), "this run"], [name], _run(view)))
            if any(figure.published is not None for figure in own):
                found += [Row(["", _title(view)], [name], published), Row(["", "difference"], [name], change)]
        return found

    return Entry((kind, "source"), rows, columns, left=2)


def _confident(figures: Figures) -> str:
    """The correlations that at least one threshold has: a small run may have too few tokens above every one."""
    if not figures.has_section("high_confidence"):
        return ""
    found = [name for item in figures.items("high_confidence") for name in figures.metrics("high_confidence", item)]
    names = [name for name in dict.fromkeys(found) if name.startswith("pearson_")]
    return " ".join(name for name in names if cost_class(name.removeprefix("pearson_")) == "head")


def _head_signals(figures: Figures, section: str) -> list[str]:
    return [item for item in figures.items(section) if cost_class(item) == "head"]


def _plain_ranks(figures: Figures, section: str) -> list[str]:
    return choose.plain_ranks(figures)


def _share(part: float | None, whole: float | None) -> str:
    """One Loss Diff as a share of another, in percent; a dash where either is null or the whole is zero."""
    return value_text(SHARE, part / whole if part is not None and whole else None)


def _medians(view: View) -> list[Row]:
    """Every method at the median cut, with its share of the oracle's Loss Diff, here and as published."""
    oracle, rows = view.figures.figure("separation", "oracle", "loss_diff"), []
    for method in choose.median_cut(view.figures):
        own = method.loss_diff
        shares = _share(own.value, oracle.value), _share(own.published, oracle.published)
        given = {"oracle share (%)": shares[0], f"{_title(view)}, share (%)": shares[1]}
        rows.append(Row([method.title, method.sees], method.place, given=given))
    return rows


def _median_columns(view: View) -> list[Column]:
    headings = ("oracle share (%)", f"{_title(view)}, share (%)")
    return [*_beside(view, "Loss Diff (nats)"), *(Column("{0}", "{2}", heading=name) for name in headings)]


def _own_cuts(view: View) -> list[Row]:
    methods = choose.own_cut(view.figures)
    return [Row([method.title, value_text(SHARE, method.easy_share)], method.place) for method in methods]


def _banded(view: View) -> list[Row]:
    names = [(section.replace("_", " "), section, item, metric) for section, item, metric in view.figures.banded()]
    return [Row([title, item_title(key[1]), metric_label(key[0], key[2]).heading], key) for title, *key in names]


def _band_columns(view: View) -> list[Column]:
    bands = {"band": band, "this run is": inside}
    return [*_beside(view)[:2], *(Column("{0}", "{2}", "{1}", form, name) for name, form in bands.items())]


SPLIT = "easy_loss hard_loss loss_diff oracle_share"
SHAPE = "skewness easy_mean hard_mean loss_diff cohens_d cohens_d_normal cohens_d_uniform cohens_d_exponential dip"
UNSEEN = "dip_p_thinned unseen_target_share unseen_target_mean_loss"
CUT = "threshold easy_share_at_threshold loss_diff_at_threshold"
FIDELITY = "coverage logits_pearson max_probability_pearson max_probability_mse seconds"
FOUNDING_TABLES: dict[str, Entry] = {
    "language_model": _listing("model", "language_model"),
    "loss": _listing("loss_distribution", "loss", f"mean std min max q25 q50 q75 {SHAPE} {UNSEEN}"),
    "exit_classifier": _listing("separation", "exit_classifier", f"pearson spearman mean std {SPLIT} {CUT}"),
    "regression": _grid("model", "regression", "mse pearson spearman r2 loss_diff"),
    "classification": _grid("model", "classification", "accuracy balanced_accuracy f1 auroc auprc"),
    "classified": _grid("model", "classification", "easy_share easy_loss hard_loss loss_diff loss_diff_median"),
    "target_probability": _listing("separation", "target_probability", f"pearson spearman mean std {SPLIT}"),
    "thresholds": _grid("threshold", "thresholds", "easy_share hard_share easy_loss hard_loss loss_diff"),
    "correlations": _grid("signal", "separation", "pearson spearman high_means_easy mean std", _head_signals),
    "separation": _grid("signal", "separation", SPLIT, lambda *names: [*_head_signals(*names), "oracle"]),
    "high_confidence": _grid("threshold", "high_confidence", f"tokens share {CORRELATIONS}"),
    "confident": _listing("high_confidence", "0.5", "tokens share high_mean_loss low_mean_loss"),
    "metric_prediction": _grid("signal", "metric_prediction", "pearson", choose.signals_of),
    "low_rank": _grid("rank", "low_rank", FIDELITY, _plain_ranks),
    "low_rank_metrics": _grid(
        "rank", "low_rank", "max_logit_pearson max_minus_mean_pearson margin_pearson", _plain_ranks
    ),
    "low_rank_split": _grid("rank", "low_rank", SPLIT, _plain_ranks),
    "median_cut": Entry(("method", "kind"), _medians, _median_columns, left=2),
    "own_cut": Entry(("method", "called easy (%)"), _own_cuts, lambda view: _beside(view, "Loss Diff (nats)")),
    "bands": Entry(("section", "item", "figure"), _banded, _band_columns, left=3),
}
"""The tables of the founding experiments, this run's figures beside the published ones."""
