"""Gathering the parts, the transcribed figures, and looking figures up."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from easyhard.errors import InputError
from easyhard.parquet import write_parquet
from easyhard.report.metrics import TABLE_SCHEMA, Figure, Figures, gather, read_table

SIGNALS = {
    "oracle",
    "target_probability",
    "max_probability",
    "max_logit",
    "max_minus_mean",
    "margin",
    "exit_classifier",
}
PROBES = {"linear", "mlp2", "mlp3", "mlp2_wide"}
RANKS = {f"plain/{rank}" for rank in (1, 2, 5, 10, 20, 32, 64)}
SEPARATION = "pearson mean std easy_loss hard_loss loss_diff oracle_share high_means_easy loss_diff_at_threshold"
LOW_RANK = (
    "coverage logits_pearson max_probability_pearson max_probability_mse max_logit_pearson max_minus_mean_pearson "
    "margin_pearson easy_loss hard_loss loss_diff oracle_share seconds "
    "compute_reduction svd_seconds reconstruction_error"
)
HIGH_CONFIDENCE = (
    "tokens share pearson_max_probability pearson_max_logit pearson_max_minus_mean pearson_margin high_mean_loss "
    "low_mean_loss low_tokens low_share"
)
KNOWN = {
    "model": ({"language_model"}, "validation_perplexity vocabulary_size validation_tokens"),
    "loss_distribution": ({"loss"}, "mean std min max q25 q50 q75 easy_mean hard_mean loss_diff cohens_d"),
    "separation": (SIGNALS, SEPARATION),
    "thresholds": ({"0.01", "0.02", "0.05", "median"}, "easy_share hard_share easy_loss hard_loss loss_diff"),
    "high_confidence": ({"0.3", "0.5", "0.6", "0.7", "0.8", "0.9"}, HIGH_CONFIDENCE),
    "regression": (PROBES, "mse pearson r2 loss_diff oracle_share"),
    "classification": (PROBES, "accuracy f1 easy_loss hard_loss loss_diff oracle_share"),
    "metric_prediction": (
        {"max_probability", "max_logit", "max_minus_mean", "margin", "split"},
        "pearson seconds train_tokens test_tokens",
    ),
    "low_rank": (RANKS | {"plain"}, LOW_RANK),
}

Write = Callable[[dict[tuple[str, str, str], float | None]], Path]
MARGIN = ("separation", "margin", "loss_diff")


@pytest.mark.parametrize("name", ["published", "bands"])
def test_transcribed_files_hold_each_figure_once_under_known_names(name: str, request: pytest.FixtureRequest) -> None:
    table = pl.read_csv(request.getfixturevalue(name), schema_overrides={"item": pl.String})
    assert not table.select("section", "item", "metric").is_duplicated().any()
    assert table["place"].null_count() == 0
    for section, item, metric in table.select("section", "item", "metric").iter_rows():
        items, metrics = KNOWN[section]
        assert item in items
        assert metric in metrics.split()


def test_published_shares_are_fractions(published: Path) -> None:
    table = pl.read_csv(published, schema_overrides={"item": pl.String, "value": pl.Float64})
    shares = table.filter(pl.col("metric").str.contains("share|coverage|accuracy"))
    assert shares.height > 30
    assert shares["value"].is_between(0, 1).all()


def test_published_figures_are_consistent_with_each_other(published: Path) -> None:
    """Loss Diff is hard minus easy, and an oracle share is a Loss Diff over 7.31, both to rounding."""
    table = pl.read_csv(published, schema_overrides={"item": pl.String, "value": pl.Float64})
    wide = table.drop("place").pivot("metric", index=["section", "item"], values="value")
    split = wide.drop_nulls(["easy_loss", "hard_loss", "loss_diff"])
    assert split.height >= 18
    assert ((split["hard_loss"] - split["easy_loss"] - split["loss_diff"]).abs() < 0.0151).all()
    shared = wide.drop_nulls(["loss_diff", "oracle_share"])
    assert shared.height >= 12
    assert ((shared["loss_diff"] / 7.31 - shared["oracle_share"]).abs() < 0.006).all()


def test_every_band_holds_its_published_figure(published: Path, bands: Path) -> None:
    kinds = {"item": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    names = ["section", "item", "metric"]
    figures = pl.read_csv(published, schema_overrides=kinds)
    joined = pl.read_csv(bands, schema_overrides=kinds).join(figures, on=names, how="left")
    assert joined["value"].null_count() == 0
    assert (joined["value"] >= joined["low"].fill_null(float("-inf"))).all()
    assert (joined["value"] <= joined["high"].fill_null(float("inf"))).all()


def test_gather_puts_published_and_band_beside_each_figure(write_part: Write, published: Path, bands: Path) -> None:
    parts = [write_part({MARGIN: 0.5}), write_part({("separation", "entropy", "loss_diff"): float("nan")})]
    table = gather(parts, published, bands)
    assert dict(table.schema) == TABLE_SCHEMA
    margin, entropy = table.rows(named=True)
    assert (margin["value"], margin["published"], margin["band_low"], margin["band_high"]) == (0.5, 0.46, 0.21, 0.71)
    assert (entropy["value"], entropy["published"], entropy["band_low"]) == (None, None, None)


def test_gather_compares_the_published_protocol_only(
    tmp_path: Path, write_part: Write, published: Path, bands: Path
) -> None:
    path = write_part({MARGIN: 0.5})
    write_parquet(path, pl.read_parquet(path).with_columns(protocol=pl.lit("fair")).to_arrow())
    assert gather([path], published, bands)["published"].to_list() == [None]


def test_a_table_reads_back_as_written(tmp_path: Path, write_part: Write, published: Path, bands: Path) -> None:
    table = gather([write_part({MARGIN: 0.5})], published, bands)
    write_parquet(tmp_path / "metrics.parquet", table.to_arrow())
    assert read_table(tmp_path / "metrics.parquet").equals(table)


def test_gather_refuses_a_figure_given_twice(write_part: Write, published: Path, bands: Path) -> None:
    parts = [write_part({MARGIN: 0.5}), write_part({MARGIN: 0.6})]
    with pytest.raises(InputError, match="published/separation/margin/loss_diff is there more than once"):
        gather(parts, published, bands)


def test_gather_refuses_what_is_no_file_of_figures(
    tmp_path: Path, write_part: Write, published: Path, bands: Path
) -> None:
    foreign, broken, infinite = (
        tmp_path / "foreign.parquet",
        tmp_path / "broken.parquet",
        write_part({MARGIN: float("inf")}),
    )
    write_parquet(foreign, pl.DataFrame({"a": [1]}).to_arrow())
    broken.write_bytes(write_part({MARGIN: 0.5}).read_bytes()[:100])
    for path, message in (
        (foreign, "has the columns a Int64; wanted are protocol"),
        (broken, "not a readable Parquet file"),
        (tmp_path / "absent.parquet", "not a readable Parquet file"),
        (infinite, "separation/margin/loss_diff is infinite"),
    ):
        with pytest.raises(InputError, match=message) as error:
            gather([path], published, bands)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="no parts"):
        gather([], published, bands)


def test_gather_refuses_broken_resources(tmp_path: Path, write_part: Write, published: Path, bands: Path) -> None:
    part, wrong = write_part({MARGIN: 0.5}), tmp_path / "wrong.csv"
    wrong.write_text("section,item,metric,value,place\nseparation,margin,loss_diff,much,here\n")
    with pytest.raises(InputError, match=r"wrong.csv: not a readable CSV"):
        gather([part], wrong, bands)
    with pytest.raises(InputError, match=r"bands.csv: has the columns|bands.csv: not a readable CSV"):
        gather([part], bands, bands)
    row = "separation,margin,loss_diff,1,here\n"
    wrong.write_text("section,item,metric,value,place\n" + row + row)
    with pytest.raises(InputError, match=r"wrong.csv: separation/margin/loss_diff is there more than once"):
        gather([part], wrong, bands)


def test_figures_are_looked_up_by_name(make_figures: Callable[..., Figures]) -> None:
    figures = make_figures({MARGIN: None})
    assert figures.value("separation", "max_logit", "loss_diff") == 1.91
    assert figures.value(*MARGIN) is None
    assert figures.has("separation", "max_logit", "loss_diff")
    assert not figures.has(*MARGIN)
    assert figures.items("regression") == ["linear", "mlp2", "mlp3", "mlp2_wide"]
    with pytest.raises(InputError, match="no figure separation/margin/charm"):
        figures.value("separation", "margin", "charm")
    with pytest.raises(InputError, match="no section astrology"):
        figures.items("astrology")


@pytest.mark.parametrize(
    ("value", "low", "high", "outside"),
    [
        (1.0, 1.0, 2.0, False),
        (2.1, 1.0, 2.0, True),
        (0.9, 1.0, 2.0, True),
        (0.9, None, 2.0, False),
        (2.1, None, 2.0, True),
        (9.0, 1.0, None, False),
        (None, 1.0, 2.0, False),
        (9.0, None, None, False),
    ],
)
def test_a_figure_knows_whether_it_leaves_its_band(
    value: float | None, low: float | None, high: float | None, outside: bool
) -> None:
    assert Figure(value, None, None, None, low, high).outside is outside
