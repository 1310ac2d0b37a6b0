"""The tables of a report, as tables.yaml declares them: each cell a figure that its row and column name; no format."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from easyhard.report import items as choose
from easyhard.report import words
from easyhard.report.items import class_best, low_rank, main_label, ranks_by_kind, shortened, signals_by_class
from easyhard.report.metrics import Figure, Figures
from easyhard.report.words import (
    FORMS,
    LEAKS,
    SHARE,
    Label,
    item_title,
    listed,
    metric_label,
    percent,
    signal_title,
    value_text,
)

IMPORTANT = 8
"""So many signals of each stack are listed by importance."""

STRATA = {"target seen in training": "frequency_", "position": "position_"}
"""What strata are of, and how their names start."""

OF_HEAD = "of the head's (%)"

CHANCE = "chance", "random_token"
"""Section and item of what random numbers get."""
GUESS = "random numbers"


@dataclass(frozen=True)
class Table:
    """What a renderer prints: every row has as many cells as the header; the first `left` columns are words."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1


@dataclass(frozen=True)
class Row:
    """Leading cells, and the names that stand for {0}, {1}, … in a column's figures.

    `form` prints the row's figures in place of the columns' forms, `figures` has them in place of the run's, `place` is
    their section and item in place of the columns'; `given` are cells that are not one figure, by the heading of their
    column.
    """

    lead: Sequence[str]
    key: Sequence[str] = ()
    form: str = ""
    figures: Figures | None = None
    place: tuple[str, str] | None = None
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """The figure section/item/metric of every row; in the three {0} is the row's name, {label} the main label.

    It is headed by its label, or by `heading`. If `dropped`, it is left out where no row has its figure, or that of the
    metric it stands `beside`.
    """

    section: str
    metric: str
    item: str = "{0}"
    form: str = "estimate"
    heading: str = ""
    dropped: bool = False
    beside: str = ""
    figures: Figures | None = None


@dataclass(frozen=True)
class View:
    """What a table is of: a run's figures, one name that the table may want, whether the text is the founding one."""

    figures: Figures
    about: str = ""
    founding: bool = False


Rows = list[Row]
Columns = list[Column]


def build(figures: Figures, heads: Sequence[str], rows: Rows, columns: Columns, left: int = 1) -> Table:
    """The table of these rows and columns, without columns that are to be dropped."""
    main = main_label(figures) if any("{label}" in column.metric + column.item for column in columns) else ""

    def find(row: Row, column: Column, metric: str) -> tuple[Label, Figure]:
        place = row.place or (column.section, column.item)
        section, item, name = (part.format(*row.key, label=main) for part in (*place, metric))
        return metric_label(section, name), (column.figures or row.figures or figures).get(section, item, name)

    header, lines = list(heads), [list(row.lead) for row in rows]
    for column in columns:
        known = (find(row, column, column.beside or column.metric)[1].value is not None for row in rows)
        if column.dropped and not any(known):
            continue
        heading = column.heading or metric_label(column.section, column.metric.replace("{label}", main)).heading
        header.append(heading)
        for row, line in zip(rows, lines, strict=True):
            form = FORMS[row.form or column.form]
            line.append(row.given.get(heading) or form(*find(row, column, column.metric)))
    return Table(header, lines, left)


def columns_of(section: str, metrics: str, **look: Any) -> Columns:
    """A column each of several metrics, parted by blanks; `look` has what else a Column is given."""
    return [Column(section, metric, **look) for metric in metrics.split()]


@cache
def _declared() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(Path(__file__).with_name("tables.yaml").read_text(encoding="utf-8"))


