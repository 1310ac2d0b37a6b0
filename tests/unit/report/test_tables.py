"""The tables: what stands in them, in which order, and what is left out."""

import pytest

from easyhard.report.metrics import Figures
from easyhard.report.tables import View, make_table, strata_kinds
from easyhard.report.words import metric_label, strong

from .conftest import Make, Value, cases


def cells(figures: Figures, name: str, about: str = "") -> list[list[str]]:
    """The cells of a table, its header first."""
    table = make_table(name, View(figures, about, founding=True))
    assert {len(row) for row in table.rows} == {len(table.header)}
    assert 0 < table.left < len(table.header)
    return [list(row) for row in (table.header, *table.rows)]


def has(rows: list[list[str]], row: list[str]) -> bool:
    """Whether a row begins with these cells."""
    wanted = [strong(cell.removeprefix("strong ")) if cell.startswith("strong ") else cell for cell in row]
    return any(found[: len(wanted)] == wanted for found in rows)


@pytest.mark.parametrize(("make", "name", "about", "changed", "row"), cases("cells.yaml"))
def test_cells(
    request: pytest.FixtureRequest, make: str, name: str, about: str, changed: dict[str, Value], row: list[str]
) -> None:
    rows = cells(request.getfixturevalue(make)(changed), name, about)
    assert has(rows, row), rows


def test_rows_are_sorted_and_shortened(make_fair: Make, make_figures: Make, bare_fair: Figures) -> None:
    aurocs = [float(row[1].split(" ")[0]) for row in cells(make_fair(), "class_signals", "hidden")[1:]]
    assert aurocs == sorted(aurocs, reverse=True)
    assert len(cells(make_fair(), "class_signals", "low_rank")) == 1 + 6, "the best of each kind, plain and refined"
    assert [row[0] for row in cells(make_fair(), "best")[1:]] == ["hidden", "context", "low rank", "head"]
    assert [row[1] for row in cells(bare_fair, "best")[1:]] == ["mine"]
    assert "of the ceiling (%)" not in cells(bare_fair, "best")[0]
    assert len(cells(make_fair(), "reliability")) == 1 + 28, "empty bins are left out"
    assert not has([row[1:] for row in cells(make_fair(), "differences")], ["loss itself"])
    assert cells(make_figures(), "median_cut")[-1][0] == "margin"


def test_strata_without_known_frequencies(make_fair: Make) -> None:
    assert strata_kinds(make_fair()) == ["target seen in training", "position"]
    made = make_fair()
    names = [(item, metric) for item in made.items("fair_strata") for metric in made.metrics("fair_strata", item)]
    unknown = make_fair(without=tuple(f"fair_strata/{item}/{name}" for item, name in names if "frequency" in name))
    assert strata_kinds(unknown) == ["position"]
    assert "due to frequency (%)" not in cells(unknown, "within")[0]


def test_a_grid_has_published_rows_only_where_something_is_published(make_figures: Make) -> None:
    rows = cells(make_figures(), "separation")
    sources = {name: [row[1] for row in rows[index : index + 3]] for index, (name, *_) in enumerate(rows) if name}
    assert sources["margin"] == ["this run", "published", "difference"]
    assert sources["entropy"][:2] == ["this run", "this run"]


def test_a_grid_takes_a_metric_that_only_some_items_have(make_figures: Make) -> None:
    missing = "high_confidence/0.9/pearson_margin"
    assert cells(make_figures(without=(missing,)), "high_confidence")[-3][-1] == "–"


def test_metrics_are_named_after_their_label_or_mode_or_by_themselves() -> None:
    assert metric_label("fair_signals", "augrc_argmax_wrong").heading == "AUGRC, argmax wrong"
    assert metric_label("loss_distribution", "mode_2").heading == "mode 2 (nats)"
    assert metric_label("anything", "brand_new").heading == "brand new"
