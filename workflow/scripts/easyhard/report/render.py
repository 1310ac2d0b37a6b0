"""The report as Markdown: the templates, filled with this run's tables, findings and set-up."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound

from easyhard.errors import InputError
from easyhard.report import fair_page, fair_remarks, fair_tables, remarks
from easyhard.report.fair_conclusions import conclusions
from easyhard.report.fair_items import drawable, has_section, main_label, signals_by_class
from easyhard.report.findings import findings
from easyhard.report.labels import COST_CLASSES, NULL, cost_class, hard_title, signal_title
from easyhard.report.metrics import Figures
from easyhard.report.tables import MARK, Comparison, markdown
from easyhard.report.words import plain_ranks, signals_of, text

SETUP_KEYS = ("run", "config", "corpus", "tokens", "versions", "device", "steps", "is_founding_corpus")

Setup = Mapping[str, Any]


def render(published: Figures | None, setup: Setup, template_path: str | Path, fair: Figures | None = None) -> str:
    """The report of one run as Markdown, ending in a line break: the fair part first, then the published sections.

    `published` and `fair` are the figures of either protocol, None where the run has none. `template_path` includes
    others that lie beside it. `setup` has: run (name), config (its settings, nested), corpus (source, credit, sha256),
    tokens (the token stage's summary: vocabulary_size and splits; only the published sections read it), versions
    (program → version), device (words), steps (a list of {rule, seconds, max_rss_mb}, numbers or None),
    is_founding_corpus (whether the text is WikiText-2, so that bands apply).
    Raises InputError naming the key, figure or template line that is missing or wrong.
    """
    missing = [key for key in SETUP_KEYS if key not in setup]
    if missing:
        raise InputError(f"report: the set-up lacks {', '.join(missing)}; wanted are {', '.join(SETUP_KEYS)}")
    return fill(template_path, _shared_names(setup) | _fair_names(fair) | _published_names(published, setup))


def fill(template_path: str | Path, names: Mapping[str, Any]) -> str:
    """The template, and what it includes from beside it, with `names` put in.

    Raises InputError naming the template that cannot be read or the line that wants another name.
    """
    path = Path(template_path)
    environment = Environment(
        loader=FileSystemLoader(path.parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    try:
        return environment.get_template(path.name).render(names)
    except TemplateNotFound as error:
        raise InputError(f"{path.parent / str(error.name)}: cannot be read; the template is wanted") from error
    except TemplateError as error:
        raise InputError(f"{template_path}: {error}; wanted: a name that the report provides") from error


def _shared_names(setup: Setup) -> dict[str, Any]:
    """What every part of the report may use."""
    return {
        "setup": setup,
        "versions_table": markdown(["program", "version"], [[*pair] for pair in setup["versions"].items()], left=2),
        "steps_table": steps_table(setup["steps"]),
        "config_table": markdown(["key", "value"], list(_flat(setup["config"])), left=2),
    }


def _fair_names(fair: Figures | None) -> dict[str, Any]:
    """What the fair part may use; without figures only that there are none."""
    if fair is None:
        return {"fair": None, "drawn": []}
    return {
        "fair": fair,
        "drawn": drawable(fair),
        "page": fair_page,
        "remark": fair_remarks,
        "conclusions": conclusions,
        "fair_tables": fair_tables,
        "has_section": has_section,
        "signal_title": signal_title,
        "hard": hard_title(main_label(fair)),
        "classes": list(signals_by_class(fair)),
        "class_titles": COST_CLASSES,
    }


def _published_names(figures: Figures | None, setup: Setup) -> dict[str, Any]:
    """What the published sections may use; without figures only that there are none."""
    if figures is None:
        return {"figures": None}
    founding = bool(setup["is_founding_corpus"])
    return {
        "findings": findings(figures, founding),
        "tables": Comparison(figures, founding),
        "figures": figures,
        "figure": partial(text, figures),
        "remarks": remarks,
        "mark": MARK,
        "head_signals": [item for item in figures.items("separation") if cost_class(item) == "head"],
        "high_confidence_correlations": _high_confidence_correlations(figures),
        "predicted_signals": signals_of(figures, "metric_prediction"),
        "low_rank_items": [f"plain/{rank}" for rank in plain_ranks(figures)],
        "splits_table": splits_table(setup["tokens"]),
    }


def _high_confidence_correlations(figures: Figures) -> list[str]:
    """The correlations that at least one threshold has: a small run may have too few tokens above every one."""
    found = [metric for item in figures.items("high_confidence") for metric in figures.metrics("high_confidence", item)]
    return [
        metric
        for metric in dict.fromkeys(found)
        if metric.startswith("pearson_") and cost_class(metric.removeprefix("pearson_")) == "head"
    ]


def splits_table(tokens: Mapping[str, Any]) -> str:
    """One row a split: documents, tokens, and the share of tokens that the vocabulary lacks."""
    rows = [
        [split, f"{counts['documents']:,}", f"{counts['tokens']:,}", f"{100 * counts['unknown_share']:.2f}"]
        for split, counts in tokens["splits"].items()
    ]
    return markdown(["split", "documents", "tokens", "unknown tokens (%)"], rows)


def steps_table(steps: list[Mapping[str, Any]]) -> str:
    """One row a step, wall time in s and peak memory in MB, and their sum and maximum at the end."""
    seconds = [step["seconds"] for step in steps if step["seconds"] is not None]
    memory = [step["max_rss_mb"] for step in steps if step["max_rss_mb"] is not None]
    rows = [[str(step["rule"]), _number(step["seconds"], 1), _number(step["max_rss_mb"], 0)] for step in steps]
    rows.append(["all: sum, highest", _number(sum(seconds), 1), _number(max(memory, default=None), 0)])
    return markdown(["step", "time (s)", "peak memory (MB)"], rows)


def _number(value: float | None, digits: int) -> str:
    return NULL if value is None else f"{value:,.{digits}f}"


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[list[str]]:
    """Nested settings as rows of dotted key and value."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield [prefix + key, _setting(value)]


def _setting(value: Any) -> str:
    if value is None or value == "":
        return NULL
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
