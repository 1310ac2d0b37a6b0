"""A comparison of made-up runs: means and intervals are those of the runs' tables, the words follow the figures."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from scipy import stats

from easyhard.errors import InputError
from easyhard.evaluation.rows import ROW_SCHEMA
from easyhard.report import comparison as page
from easyhard.report.chart import Chart, spec, svg
from easyhard.report.comparison import Group, compare, grouped, groups_table
from easyhard.report.comparison_chart import agreement, over_seeds
from easyhard.report.page import write_page
from easyhard.report.render import fill
from easyhard.report.words import strong

from . import made_up
from .conftest import Value, as_table, named
from .test_charts import HOSTILE, MOST_BYTES

TEMPLATE = Path(__file__).parents[3] / "workflow/scripts/easyhard/report/comparison.md.j2"
AUROC = ("fair_signals", "mlp_easy", "auroc_loss_over_3")
SEEDS = (0.73, 0.74, 0.76)

Tables = dict[str, dict[str, pl.DataFrame]]


def run(changed: dict[str, Value]) -> pl.DataFrame:
    """A run's table as metrics.parquet has it."""
    return as_table(made_up.table() | named(changed))


@pytest.fixture
def tables(registry: None) -> Tables:
    """Three seeds of one text, one of another."""
    seeds = {
        f"one_{seed}": run({"/".join(AUROC): (value, value - 0.01, value + 0.03)}) for seed, value in enumerate(SEEDS)
    }
    return {"one": seeds, "other": {"other_0": run({})}}


@pytest.fixture
def make_groups(tables: Tables) -> Callable[..., list[Group]]:
    def make(**changed: dict[str, Value]) -> list[Group]:
        own = {
            group: {name: run(changed[name]) if name in changed else table for name, table in runs.items()}
            for group, runs in tables.items()
        }
        return grouped(compare(own), own)

    return make


def test_texts_in_other_tokens_compare_by_bits_a_byte(make_groups: Callable[..., list[Group]]) -> None:
    assert "loss, bits a byte" not in groups_table(make_groups()).header
    bits = {f"one_{seed}": {"fair_data/text/bits_per_byte": 1.5 + 0.1 * seed} for seed in range(3)}
    table = groups_table(make_groups(**bits, other_0={"fair_data/text/bits_per_byte": 2.25}))
    place = list(table.header).index("loss, bits a byte")
    assert [row[place] for row in table.rows] == ["1.600 [1.352, 1.848]", "2.250"]


def test_means_and_both_intervals_come_from_the_runs(tables: Tables) -> None:
    tables["other"]["other_1"] = tables["other"]["other_0"].filter(pl.col("item") != AUROC[1])
    assert AUROC[1] not in set(compare(tables).filter(pl.col("group") == "other")["item"]), "not in all runs"
    del tables["other"]["other_1"]
    table = compare(tables)
    assert table.columns == ["group", *ROW_SCHEMA, "seeds", "lowest", "highest", "documents_reach"]
    [row] = table.filter(
        (pl.col("group") == "one") & (pl.col("item") == AUROC[1]) & (pl.col("metric") == AUROC[2])
    ).to_dicts()
    low, high = stats.t.interval(0.95, 2, loc=np.mean(SEEDS), scale=stats.sem(SEEDS))
    assert (row["value"], row["ci_low"], row["ci_high"]) == pytest.approx((np.mean(SEEDS), low, high))
    assert (row["seeds"], row["lowest"], row["highest"]) == (3, 0.73, 0.76)
    assert row["documents_reach"] == pytest.approx(0.02)
    assert table.filter(pl.col("group") == "other")["ci_low"].null_count() == sum(
        value is not None for value, *_ in made_up.table().values()
    )


def test_the_best_of_a_class_is_chosen_by_the_mean_on_select(make_groups: Callable[..., list[Group]]) -> None:
    chosen: dict[str, Value] = {"fair_signals/entropy/select_auroc": 0.99}
    chosen |= {"fair_differences/entropy/is_class_best": 1.0, "fair_differences/stack_head/is_class_best": 0.0}
    one, other = make_groups(one_0=chosen)
    assert page.shown_bests(one)["head"] == "entropy"
    assert page.shown_bests(other)["head"] == "stack_head"
    [row] = [row for row in page.best_table(one).rows if row[0] == "head"]
    assert row[1:3] == [strong("entropy"), "1 of 3"]
    assert page.best_table(one).header[4] == "± documents"
    assert row[4] == "0.011"
    assert "head: entropy in one and stack of head in other" in page.same_bests([one, other])


def test_what_is_recommended_is_counted_over_runs(make_groups: Callable[..., list[Group]]) -> None:
    none = {"advice/mlp_easy_context/recommended_loss_over_3": None}
    one, other = page.advice_said(make_groups(one_1=none))
    picked = strong("MLP of loss > 3 with context")
    assert one == f"one: {picked} in 2 of the 3 and {strong('none')} in 1 of the 3 runs."
    assert other == f"other: {picked} in all 1 run."
    rows = page.advice_table(make_groups(one_1=none)).rows
    assert [row[:2] for row in rows][1] == ["one_1", "none"]
    assert rows[0][2].startswith("0.746 [")


