"""Looking figures up, and what the report takes for a table of figures."""

from pathlib import Path

import polars as pl
import pytest

from easyhard.errors import InputError
from easyhard.parquet import write_parquet
from easyhard.report.metrics import Figure, read_table

from . import made_up
from .conftest import Make, as_table

MARGIN = "separation/margin/loss_diff"


def test_figures_are_looked_up_by_name(make_figures: Make) -> None:
    figures = make_figures({MARGIN: None})
    assert figures.value("separation", "max_logit", "loss_diff") == 1.91
    assert figures.value(*MARGIN.split("/")) is None
    assert figures.has("separation", "max_logit", "loss_diff")
    assert not figures.has(*MARGIN.split("/"))
    assert figures.number("separation", "margin", "loss_diff") == figures.number("no", "such", "row") == float("-inf")
    assert figures.items("regression") == ["linear", "mlp2", "mlp3", "mlp2_wide"]
    assert figures.figure("separation", "margin", "loss_diff").published == 0.46
    with pytest.raises(InputError, match="no figure separation/margin/charm"):
        figures.value("separation", "margin", "charm")
    with pytest.raises(InputError, match=r"no figure separation/…/charm"):
        figures.column("separation", ["margin", "entropy"], "charm")
    with pytest.raises(InputError, match="no section astrology"):
        figures.items("astrology")


@pytest.mark.parametrize(
    ("value", "low", "high", "outside"),
    [
        (1.0, 1.0, 2.0, False),
        (0.9, 1.0, 2.0, True),
        (2.1, None, 2.0, True),
        (9.0, 1.0, None, False),
        (None, 1, 2, False),
    ],
)
def test_a_figure_knows_whether_it_leaves_its_band(
    value: float | None, low: float | None, high: float | None, outside: bool
) -> None:
    assert Figure(value, band_low=low, band_high=high).outside is outside


def test_a_table_reads_back_as_written_and_another_is_refused(tmp_path: Path) -> None:
    table = as_table(made_up.table())
    write_parquet(tmp_path / "metrics.parquet", table.to_arrow())
    assert read_table(tmp_path / "metrics.parquet").equals(table)
    write_parquet(tmp_path / "foreign.parquet", pl.DataFrame({"a": [1]}).to_arrow())
    with pytest.raises(InputError, match=r"foreign.parquet: has the columns a Int64; wanted are protocol"):
        read_table(tmp_path / "foreign.parquet")
    with pytest.raises(InputError, match=r"absent.parquet: not a readable Parquet file"):
        read_table(tmp_path / "absent.parquet")
