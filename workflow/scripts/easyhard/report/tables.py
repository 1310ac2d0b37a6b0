"""How a table is made: rows by columns, each cell a figure that the row and the column name together. No format."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from easyhard.report.items import main_label
from easyhard.report.labels import Label, difference_text, metric_label, value_text
from easyhard.report.metrics import Figure, Figures
from easyhard.report.words import estimate_text, p_text, percent, signed_text

MARK = "†"
Form = Callable[[Label, Figure], str]
"""How a figure is printed in a cell."""


@dataclass(frozen=True)
class Table:
    """What a renderer prints: every row has as many cells as the header; the first `left` columns are words."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1


@dataclass(frozen=True)
class Row:
    """Leading cells, and the names that stand for {0}, {1}, … in a column's figures.

    `form` prints the row's figures in place of the columns' forms, `figures` has them in place of the run's; `given`
    are cells that are not one figure, by the heading of their column.
    """

    lead: Sequence[str]
    key: Sequence[str] = ()
    form: Form | None = None
    figures: Figures | None = None
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
    form: Form = estimate_text
    heading: str = ""
    label: Label | None = None
    dropped: bool = False
    beside: str = ""
    figures: Figures | None = None


@dataclass(frozen=True)
class View:
    """What a table is of: a run's figures, one name that the table may want, whether the text is the founding one."""

    figures: Figures
    about: str = ""
    founding: bool = False


@dataclass(frozen=True)
class Entry:
    """A table as declared: the headings of its leading cells, its rows, its columns."""

    heads: Sequence[str]
    rows: Callable[[View], Sequence[Row]]
    columns: Sequence[Column] | Callable[[View], Sequence[Column]] = ()
    left: int = 1

    def table(self, view: View) -> Table:
        """The table of these figures. Raises InputError naming a figure that it cannot do without."""
        columns = self.columns(view) if callable(self.columns) else self.columns
        heads = [head.format(about=view.about) for head in self.heads]
        return build(view.figures, heads, self.rows(view), columns, self.left)


def build(
    figures: Figures, heads: Sequence[str], rows: Sequence[Row], columns: Sequence[Column], left: int = 1
) -> Table:
    """The table of these rows and columns, without columns that are to be dropped."""
    main = main_label(figures) if any("{label}" in column.metric + column.item for column in columns) else ""

    def find(row: Row, column: Column, metric: str) -> tuple[Label, Figure]:
        section, item, name = (part.format(*row.key, label=main) for part in (column.section, column.item, metric))
        found = (column.figures or row.figures or figures).get(section, item, name)
        return column.label or metric_label(section, name), found

    header, lines = list(heads), [list(row.lead) for row in rows]
    for column in columns:
        known = [find(row, column, column.beside or column.metric)[1].value is not None for row in rows]
        if column.dropped and not any(known):
            continue
        label = column.label or metric_label(column.section, column.metric.replace("{label}", main))
        heading = column.heading or label.heading
        header.append(heading)
        for row, line in zip(rows, lines, strict=True):
            form = row.form or column.form
            line.append(row.given.get(heading) or form(*find(row, column, column.metric)))
    return Table(header, lines, left)


def plain(label: Label, figure: Figure) -> str:
    """The value alone."""
    return value_text(label, figure.value)


FORMS: dict[str, Form] = {
    "estimate": estimate_text,
    "plain": plain,
    "signed": signed_text,
    "share": lambda _, figure: percent(figure.value),
    "p_words": lambda _, figure: p_text(figure.value),
    "published": lambda label, figure: value_text(label, figure.published),
    "change": lambda label, figure: difference_text(label, figure.value, figure.published),
    "inside": lambda _, figure: f"outside {MARK}" if figure.outside else "inside",
    "p": lambda _, figure: p_text(figure.value).removeprefix("p ").removeprefix("= "),
}
"""By the names that tables.yaml has for them; `p` stands below a heading that says so."""


def columns_of(section: str, metrics: str, form: str = "estimate", **look: Any) -> list[Column]:
    """A column each of several metrics, parted by blanks; `look` has what else a Column is given."""
    return [Column(section, metric, form=FORMS[form], **look) for metric in metrics.split()]


def marked(label: Label, figure: Figure) -> str:
    """The value with its interval, and with a mark where it leaves its band."""
    return estimate_text(label, figure) + (f" {MARK}" if figure.outside else "")


def band(label: Label, figure: Figure) -> str:
    """The band of a faithful run in words, in the printed unit."""
    low, high = value_text(label, figure.band_low), value_text(label, figure.band_high)
    if figure.band_low is None:
        return f"below {high}"
    return f"above {low}" if figure.band_high is None else f"{low} to {high}"
