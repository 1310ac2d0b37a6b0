"""Reports as Markdown: the only place, with its templates, that knows the format."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, TemplateNotFound

from easyhard.errors import InputError
from easyhard.report import exits, founding_exits, policies, prose, setup
from easyhard.report.advice import answer
from easyhard.report.metrics import Figures
from easyhard.report.prose import FINDINGS, all_said, environment_of, say
from easyhard.report.tables import Table, View, make_table
from easyhard.report.words import MARK, STRONG

TAG = re.compile(r"<(?=[A-Za-z/!?])")


def names_of(
    published: Figures | None, fair: Figures | None, brought: Figures, own: setup.Setup, charts: Mapping[str, Any]
) -> dict[str, Any]:
    """What templates may name: figures, what is said of them, tables and charts.

    `published` and `fair` are the figures of either protocol, None where the run has none; `brought` are those of all
    rows. Raises InputError naming a
    figure that is missing or wrong.
    """
    names: dict[str, Any] = {"fair": fair, "published": published, "own": own, "setup": setup, "charts": charts}
    names |= {"say": say, "prose": prose, "exits": exits, "founding_exits": founding_exits, "mark": MARK}
    if fair is not None:
        names |= {
            "answer": answer(fair, own.config["exits"]["point"]),
            "knows_model": any(fair.has("fair_signals", item, "model_share") for item in fair.items("fair_signals")),
            "stopping": policies.told(fair) if fair.has_section(policies.SECTION) else [],
            "table": lambda name, about="": make_table(name, View(fair, about)),
        }
    has_rows = brought.has_section("separation")
    names["brought"] = (lambda name: make_table(name, View(brought))) if has_rows else None
    if published is not None:
        names |= {
            "founding": lambda name: make_table(name, View(published, "", own.is_founding_corpus)),
            "findings": all_said((*FINDINGS, *(["bands"] if own.is_founding_corpus else [])), published),
        }
    return names


def fill(template: str | Path, names: Mapping[str, Any]) -> str:
    """The template with `names` put in: tables and strong words as Markdown, all else as it is, one empty line at most.

    Raises InputError naming the template that cannot be read or the line that wants another name.
    """
    path = Path(template)
    finalize = {"finalize": lambda value: markdown(value) if isinstance(value, Table) else _plain(value)}
    environment = environment_of(path.parent, keep_trailing_newline=True, **finalize)
    try:
        filled = _strong(environment.get_template(path.name).render(names))
        return re.sub(r"\n{3,}", "\n\n", filled)
    except TemplateNotFound as error:
        raise InputError(f"{path.parent / str(error.name)}: cannot be read; the template is wanted") from error
    except TemplateError as error:
        raise InputError(f"{template}: {error}; wanted: a name that the report provides") from error


def markdown(table: Table) -> str:
    """A padded Markdown table without a last line break, its words to the left and its numbers to the right.

    A `|` in a cell is escaped.
    """
    cells = [
        [_plain(_strong(cell)).replace("|", "\\|").replace("\n", " ") for cell in row]
        for row in (table.header, *table.rows)
    ]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    rule = ["-" * width if index < table.left else "-" * (width - 1) + ":" for index, width in enumerate(widths)]
    ways = [f"<{width}" if index < table.left else f">{width}" for index, width in enumerate(widths)]
    lines = [" | ".join(map(format, row, ways)) for row in (cells[0], rule, *cells[1:])]
    return "\n".join(f"| {line} |" for line in lines)


def _plain(value: Any) -> Any:
    """Text in which nothing that a column is called opens a tag."""
    return TAG.sub(r"\\<", value) if isinstance(value, str) else value


def _strong(words: str) -> str:
    return words.replace(STRONG[0], "**").replace(STRONG[1], "**")
