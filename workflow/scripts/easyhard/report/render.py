"""The report as Markdown: the template, filled with this run's tables, findings and set-up."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError

from easyhard.errors import InputError
from easyhard.report import remarks
from easyhard.report.findings import findings
from easyhard.report.labels import HEAD_SIGNALS, NULL
from easyhard.report.metrics import Figures
from easyhard.report.tables import MARK, Comparison, markdown
from easyhard.report.words import plain_ranks, signals_of, text

SETUP_KEYS = ("run", "config", "corpus", "tokens", "versions", "device", "steps", "is_founding_corpus")

Setup = Mapping[str, Any]


def render(figures: Figures, setup: Setup, template_path: str | Path) -> str:
    """The report of one run as Markdown, ending in a line break.

    `setup` has: run (name), config (its settings, nested), corpus (source, credit, sha256), tokens (the token stage's
    summary: vocabulary_size and splits), versions (program → version), device (words), steps (a list of {rule,
    seconds, max_rss_mb}, numbers or None), is_founding_corpus (whether the text is WikiText-2, so that bands apply).
    Raises InputError naming the key, figure or template line that is missing or wrong.
    """
    missing = [key for key in SETUP_KEYS if key not in setup]
    if missing:
        raise InputError(f"report: the set-up lacks {', '.join(missing)}; wanted are {', '.join(SETUP_KEYS)}")
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    try:
        template = environment.from_string(Path(template_path).read_text(encoding="utf-8"))
        return template.render(_names(figures, setup))
    except OSError as error:
        raise InputError(f"{template_path}: cannot be read ({error.strerror}); the template is wanted") from error
    except TemplateError as error:
        raise InputError(f"{template_path}: {error}; wanted: a name that the report provides") from error


def _names(figures: Figures, setup: Setup) -> dict[str, Any]:
    """What the template may use."""
    founding = bool(setup["is_founding_corpus"])
    return {
        "setup": setup,
        "findings": findings(figures, founding),
        "tables": Comparison(figures, founding),
        "figures": figures,
        "figure": partial(text, figures),
        "remarks": remarks,
        "mark": MARK,
        "head_signals": [item for item in figures.items("separation") if item in HEAD_SIGNALS],
        "high_confidence_correlations": _high_confidence_correlations(figures),
        "predicted_signals": signals_of(figures, "metric_prediction"),
        "low_rank_items": [f"plain/{rank}" for rank in plain_ranks(figures)],
        "splits_table": splits_table(setup["tokens"]),
        "versions_table": markdown(["program", "version"], [[*pair] for pair in setup["versions"].items()], left=2),
        "steps_table": steps_table(setup["steps"]),
        "config_table": markdown(["key", "value"], list(_flat(setup["config"])), left=2),
    }


def _high_confidence_correlations(figures: Figures) -> list[str]:
    """The correlations that at least one threshold has: a small run may have too few tokens above every one."""
    found = [metric for item in figures.items("high_confidence") for metric in figures.metrics("high_confidence", item)]
    return [
        metric
        for metric in dict.fromkeys(found)
        if metric.startswith("pearson_") and metric.removeprefix("pearson_") in HEAD_SIGNALS
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
