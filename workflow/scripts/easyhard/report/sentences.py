"""Sentences as prose.j2 words them: a sentence's name, the figures, and what else was found in them."""

from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from easyhard.report import items, words
from easyhard.report.labels import hard_title, item_title, signal_title
from easyhard.report.metrics import Figures
from easyhard.report.tables import band

KEPT = 0.95
"""The founding document's own mark for a faithful approximation: r with the exact metric above it."""

FINDINGS = (
    *("best_method", "best_signal", "exit_classifier", "loss_regression", "loss_classification", "metric_prediction"),
    *("low_rank", "correct_token", "loss_shape", "unseen_targets", "perplexity"),
)
"""What the founding experiments found, most telling first; the bands are told of the founding corpus alone."""

REACH = ("auroc_ceiling", "share_ceiling", "calibration")
"""How far the best signal is from what a calibrated model could reach, and how well the model is calibrated."""


def say(name: str, figures: Figures | None, **facts: Any) -> str:
    """The sentence of that name; an empty one where what it speaks of is null.

    Raises InputError naming a figure that it needs and the table does not have at all.
    """
    return str(getattr(_sentences().module, name)(figures, **facts)).strip()


def all_said(names: Iterable[str], figures: Figures) -> list[str]:
    """The sentences of these names but for the empty ones."""
    return [sentence for sentence in (say(name, figures) for name in names) if sentence]


def _published(figures: Figures, section: str, names: Iterable[str], metric: str) -> dict[str, float]:
    """What was published of these items."""
    found = {name: figures.figure(section, name, metric).published for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _compare(figures: Figures, section: str, metric: str, pair: tuple[str, str], said: tuple[str, str, str]) -> str:
    """The word for how one item's metric stands to the other's; figures that look equal in the tables are level."""
    shown = {words.text(figures, section, item, metric) for item in pair}
    one, other = (figures.value(section, item, metric) for item in pair)
    return words.comparison(one, other, said) if len(shown) > 1 else said[2]


def environment_of(folder: Path, **more: Any) -> Environment:
    """The templates of a folder; a name that they lack is an error."""
    loader = FileSystemLoader(folder)
    return Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, **more)


@cache
def _sentences() -> Template:
    environment = environment_of(Path(__file__).parent)
    environment.globals |= vars(items) | vars(words)
    environment.globals |= {
        **{"title": signal_title, "item": item_title, "hard": hard_title, "KEPT": KEPT},
        **{"LEVELS": ("above", "below", "level with"), "published": _published, "compare": _compare, "band": band},
        "of": lambda figures, *place: partial(words.text, figures, *place),
        "estimate_of": lambda figures, section: partial(words.estimate, figures, section),
        "lowest": lambda values: min(values, key=values.__getitem__),
    }
    environment.filters["strong"] = words.strong
    return environment.get_template("prose.j2")
