"""The published figure and its band stand beside the figure that is measured, and beside no other."""

from pathlib import Path

import polars as pl
import pytest

from easyhard.errors import InputError
from easyhard.evaluation.published import TABLE_SCHEMA, beside_published
from easyhard.evaluation.rows import Row, rows_table

RESOURCES = Path(__file__).parents[3] / "workflow" / "resources"
PUBLISHED, BANDS = RESOURCES / "published.csv", RESOURCES / "bands.csv"
MARGIN = Row("separation", "margin", "loss_diff", 0.5)
ENTROPY = Row("separation", "entropy", "loss_diff", None)


def test_only_figures_of_the_published_protocol_are_compared() -> None:
    table = beside_published(rows_table({"fair": [MARGIN], "published": [ENTROPY, MARGIN]}), PUBLISHED, BANDS)
    assert dict(table.schema) == TABLE_SCHEMA
    beside = table.select("item", "value", "published", "band_low", "band_high").rows()
    assert beside == [
        ("margin", 0.5, None, None, None),
        ("entropy", None, None, None, None),
        ("margin", 0.5, 0.46, 0.21, 0.71),
    ]


def test_a_figure_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="published/separation/margin/loss_diff is there more than once"):
        beside_published(rows_table({"published": [MARGIN, MARGIN]}), PUBLISHED, BANDS)
    twice = tmp_path / "twice.csv"
    twice.write_text("section,item,metric,value,place\n" + "a,b,c,1.0,p\n" * 2)
    with pytest.raises(InputError, match=r"twice\.csv: a/b/c is there more than once"):
        beside_published(rows_table({"published": [MARGIN]}), twice, BANDS)


def test_bad_csv_files_are_named(tmp_path: Path) -> None:
    foreign, words = tmp_path / "foreign.csv", tmp_path / "words.csv"
    foreign.write_text("a,b\n1,2\n")
    words.write_text("section,item,metric,value,place\na,b,c,much,p\n")
    for path, message in (
        (foreign, r"foreign\.csv: has the columns a,b; wanted are section,item,metric,value,place"),
        (words, r"words\.csv: not a readable CSV file"),
        (tmp_path / "absent.csv", r"absent\.csv: not a readable CSV file"),
    ):
        with pytest.raises(InputError, match=message):
            beside_published(pl.DataFrame(schema=rows_table({}).schema), path, BANDS)
