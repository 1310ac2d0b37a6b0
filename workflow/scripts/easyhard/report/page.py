"""The report of a run as one HTML page that needs nothing else: text, tables, charts, the scripts that move them."""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import polars as pl
import vl_convert
from markupsafe import Markup, escape

from easyhard.report import founding_exits, words
from easyhard.report.catalogue import BROUGHT, FAIR, PUBLISHED, Name, file_name, titled
from easyhard.report.chart import VEGA_LITE, Chart, spec
from easyhard.report.items import main_label, signals_by_class
from easyhard.report.look import DARK, LIGHT
from easyhard.report.metrics import Figures
from easyhard.report.prose import environment_of
from easyhard.report.tables import CHANCE, GUESS, Table
from easyhard.report.words import COST_CLASSES, STRONG, estimate_text, metric_label, percent, signal_title

FOUNDING_PARTS = (founding_exits.SECTION, founding_exits.SATURATION)
OWN_PARTS = ("advice", "exits", "exit_signals", "policies", "true_exits", "guarantees", "draft", "policy_depths")
"""Sections of figures whose tables stand in parts of their own."""

LINK = re.compile(r"\[(arXiv:[\d.]+)\]\((https://arxiv\.org/abs/[\d.]+)\)")
"""The only links that sentences have: what a column is called makes none."""
CODE = re.compile(r"`([^`]+)`")
UNBROKEN = re.compile(r"(?<=\d) (?=%)|(?<=\d,) (?=[-+−]?[\d.]+\])")
"""Blanks between a number and its percent sign, and inside an interval."""