def make_table(name: str, view: View) -> Table:
    """The table of that name in tables.yaml. Raises InputError naming a figure that it cannot do without."""
    given = _declared()[name]
    if "listing" in given:
        return build(view.figures, ["figure"], _listing(view, given["listing"], given.get("metrics")), _beside(view))
    if "grid" in given:
        return _grid(view, given["grid"], given["of"], given["metrics"], given.get("items", "all"))
    columns = given.get("columns", [])
    if isinstance(columns, str):
        columns = (COLUMNS.get(columns) or globals()[f"_{columns}"])(view)
    else:
        columns = [column for one in columns for column in columns_of(**one)]
    find = ROWS.get(given["rows"]) or globals()[f"_{given['rows']}"]
    heads = [head.format(about=view.about) for head in given["heads"]]
    rows = find(view)
    if rows and "guessing" in given:
        rows = [*rows, *guessing(view, given["guessing"], columns)]
    return build(view.figures, heads, rows, columns, given.get("left", 1))


def guessing(view: View, lead: Sequence[str], columns: Columns) -> Rows:
    """A row of what random numbers get, with the range that 95 % of them keep to; none where that was not measured."""
    if not view.figures.has_section(CHANCE[0]):
        return []
    metrics = [(column, column.metric.replace("{label}", main_label(view.figures))) for column in columns]
    halves = {
        column.heading or metric_label(column.section, metric).heading: value_text(metric_label("", "auroc"), 0.5)
        for column, metric in metrics
        if metric.startswith("auroc") and "_from_" not in metric and not view.figures.has(*CHANCE, metric)
    }
    return [Row(lead, [""] * len(lead), place=CHANCE, given=halves)]


def strata_kinds(figures: Figures) -> list[str]:
    """What is known of strata, as tables are headed by it."""
    return [title for title in STRATA if _strata(View(figures, title))]


# The protocol fair.


def _of_items(section: str, title: Callable[[str], str]) -> Callable[[View], Rows]:
    return lambda view: [Row([title(item)], [item]) for item in view.figures.items(section)]


def _class_bests(view: View) -> Rows:
    best = class_best(view.figures).items()
    return [Row([needs.replace("_", " "), signal_title(item)], [item]) for needs, item in best]


def _signals_of_class(view: View) -> Rows:
    """The class's best on select is strong. Of low-rank signals there is the best of each kind."""
    items = shortened(view.figures, signals_by_class(view.figures)[view.about])
    best = class_best(view.figures).get(view.about)
    return [Row([words.strong(signal_title(item)) if item == best else signal_title(item)], [item]) for item in items]


def _class_columns(view: View) -> Columns:
    """The heading of AUPRC says what guessing has."""
    label = main_label(view.figures)
    guessing = value_text(metric_label("", "auroc"), view.figures.get("fair_labels", label, "prevalence").value)
    heading = f"{metric_label('', f'auprc_{label}').heading} (guessing {guessing})"
    return [
        *columns_of("fair_signals", "auroc_{label}", dropped=True),
        *columns_of("fair_signals", "auprc_{label}", heading=heading, dropped=True),
        *columns_of("fair_signals", "spearman augrc prr loss_diff oracle_share", dropped=True),
        *columns_of("fair_signals", "multiply_adds", form="plain"),
        *columns_of("fair_signals", "cost_share", form="share", heading=OF_HEAD),
    ]


def _all_signals(view: View) -> Rows:
    return [
        Row([needs.replace("_", " "), signal_title(item)], [item])
        for needs, items in signals_by_class(view.figures).items()
        for item in shortened(view.figures, items)
    ]


def _label_columns(view: View) -> Columns:
    return columns_of("fair_signals", " ".join(f"auroc_{label}" for label in view.figures.items("fair_labels")))


def _label_rows(view: View) -> Rows:
    """Before the signals, how many tokens are hard."""
    hard = {}
    for label in view.figures.items("fair_labels"):
        tokens = view.figures.get("fair_labels", label, "prevalence").value
        hard[metric_label("", f"auroc_{label}").heading] = value_text(SHARE, tokens)
    return [Row(["", "hard tokens (%)"], [""], given=hard), *_all_signals(view)]


def _compared(view: View) -> Rows:
    metrics = ("auroc_from_class_best", "auroc_from_head_best", "augrc_from_head_best")
    has = view.figures.has
    return [row for row in _all_signals(view) if any(has("fair_differences", row.key[0], m) for m in metrics)]


