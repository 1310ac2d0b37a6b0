"""Complete tables of figures of both protocols, made up but for what was published, and a registry to go with them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from easyhard.evaluation.published import OF_FAIR, beside_published
from easyhard.evaluation.rows import ROW_SCHEMA
from easyhard.report import words
from easyhard.report.metrics import Figures
from easyhard.report.setup import FOUNDING_TOKENS_SHA256, Setup

from . import made_up

Value = float | None | Sequence[float | None]
Make = Callable[..., Figures]

RESOURCES = Path(__file__).parents[3] / "workflow" / "resources"
UNMEASURED = {
    "low_rank": ("compute_reduction", "svd_seconds", "reconstruction_error"),
    "metric_prediction": ("seconds", "train_tokens", "test_tokens"),
    "high_confidence": ("low_tokens", "low_share"),
    "regression": ("oracle_share",),
    "classification": ("oracle_share",),
}
"""Published, but no figure that the stages measure; the last two the report works out itself."""


def cases(file: str) -> list[tuple[Any, ...]]:
    """What makes the figures, the name of what is looked at, and a case of it, as a file here lists them."""
    listed = yaml.safe_load(Path(__file__).with_name(file).read_text(encoding="utf-8"))
    return [(make, name, *case) for make, own in listed.items() for name, every in own.items() for case in every]


def named(changed: dict[str, Value]) -> made_up.Table:
    """Figures by section, item and metric, from names like low_rank/plain/2/coverage; a lone value has no interval."""
    places = {name: name.partition("/")[::2] for name in changed}
    return {
        (section, *rest.rpartition("/")[::2]): tuple(value) if isinstance(value, Sequence) else (value, None, None)
        for (section, rest), value in zip(places.values(), changed.values(), strict=True)
    }


@pytest.fixture
def complete() -> dict[str, float | None]:
    """Every figure that the founding sections need, the published ones at their published values; a gap is null."""
    figures: dict[str, float | None] = {}
    for line in Path(__file__).with_name("made_up.txt").read_text().splitlines():
        section, item, *pairs = line.split()
        for metric, value in (pair.split("=") for pair in pairs):
            figures[f"{section}/{item}/{metric}"] = float(value) if value else None
    published = pl.read_csv(RESOURCES / "published.csv", schema_overrides={"item": pl.String, "value": pl.Float64})
    for section, item, metric, value, _ in published.iter_rows():
        if section not in OF_FAIR and metric not in UNMEASURED.get(section, ()):
            figures[f"{section}/{item}/{metric}"] = value
    return figures


@pytest.fixture
def make_figures(complete: dict[str, float | None]) -> Make:
    """The complete table of protocol published with some figures changed and some taken out (by their names)."""

    def make(changed: dict[str, Value] | None = None, without: tuple[str, ...] = ()) -> Figures:
        kept = {name: value for name, value in (complete | (changed or {})).items() if name not in without}
        rows = [("published", *name, *values) for name, values in named(kept).items()]
        table = pl.DataFrame(rows, schema=ROW_SCHEMA, orient="row")
        return Figures(beside_published(table, RESOURCES / "published.csv", RESOURCES / "bands.csv"), "published")

    return make


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signals are those that are made up."""
    monkeypatch.setattr(words, "find", made_up.find)


@pytest.fixture
def make_fair(registry: None) -> Make:
    """The made-up table of protocol fair, with some figures changed and some, or whole sections, taken out."""

    def make(changed: dict[str, Value] | None = None, without: tuple[str, ...] = ()) -> Figures:
        made = made_up.table() | named(changed or {})
        kept = {name: value for name, value in made.items() if not {name[0], "/".join(name)} & set(without)}
        return Figures(as_table(kept), "fair")

    return make


@pytest.fixture
def make_brought() -> Make:
    """The made-up figures of all rows of a run from elsewhere, with some changed."""

    def make(changed: dict[str, Value] | None = None) -> Figures:
        made = made_up.brought() | named(changed or {})
        rows = [("all_rows", *name, *values) for name, values in made.items()]
        return Figures(pl.DataFrame(rows, schema=ROW_SCHEMA, orient="row"), "all_rows")

    return make


@pytest.fixture
def bare_fair(registry: None) -> Figures:
    """The figures of a run that only had signals of its own."""
    return Figures(as_table(made_up.bare()), "fair")


def as_table(made: made_up.Table) -> pl.DataFrame:
    """A run's table as metrics.parquet has it."""
    rows = [("fair", *name, *estimate) for name, estimate in made.items()]
    table = pl.DataFrame(rows, schema=ROW_SCHEMA, orient="row")
    return beside_published(table, RESOURCES / "published.csv", RESOURCES / "bands.csv")


@pytest.fixture
def run_setup() -> Setup:
    """A run's set-up, on the founding corpus."""
    split = {"documents": 600, "tokens": 2_051_910, "unknown_share": 0.0}
    return Setup(
        run="wikitext2",
        config={
            "seed": 42,
            "corpus": {"hub": {"config": None}, "files": {"path": ""}},
            "loss_probes": {"test_share": 0.15, "easy_threshold": 3.0},
            "metric_probes": {"hidden": 128},
            "low_rank": {"ranks": [1, 2, 5]},
            "exits": {
                "point": "perplexity_1",
                "guarantee": {"disagreement": 0.1, "excess": 0.02, "clip": 5.0, "delta": 0.1},
            },
        },
        corpus={
            "source": "Text: WikiText-2.",
            "brief": "Text: WikiText-2.",
            "credit": "Wikipedia contributors, CC BY-SA.",
            "sha256": "ab" * 32,
        },
        tokens={
            "tokens_sha256": FOUNDING_TOKENS_SHA256,
            "vocabulary_size": 69830,
            "splits": {"train": split, "validation": split},
        },
        device="CPU, 2 threads",
        date="2026-11-27",
        versions={"python": "3.11.2", "torch": "2.13.0"},
        steps=[("train", 1110.4, 1203.2), ("low_rank", 42.0, None)],
    )
