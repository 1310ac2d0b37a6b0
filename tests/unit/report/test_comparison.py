"""A comparison of made-up runs: means and intervals are those of the runs' tables, the words follow the figures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from easyhard.errors import InputError
from easyhard.report import comparison_page as page
from easyhard.report import labels
from easyhard.report.comparison_figure import comparison
from easyhard.report.comparison_metrics import COMPARISON_SCHEMA, Group, compare, grouped
from easyhard.report.metrics import TABLE_SCHEMA
from easyhard.report.render import fill
from easyhard.report.style import save

from . import made_up_fair

TEMPLATE = Path(__file__).parents[3] / "workflow/scripts/easyhard/report/comparison.md.j2"
AUROC = ("fair_signals", "mlp_easy", "auroc_loss_over_3")
SEEDS = (0.73, 0.74, 0.76)
CHOSEN = {"entropy": 1.0, "stack_head": 0.0}

Tables = dict[str, dict[str, pl.DataFrame]]


def run(changed: made_up_fair.Table, made: made_up_fair.Table | None = None) -> pl.DataFrame:
    """A run's table as metrics.parquet has it."""
    rows = [
        ("fair", *name, *found, None, None, None) for name, found in ((made or made_up_fair.table()) | changed).items()
    ]
    return pl.DataFrame(rows, schema=TABLE_SCHEMA, orient="row")


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Three seeds of one text, one of another."""
    monkeypatch.setattr(labels, "find", made_up_fair.find)
    seeds = {f"one_{seed}": run({AUROC: (value, value - 0.01, value + 0.03)}) for seed, value in enumerate(SEEDS)}
    return {"one": seeds, "other": {"other_0": run({})}}


@pytest.fixture
def make_groups(tables: Tables) -> Callable[..., list[Group]]:
    def make(**changed: made_up_fair.Table) -> list[Group]:
        own = {
            group: {name: run(changed[name]) if name in changed else table for name, table in runs.items()}
            for group, runs in tables.items()
        }
        return grouped(compare(own), own)

    return make


def test_means_and_both_intervals_come_from_the_runs(tables: Tables) -> None:
    table = compare(tables)
    assert dict(table.schema) == COMPARISON_SCHEMA
    [row] = table.filter(
        (pl.col("group") == "one") & (pl.col("item") == AUROC[1]) & (pl.col("metric") == AUROC[2])
    ).to_dicts()
    low, high = stats.t.interval(0.95, 2, loc=np.mean(SEEDS), scale=stats.sem(SEEDS))
    assert (row["value"], row["ci_low"], row["ci_high"]) == pytest.approx((np.mean(SEEDS), low, high))
    assert (row["seeds"], row["lowest"], row["highest"]) == (3, 0.73, 0.76)
    assert row["documents_reach"] == pytest.approx(0.02)
    assert table.filter(pl.col("group") == "other")["ci_low"].null_count() == len(made_up_fair.table()) - _nulls()


def _nulls() -> int:
    return sum(value is None for value, *_ in made_up_fair.table().values())


def test_only_what_all_runs_of_a_group_have_is_averaged(tables: Tables) -> None:
    tables["one"]["one_1"] = tables["one"]["one_1"].filter(pl.col("item") != AUROC[1])
    table = compare(tables)
    assert "mlp_easy" not in set(table.filter(pl.col("group") == "one")["item"])
    assert "mlp_easy" in set(table.filter(pl.col("group") == "other")["item"])


def test_the_best_of_a_class_is_chosen_by_the_mean_on_select(make_groups: Callable[..., list[Group]]) -> None:
    select = ("fair_signals", "entropy", "select_auroc")
    best = {("fair_differences", name, "is_class_best"): (value, None, None) for name, value in CHOSEN.items()}
    one, other = make_groups(one_0={select: (0.99, None, None), **best})
    assert page.best_of_classes(one)["head"] == "entropy"
    assert page.best_of_classes(other)["head"] == "stack_head"
    [row] = [line for line in page.best_table(one).splitlines() if line.startswith("| head")]
    assert "entropy" in row
    assert "1 of 3" in row
    assert any(
        line.startswith("head: entropy in one and stack of head in other") for line in page.same_bests([one, other])
    )


def test_a_mark_says_in_which_runs_it_is_missed(make_groups: Callable[..., list[Group]]) -> None:
    behind = {
        ("fair_differences", "stack_context", "auroc_from_head_best"): (-0.01, -0.02, -0.005),
    }
    said = page.marks_said(make_groups(one_1=behind))[1]
    assert "one: **in 2 of the 3 runs**, not in one_1." in said
    assert "other: **yes**, in its one run." in said


def test_ranks_that_are_turned_round_disagree(make_groups: Callable[..., list[Group]]) -> None:
    metric = "auroc_loss_over_3"
    turned = {
        name: (1.2 - value, None, None)
        for name, (value, *_) in made_up_fair.table().items()
        if name[0] == "fair_signals" and name[2] == metric and value is not None
    }
    [of_seeds, between] = page.ranks_said(make_groups(other_0=turned))
    assert "Between two seeds of one" in of_seeds
    assert "**-1.000**" in between


def test_what_counts_as_hard_must_agree(make_groups: Callable[..., list[Group]]) -> None:
    with pytest.raises(InputError, match=r"one fair\.main_threshold"):
        make_groups(other_0={("fair_data", "clusters", "main_threshold"): (5.0, None, None)})


def test_the_report_and_the_figure_are_whole(make_groups: Callable[..., list[Group]], tmp_path: Path) -> None:
    groups = make_groups()
    text = fill(TEMPLATE, {"name": "study", "groups": groups, "page": page})
    assert "nan" not in text
    assert "None" not in text
    signals = text[text.index("## Every signal") :]
    assert all(f"| {made_up_fair.SIGNALS[name][0]} " in signals for name in ("entropy", "mlp_easy", "position"))
    assert "loss itself" not in signals
    save(comparison(groups), tmp_path / "a.svg", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 20_000


def test_runs_without_a_head_are_compared_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(labels, "find", made_up_fair.find)
    tables = {"mine": {f"mine_{seed}": run({}, made_up_fair.bare()) for seed in range(2)}}
    groups = grouped(compare(tables), tables)
    text = fill(TEMPLATE, {"name": "own", "groups": groups, "page": page})
    assert "## The two marks" not in text
    assert "**mine**" in text
    save(comparison(groups), tmp_path / "a.svg", tmp_path / "a.png")