def _preview_columns(view: View) -> Columns:
    metrics = view.figures.metrics("fair_low_rank", view.figures.items("fair_low_rank")[0])
    correlations = " ".join(metric for metric in metrics if metric.endswith("_pearson"))
    return [
        *columns_of("fair_low_rank", "cost_share", form="share", heading=OF_HEAD),
        *columns_of("fair_low_rank", f"coverage {correlations} argmax_kept argmax_kept_refined", dropped=True),
    ]


def _ranks(view: View) -> Rows:
    """A row a rank; its cost is that of the first kind."""
    ranks = dict.fromkeys(item.partition("/")[2] for item in view.figures.items("fair_low_rank"))
    first = next(iter(ranks_by_kind(view.figures)))
    cost = partial(view.figures.get, "fair_low_rank", metric="cost_share")
    return [Row([rank, percent(cost(f"{first}/{rank}").value)], [rank]) for rank in ranks]


def _kind_columns(view: View) -> Columns:
    """Both as the low rank has them, and refined where that was measured."""
    return [
        Column("fair_low_rank", metric, f"{kind}/{{0}}", heading=f"{metric_label('', metric).heading}, {kind}")
        for metric in (
            "max_probability_pearson",
            "argmax_kept",
            "refined_max_probability_pearson",
            "argmax_kept_refined",
        )
        if any(metric in view.figures.metrics("fair_low_rank", item) for item in view.figures.items("fair_low_rank"))
        for kind in ranks_by_kind(view.figures)
    ]


def _low_rank_signals(view: View) -> Rows:
    kinds = list(ranks_by_kind(view.figures))
    parts = [part for part in map(low_rank, view.figures.items("fair_signals")) if part]
    rows = []
    for place, refined, rank in sorted({(kinds.index(part.kind), part.refined, part.rank) for part in parts}):
        lead = [kinds[place], str(rank), "refined" if refined else "as it is"]
        rows.append(Row(lead, [f"{kinds[place]}/{rank}", "refined_" * refined]))
    return rows


def _low_rank_metrics(view: View) -> Columns:
    parts = map(low_rank, view.figures.items("fair_signals"))
    metrics = dict.fromkeys(part.metric for part in parts if part)
    return [Column("fair_signals", "auroc_{label}", f"{{0}}/{{1}}{m}", heading=signal_title(m)) for m in metrics]


def _fractions(view: View) -> Rows:
    places = [(item, *item.rpartition("/")[::2]) for item in view.figures.items("fair_learning")]
    return [Row([signal_title(probe), percent(float(part))], [item]) for item, probe, part in places]


def _important(view: View) -> Rows:
    """The signals that a stack leans on most: the fall of its AUROC on select when their values are shuffled."""
    names = view.figures.metrics("fair_stacks", view.about)
    falls = {name: view.figures.number("fair_stacks", view.about, name) for name in names if f"{name}_std" in names}
    label = metric_label("fair_differences", "auroc_from_head_best")
    rows = []
    for name in sorted(falls, key=lambda name: -falls[name])[:IMPORTANT]:
        fall, spread = (view.figures.get("fair_stacks", view.about, own).value for own in (name, f"{name}_std"))
        told = value_text(label, fall) + ("" if spread is None else f" ± {value_text(label, spread)}")
        rows.append(Row([signal_title(name.removeprefix("importance_")), told]))
    return rows


def _strata(view: View) -> Rows:
    """The stratum `2_10` is printed as 2–10, `over_1000` as over 1000."""
    start = f"share_{STRATA[view.about]}"
    names = [name for name in view.figures.metrics("fair_strata", "tokens") if name.startswith(start)]
    titles = [name.removeprefix(start).replace("over_", "over ").replace("_", "–") for name in names]
    return [Row([title], [name.removeprefix("share_")]) for name, title in zip(names, titles, strict=True)]