def test_ranks_that_are_turned_round_disagree(make_groups: Callable[..., list[Group]]) -> None:
    metric = "auroc_loss_over_3"
    made = {item: value for (section, item, name), (value, *_) in made_up.table().items() if name == metric}
    turned = {f"fair_signals/{item}/{metric}": 1.2 - value for item, value in made.items() if value is not None}
    [of_seeds, between] = page.ranks_said(make_groups(other_0=turned))
    assert of_seeds.startswith("Between two seeds of one Spearman's correlation is 1.000 on")
    assert between.startswith(f"Between one and other it is {strong('-1.000')} over ")


def test_founding_conclusions_are_those_of_runs_that_repeat_the_experiments(tables: Tables) -> None:
    assert page.holds_table(grouped(compare(tables), tables)) is None
    both = tables["one"]["one_0"]
    tables["one"]["one_0"] = pl.concat([both, both.head(1).with_columns(protocol=pl.lit("published"))])
    table = page.holds_table(grouped(compare(tables), tables))
    assert table is not None
    assert list(table.header) == ["", "one_0"]
    assert table.rows[0] == ["“27 % of the oracle is the limit”", "falls"]


def drawn(groups: list[Group]) -> list[Chart]:
    charts = [chart for chart in (over_seeds(groups), agreement(groups)) if chart]
    assert all("<svg" in svg(chart) for chart in charts)
    return charts


def test_charts_show_every_seed_and_every_pair(make_groups: Callable[..., list[Group]]) -> None:
    one, other = groups = make_groups(one_1={"fair_signals/stack_hidden/auroc_loss_over_3": 0.9})
    table = over_seeds(groups).data
    best = table.filter((pl.col("group") == "one") & (pl.col("signal") == "stack of hidden"))
    assert dict(best.select("run", "value").iter_rows())["one_1"] == 0.9
    assert set(table["run"].drop_nulls()) == {*one.runs, *other.runs}
    assert set(table["of"]) == {"seed", "mean over seeds"}
    chart = agreement(groups)
    assert chart is not None
    [row] = chart.data.filter(pl.col("signal") == "stack of hidden").to_dicts()
    assert row["in one"] == pytest.approx((0.9 + 2 * 0.7362) / 3)
    assert row["in other"] == pytest.approx(0.7362)


def test_names_of_signals_are_only_text_in_comparisons_too(
    make_groups: Callable[..., list[Group]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = dict(zip(("stack_hidden", "stack_head"), HOSTILE, strict=True))
    for item, name in names.items():
        monkeypatch.setitem(made_up.SIGNALS, item, (name, *made_up.SIGNALS[item][1:]))
    for chart in drawn(make_groups()):
        drawing = svg(chart)
        ElementTree.fromstring(drawing)
        assert set(HOSTILE) <= set(chart.data["signal"])
        assert "<script" not in drawing
        assert svg(chart) == drawing
        assert len(json.dumps(spec(chart))) < MOST_BYTES


def test_what_counts_as_hard_must_agree(make_groups: Callable[..., list[Group]]) -> None:
    with pytest.raises(InputError, match=r"one fair\.main_threshold"):
        make_groups(other_0={"fair_data/clusters/main_threshold": 5.0})


def test_the_report_and_the_figure_are_whole(make_groups: Callable[..., list[Group]], tmp_path: Path) -> None:
    groups = make_groups()
    text = fill(TEMPLATE, {"name": "study", "groups": groups, "page": page, "charts": drawn(groups)})
    assert not re.search(r"\bnan\b|\bNone\b|[\ue000\ue001]", text)
    assert "| one   | one_0, one_1 and one_2 |" in text
    signals = text[text.index("## Every signal") :]
    assert all(f"| {made_up.SIGNALS[name][0]} " in signals for name in ("entropy", "mlp_easy", "position"))
    assert "loss itself" not in signals
    assert "![How far do seeds differ?](figures/over_seeds.svg)" in text
    names = {"name": "<study>", "groups": groups, "page": page, "fair": None}
    html = write_page(TEMPLATE.with_suffix("").with_suffix(".html.j2"), names | {"charts": {}}, {}, None)
    assert "<h1>Comparison &lt;study&gt;</h1>" in html
    assert re.search(r"<td>entropy</td><td>head</td>", html)


def test_runs_without_a_head_are_compared_too(registry: None, tmp_path: Path) -> None:
    tables = {"mine": {f"mine_{seed}": as_table(made_up.bare()) for seed in range(2)}}
    groups = grouped(compare(tables), tables)
    text = fill(TEMPLATE, {"name": "own", "groups": groups, "page": page, "charts": drawn(groups)})
    assert "mine: **mine** in all 2 runs." in text
    assert "**mine**" in text
    assert agreement(groups) is None
    assert over_seeds(groups).data.height == 3