def write_page(
    template: str | Path, names: Mapping[str, Any], tables: Mapping[Name, Table], text: Mapping[str, Any] | None
) -> str:
    """The page: `template` with `names`, those of `names_of`, in which all that is not markup of ours is escaped.

    `tables` are those of `tables_of`; `text` is what `text_view` made, None where the text is not known.
    """
    path, charts = Path(template), names["charts"]
    environment = environment_of(path.parent, autoescape=True, finalize=_shown)
    fair = names["fair"]
    placed = {name for name, (section, _) in FAIR.items() if section in (*OWN_PARTS, *FOUNDING_PARTS)}
    scripts = {
        "vega": script(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", VEGA_LITE)),
        "tables": b64encode((resources("itables") / "html" / "dt_bundle.js").read_bytes()).decode(),
        "tables_css": Markup((resources("itables") / "html" / "dt_bundle.css").read_text("utf-8")),
        "css": Markup((path.parent / "page.css").read_text("utf-8")),
        "own": {own.stem: script(own.read_text("utf-8")) for own in sorted(path.parent.glob("*.js"))},
        "data": data({"specs": {n: spec(c) for n, c in charts.items()}, "light": LIGHT, "dark": DARK, "text": text}),
    }
    made = {
        **{"behind": behind, "text": text, "scripts": scripts, "tables": tables},
        "ranked": None if fair is None else ranked(fair),
        "details": titled([name for name in tables if name[0] in FAIR and name[0] not in placed]),
        "founding_said": _founding(fair),
        "founding_parts": titled([name for name in tables if FAIR.get(name[0], ("",))[0] in FOUNDING_PARTS]),
        "founding_tables": titled([name for name in tables if name[0] in PUBLISHED and name[0] not in FAIR]),
        "brought_tables": titled([name for name in tables if name[0] in BROUGHT]),
        "csv": [*map(file_name, tables), *(f"chart_{name}" for name in charts)],
    }
    return environment.get_template(path.name).render({**names, **made})


def data(values: Any) -> Markup:
    """JSON that can stand inside a script element: no character of it can end that."""
    return Markup(json.dumps(values, allow_nan=False, ensure_ascii=False).replace("<", "\\u003c"))


def script(code: str) -> Markup:
    """JavaScript that can stand inside a script element."""
    return Markup(re.sub(r"</(script)", r"<\\/\1", code, flags=re.I).replace("<!--", "<\\!--"))


def marked(sentence: str) -> Markup:
    """A sentence as HTML: strong words, links and code of ours, all else as text; no number parts from its unit."""
    linked = CODE.sub(r"<code>\1</code>", LINK.sub(r'<a href="\2">\1</a>', str(cell(sentence))))
    return Markup(UNBROKEN.sub("\u00a0", linked))


def cell(words: str) -> Markup:
    """A table's cell as HTML: strong words of ours, all else as text, whatever a column or file is called."""
    return Markup(str(escape(words)).replace(STRONG[0], "<strong>").replace(STRONG[1], "</strong>"))


def table_html(table: Table) -> Markup:
    """A table: its words to the left, its numbers to the right."""
    kinds = ["" if place < table.left else ' class="number"' for place in range(len(table.header))]
    head = "".join(f'<th scope="col"{kind}>{cell(own)}</th>' for kind, own in zip(kinds, table.header, strict=True))
    lines = ("".join(f"<td{kind}>{cell(own)}</td>" for kind, own in zip(kinds, row, strict=True)) for row in table.rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    whole = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return Markup(f'<div class="wide" tabindex="0">{whole}</div>')


def behind(chart: Chart) -> Table:
    """The table behind a chart, numbers to four digits."""
    texts = [name for name, kind in chart.data.schema.items() if not kind.is_numeric()]
    frame = chart.data.select([*texts, *(name for name in chart.data.columns if name not in texts)])
    rows = [[_cell(own) for own in row] for row in frame.iter_rows()]
    return Table(frame.columns, rows, left=len(texts))


def ranked(fair: Figures) -> Table:
    """Every signal but the oracles, the best first; AUROC of the main label, cost, formula."""
    label = main_label(fair)
    shares = [name for name in ("model_share", "cost_share") if _any(fair, name)]
    header = ["#", "signal", "needs", "formula", metric_label("", f"auroc_{label}").name]
    header += [metric_label("", name).heading for name in shares]
    found = [
        (fair.number("fair_signals", item, f"auroc_{label}"), needs, item)
        for needs, items in signals_by_class(fair).items()
        for item in items
        if needs != "target"
    ]
    rows = []
    for place, (_, needs, item) in enumerate(sorted(found, key=lambda one: -one[0]), start=1):
        known = words.known_signal(item)
        told = estimate_text(metric_label("", "auroc"), fair.get("fair_signals", item, f"auroc_{label}"))
        costs = [percent(fair.get("fair_signals", item, name).value) for name in shares]
        rows.append([str(place), signal_title(item), COST_CLASSES[needs], getattr(known, "formula", ""), told, *costs])
    if fair.has(*CHANCE, f"auroc_{label}"):
        told = estimate_text(metric_label("", "auroc"), fair.get(*CHANCE, f"auroc_{label}"))
        rows.append([words.NULL, GUESS, "nothing", "", told, *("0" for _ in shares)])
    return Table(header, rows, left=4)


def csv_of(table: Table | pl.DataFrame) -> str:
    """A table as CSV: the printed cells, or a frame in full precision."""
    if isinstance(table, pl.DataFrame):
        return table.write_csv()
    plain = [[own.replace(STRONG[0], "").replace(STRONG[1], "") for own in row] for row in (table.header, *table.rows)]
    names = list[str]()
    for own in plain[0]:
        same = sum(name.partition(" #")[0] == own for name in names)
        names.append(f"{own} #{same + 1}" if same else own)
    return pl.DataFrame(plain[1:], schema=names, orient="row").write_csv()


def _any(fair: Figures, metric: str) -> bool:
    return any(fair.has("fair_signals", item, metric) for item in fair.items("fair_signals"))


def _cell(value: Any) -> str:
    return words.NULL if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _shown(value: Any) -> Any:
    if isinstance(value, Table):
        return table_html(value)
    return marked(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _founding(fair: Figures | None) -> list[str]:
    """What is said of the founding author's exits, in runs that repeat them."""
    if fair is None:
        return []
    said = [founding_exits.contribution(fair)] if fair.has_section(founding_exits.SECTION) else []
    said += founding_exits.saturation(fair) if fair.has_section(founding_exits.SATURATION) else []
    return [sentence for sentence in said if sentence]