def _strata_columns(view: View) -> Columns:
    items = choose.strata_items(view.figures)
    signals = {item.replace("{", "{{").replace("}", "}}"): signal_title(item) for item in items}
    return [
        *columns_of("fair_strata", "share_{0}", form="percent", item="tokens", heading="tokens (%)"),
        *columns_of("fair_strata", "hard_{0}", form="percent", item="tokens", heading="hard (%)"),
        *(Column("fair_strata", "auroc_{0}", item, heading=f"AUROC, {title}") for item, title in signals.items()),
    ]


def _calibrated(view: View) -> Rows:
    titles = {"model": "as it is", "temperature": "at the fitted temperature"}
    return [Row([title], [item]) for item, title in titles.items() if view.figures.has("fair_calibration", item, "ece")]


def _bins(view: View) -> Rows:
    """The bins of confidence that hold tokens."""
    used = choose.used_bins(view.figures)
    titles = {item: "as it is" if item.startswith("model/") else "temperature" for item in used}
    return [Row([title, str(int(item[-2:]) + 1)], [item]) for item, title in titles.items()]


def _shapes(view: View) -> Rows:
    rows = []
    for item in view.figures.items("fair_shape"):
        what = "log of the loss" if item.startswith("log_") else "loss"
        tokens = "target seen in training" if item.endswith("_seen") else "all"
        modes = [name for name in view.figures.metrics("fair_shape", item) if name.startswith("mode_")]
        near = [words.text(view.figures, "fair_shape", item, name) for name in modes]
        rows.append(Row([what, tokens], [item], given={"near (nats)": ", ".join(near) or words.NULL}))
    return rows


def _leaks(view: View) -> Rows:
    return [
        Row([item, listed([LEAKS[name] for name in choose.leak_reasons(view.figures, item)])], [item])
        for item in view.figures.items("leaks")
    ]


# All rows of what was brought along.


def _own_loss(view: View) -> Rows:
    """Of the loss and of its logarithm, a row a figure."""
    return [
        Row([item.replace("_", " "), metric_label("loss_distribution", metric).heading], [metric, item])
        for item in ("loss", "log_loss")
        for metric in view.figures.metrics("loss_distribution", item)
    ]


def _own_thresholds(view: View) -> Rows:
    places = [(item, *item.rpartition("/")[::2]) for item in view.figures.items("thresholds")]
    return [Row([signal_title(signal), cut], [item]) for item, signal, cut in places]


# The founding experiments.


def _title(view: View) -> str:
    """How the published figures are headed: with their corpus where this run's is another."""
    return "published" if view.founding else "published (WikiText-2)"


def _beside(view: View, heading: str = "this run") -> Columns:
    """This run, published, difference; the row's names are section, item and metric.

    This run's figures are marked where they leave a band, on the corpus that the bands are for.
    """
    forms = {heading: _form(view), _title(view): "published", "difference": "change"}
    return [Column("{0}", "{2}", "{1}", form, name) for name, form in forms.items()]


def _form(view: View) -> str:
    return "marked" if view.founding else "estimate"


def _listing(view: View, place: tuple[str, str], metrics: str | None) -> Rows:
    """A row a metric of one section and item, by default all it has: this run, published, difference."""
    section, item = place
    names = metrics.split() if metrics else view.figures.metrics(section, item)
    for name in names:
        view.figures.figure(section, item, name)  # raises where there is none
    return [Row([metric_label(section, name).heading], [section, item, name]) for name in names]


def _grid(view: View, section: str, of: str, metrics: str, items: str) -> Table:
    """A column a metric; of each item a row of this run and, where anything is published, two rows below it.

    `of` heads the first column: what an item is.
    """
    names, rows = ITEMS[items](view.figures, section), []
    columns = columns_of(section, metrics.format(correlations=_confident(view.figures)))
    figures = [view.figures.column(section, names, column.metric) for column in columns]
    for name, own in zip(names, zip(*figures, strict=True), strict=True):
        rows.append(Row([item_title(name), "this run"], [name], _form(view)))
        if any(figure.published is not None for figure in own):
            rows.append(Row(["", _title(view)], [name], "published"))
            rows.append(Row(["", "difference"], [name], "change"))
    if view.figures.has_section(CHANCE[0]) and section in view.figures.items(CHANCE[0]):
        rows.append(Row(["guessing", "expected"], [""], place=(CHANCE[0], section)))
    return build(view.figures, [of, "source"], rows, columns, left=2)


