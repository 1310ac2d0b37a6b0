"""How a table is made: rows by columns, each cell a figure that the row and the column name together. No format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from easyhard.report.items import main_label
from easyhard.report.metrics import Figure, Figures
from easyhard.report.words import FORMS, Label, metric_label


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
    form: str = ""
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


def build(
    figures: Figures, heads: Sequence[str], rows: Sequence[Row], columns: Sequence[Column], left: int = 1
) -> Table:
    """The table of these rows and columns, without columns that are to be dropped."""
    main = main_label(figures) if any("{label}" in column.metric + column.item for column in columns) else ""

    def find(row: Row, column: Column, metric: str) -> tuple[Label, Figure]:
        section, item, name = (part.format(*row.key, label=main) for part in (column.section, column.item, metric))
        return metric_label(section, name), (column.figures or row.figures or figures).get(section, item, name)

    header, lines = list(heads), [list(row.lead) for row in rows]
    for column in columns:
        known = [find(row, column, column.beside or column.metric)[1].value is not None for row in rows]
        if column.dropped and not any(known):
            continue
        heading = column.heading or metric_label(column.section, column.metric.replace("{label}", main)).heading
        header.append(heading)
        for row, line in zip(rows, lines, strict=True):
            form = FORMS[row.form or column.form]
            line.append(row.given.get(heading) or form(*find(row, column, column.metric)))
    return Table(header, lines, left)


def columns_of(section: str, metrics: str, **look: Any) -> list[Column]:
    """A column each of several metrics, parted by blanks; `look` has what else a Column is given."""
    return [Column(section, metric, **look) for metric in metrics.split()]
