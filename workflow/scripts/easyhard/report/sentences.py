"""Sentences as prose.j2 words them: a sentence's name, the figures, and what else was found in them."""

from collections.abc import Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from easyhard.report import items, words
from easyhard.report.labels import hard_title, item_title, metric_label, signal_title, value_text
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


def _blind_methods(figures: Figures) -> list[items.Method]:
    """The methods that do not see the target, the best at the median cut first."""
    found = items.median_cut(figures)
    return [method for method in found if method.sees != items.TARGET and method.loss_diff.value is not None]


def _published(figures: Figures, section: str, names: Iterable[str], metric: str) -> dict[str, float]:
    """What was published of these items."""
    found = {name: figures.figure(section, name, metric).published for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _highest(values: Mapping[str, float], among: Iterable[str] | None = None) -> str | None:
    """The item with the highest value, the first of equals; None of none."""
    return max(values if among is None else among, key=values.__getitem__, default=None)


def _compare(figures: Figures, section: str, metric: str, pair: tuple[str, str], said: tuple[str, str, str]) -> str:
    """The word for how one item's metric stands to the other's; figures that look equal in the tables are level."""
    shown = {words.text(figures, section, item, metric) for item in pair}
    one, other = (figures.value(section, item, metric) for item in pair)
    return words.comparison(one, other, said) if len(shown) > 1 else said[2]


def _majority(figures: Figures) -> str:
    """What the majority baseline calls every token: easy where more than half of the test tokens are easy."""
    return "easy" if figures.number("classification", "majority", "prevalence") > 0.5 else "hard"


def _accuracy_gaps(figures: Figures) -> list[str]:
    """How far each classifier's accuracy is from the majority's, in points."""
    accuracy = words.measured(figures, "classification", ["majority", *items.classifiers(figures)], "accuracy")
    majority = accuracy.pop("majority", None)
    return [f"{item_title(item)} {100 * (value - majority):+.1f}" for item, value in accuracy.items() if majority]


def _outside_bands(figures: Figures) -> list[str]:
    found = []
    for section, item, metric in figures.banded():
        label, figure = metric_label(section, metric), figures.figure(section, item, metric)
        if figure.outside:
            where = f"{section.replace('_', ' ')}, {item_title(item)}: {label.name} {value_text(label, figure.value)}"
            found.append(f"{where} ({band(label, figure)}{f' {label.unit}' if label.unit else ''})")
    return found


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
        **{"LEVELS": ("above", "below", "level with"), "highest": _highest, "published": _published},
        **{"blind_methods": _blind_methods, "compare": _compare, "majority": _majority},
        **{"accuracy_gaps": _accuracy_gaps, "outside_bands": _outside_bands},
        "of": lambda figures, *place: partial(words.text, figures, *place),
        "estimate_of": lambda figures, section: partial(words.estimate, figures, section),
        "lowest": lambda values: min(values, key=values.__getitem__),
    }
    environment.filters["strong"] = words.strong
    return environment.get_template("prose.j2")