def _confident(figures: Figures) -> str:
    """The correlations that at least one threshold has: a small run may have too few tokens above every one."""
    items = figures.items("high_confidence") if figures.has_section("high_confidence") else []
    found = [name for item in items for name in figures.metrics("high_confidence", item)]
    names = [name for name in dict.fromkeys(found) if name.startswith("pearson_")]
    return " ".join(name for name in names if words.cost_class(name.removeprefix("pearson_")) == "head")


def _head_signals(figures: Figures, section: str) -> list[str]:
    return [item for item in figures.items(section) if words.cost_class(item) == "head"]


def _medians(view: View) -> Rows:
    """Every method at the median cut, with its share of the oracle's Loss Diff, here and as published."""
    oracle, rows = view.figures.figure("separation", "oracle", "loss_diff"), []
    for method in choose.median_cut(view.figures):
        own = method.loss_diff
        here, then = choose.ratio(own.value, oracle.value), choose.ratio(own.published, oracle.published)
        given = {"oracle share (%)": value_text(SHARE, here), f"{_title(view)}, share (%)": value_text(SHARE, then)}
        rows.append(Row([method.title, method.sees], method.place, given=given))
    return rows + _random_split(view)


def _random_split(view: View) -> Rows:
    """What a split at random has, where that is known."""
    place, given = (CHANCE[0], "separation"), {"oracle share (%)": value_text(SHARE, 0.0)}
    if not view.figures.has(*place, "loss_diff"):
        return []
    return [Row([GUESS, words.NULL], ["", "", "loss_diff"], place=place, given=given)]


def _median_columns(view: View) -> Columns:
    headings = ("oracle share (%)", f"{_title(view)}, share (%)")
    return [*_own_columns(view), *(Column("{0}", "{2}", heading=name) for name in headings)]


def _own_cuts(view: View) -> Rows:
    methods = choose.own_cut(view.figures)
    rows = [Row([method.title, value_text(SHARE, method.easy_share)], method.place) for method in methods]
    return rows + _random_split(view)


def _own_columns(view: View) -> Columns:
    return _beside(view, "Loss Diff (nats)")


def _banded(view: View) -> Rows:
    rows = []
    for section, item, metric in view.figures.banded():
        lead = [section.replace("_", " "), item_title(item), metric_label(section, metric).heading]
        rows.append(Row(lead, [section, item, metric]))
    return rows


def _band_columns(view: View) -> Columns:
    bands = {"band": "band", "this run is": "inside"}
    return [*_beside(view)[:2], *(Column("{0}", "{2}", "{1}", form, name) for name, form in bands.items())]


ITEMS: dict[str, Callable[[Figures, str], list[str]]] = {
    "all": Figures.items,
    "head_signals": _head_signals,
    "head_signals_and_oracle": lambda *section: [*_head_signals(*section), "oracle"],
    "plain_ranks": lambda figures, _: choose.plain_ranks(figures),
}
"""Which items of a section a grid has."""

ROWS: dict[str, Callable[[View], Rows]] = {
    "parts": lambda _: [Row([part], [part]) for part in ("fit", "select", "test")],
    "labels": _of_items("fair_labels", words.hard_title),
    "ceilings": _of_items("fair_ceilings", words.hard_title),
    "stacks": _of_items("fair_stacks", signal_title),
    "previews": lambda view: [Row(item.split("/"), [item]) for item in view.figures.items("fair_low_rank")],
    "random": lambda view: [
        Row([item.removeprefix("random_")], [item])
        for item in view.figures.items("chance")
        if item.startswith("random_")
    ],
    "own_signals": _of_items("separation", item_title),
    "own_predictions": _of_items("regression", item_title),
    "strata_signals": lambda view: [Row([signal_title(item)], [item]) for item in choose.strata_items(view.figures)],
}

COLUMNS: dict[str, Callable[[View], Columns]] = {}
"""The columns of tables that other modules know, by name."""
