"""A complete table of figures: the published ones, and made-up values for what the founding document does not have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from easyhard.parquet import write_parquet
from easyhard.report import labels
from easyhard.report.metrics import PART_SCHEMA, Figures, gather

from . import made_up_fair

Name = tuple[str, str, str]
Values = dict[Name, float | None]

ROOT = Path(__file__).parents[3]

UNMEASURED = {
    ("low_rank", "compute_reduction"),
    ("low_rank", "svd_seconds"),
    ("low_rank", "reconstruction_error"),
    ("metric_prediction", "seconds"),
    ("metric_prediction", "train_tokens"),
    ("metric_prediction", "test_tokens"),
    ("high_confidence", "low_tokens"),
    ("high_confidence", "low_share"),
    ("regression", "oracle_share"),
    ("classification", "oracle_share"),
}
"""Published, but no figure that the stages measure; the last two the report works out itself."""

MADE_UP = """
model language_model train_sequences=10304 validation_sequences=2048 epochs=8 best_epoch=5
model language_model train_tokens=329728 trained_parameters=4600000 seconds=1110.4
loss_distribution loss skewness=0.55 cohens_d_normal=2.6472 cohens_d_uniform=3.4641 cohens_d_exponential=1.9233
loss_distribution loss dip=0.0123 dip_p_thinned=0.004 unseen_target_share=0.0766 unseen_target_mean_loss=16.74
loss_distribution loss modes=3 bandwidth=0.49 mode_1=1.8 mode_2=7.0 mode_3=17.0
loss_distribution loss mode_1_share=0.4 mode_2_share=0.5 mode_3_share=0.1
loss_distribution loss mode_1_unseen_share=0 mode_2_unseen_share=0.01 mode_3_unseen_share=0.93
loss_distribution log_loss dip=0.0101 dip_p_thinned=0.21
separation oracle pearson=1 spearman=1 mean=6.82 std=4.48 high_means_easy=0
separation target_probability spearman=-1 mean=0.08 std=0.16 high_means_easy=1
separation exit_classifier spearman=0.18 mean=6.5 easy_loss=6.2 hard_loss=7.45 high_means_easy=0
separation exit_classifier threshold=6.4 easy_share_at_threshold=0.48
separation max_probability spearman=-0.31
separation max_logit spearman=-0.32
separation max_minus_mean spearman=-0.33
separation margin spearman=-0.12
separation entropy pearson=0.33 spearman=0.34 mean=5.98 std=1.2 easy_loss=5.72 hard_loss=7.92
separation entropy loss_diff=2.2 oracle_share=0.301 high_means_easy=0
regression linear spearman=0.25 loss_diff=2.0
regression mlp2 spearman=0.33 loss_diff=2.3
regression mlp3 spearman=0.33 loss_diff=2.2
regression mlp2_wide spearman=0.34
classification majority accuracy=0.751 balanced_accuracy=0.5 auroc=0.5 auprc=0.249 f1=0.858 prevalence=0.249
classification majority easy_share=0 easy_loss= hard_loss=6.82 loss_diff= loss_diff_median=
classification linear balanced_accuracy=0.55 auroc=0.70 auprc=0.40 prevalence=0.249 easy_share=0.06 loss_diff_median=1.9
classification mlp2 balanced_accuracy=0.58 auroc=0.73 auprc=0.43 prevalence=0.249 easy_share=0.09 loss_diff_median=2.1
classification mlp3 balanced_accuracy=0.57 auroc=0.72 auprc=0.42 prevalence=0.249 easy_share=0.11 loss_diff_median=2.15
classification mlp2_wide balanced_accuracy=0.56 auroc=0.71 auprc=0.41 prevalence=0.249 easy_share=0.1
classification mlp2_wide loss_diff_median=2.2
low_rank plain/1 easy_loss=6.2 hard_loss=7.4 loss_diff=1.2 oracle_share=0.164
low_rank plain/2 easy_loss=6.2 hard_loss=7.42 loss_diff=1.22 oracle_share=0.167
"""


def made_up() -> Values:
    """The figures of MADE_UP by name; a value left out is null."""
    figures: Values = {}
    for line in MADE_UP.strip().splitlines():
        section, item, *pairs = line.split()
        for metric, value in (pair.split("=") for pair in pairs):
            figures[section, item, metric] = float(value) if value else None
    return figures


def published_values(path: Path) -> Values:
    """The published figures that a run measures too, by name."""
    table = pl.read_csv(path, schema_overrides={"item": pl.String, "value": pl.Float64})
    rows = [row for row in table.iter_rows(named=True) if (row["section"], row["metric"]) not in UNMEASURED]
    return {(row["section"], row["item"], row["metric"]): row["value"] for row in rows}


@pytest.fixture
def published() -> Path:
    """The transcribed figures of the founding document."""
    return ROOT / "workflow" / "resources" / "published.csv"


@pytest.fixture
def bands() -> Path:
    """The bands of a faithful run."""
    return ROOT / "workflow" / "resources" / "bands.csv"


@pytest.fixture
def template() -> Path:
    """The report's template."""
    return ROOT / "workflow" / "scripts" / "easyhard" / "report" / "template.md.j2"


@pytest.fixture
def complete(published: Path) -> Values:
    """Every figure that the report needs, the published ones at their published values."""
    return made_up() | published_values(published)


@pytest.fixture
def write_part(tmp_path: Path) -> Callable[[Values], Path]:
    """Write figures as a stage does, each call a new file."""
    written: list[Path] = []

    def write(figures: Values) -> Path:
        rows = [("published", *name, value, None, None) for name, value in figures.items()]
        path = tmp_path / f"part_{len(written)}.parquet"
        write_parquet(path, pl.DataFrame(rows, schema=PART_SCHEMA, orient="row").to_arrow())
        written.append(path)
        return path

    return write


@pytest.fixture
def make_figures(
    write_part: Callable[[Values], Path], complete: Values, published: Path, bands: Path
) -> Callable[..., Figures]:
    """The complete table with some figures changed and some taken out, gathered as the workflow does it."""

    def make(changed: Values | None = None, without: tuple[Name, ...] = ()) -> Figures:
        figures = {name: value for name, value in (complete | (changed or {})).items() if name not in without}
        return Figures(gather([write_part(figures)], published, bands))

    return make


@pytest.fixture
def run_setup() -> dict[str, Any]:
    """A run's set-up as the report wants it."""
    split = {"documents": 600, "tokens": 2_051_910, "unknown_share": 0.0}
    return {
        "run": "wikitext2",
        "config": {
            "seed": 42,
            "corpus": {"hub": {"config": None}, "files": {"path": ""}},
            "loss_probes": {"test_share": 0.15, "easy_threshold": 3.0},
            "metric_probes": {"hidden": 128},
            "low_rank": {"ranks": [1, 2, 5]},
        },
        "corpus": {"source": "WikiText-2 raw", "credit": "Wikipedia contributors, CC BY-SA.", "sha256": "ab" * 32},
        "tokens": {"vocabulary_size": 69830, "splits": {"train": split, "validation": split}},
        "versions": {"python": "3.11.2", "torch": "2.13.0"},
        "device": "CPU, 2 threads",
        "steps": [
            {"rule": "train", "seconds": 1110.4, "max_rss_mb": 1203.2},
            {"rule": "low_rank", "seconds": 42.0, "max_rss_mb": None},
        ],
        "is_founding_corpus": True,
    }


@pytest.fixture
def make_fair(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Figures]:
    """The made-up table of protocol fair, with some figures changed and some taken out, and signals that are known."""
    monkeypatch.setattr(labels, "find", made_up_fair.find)

    def make(changed: made_up_fair.Table | None = None, without: tuple[str, ...] = ()) -> Figures:
        """`without` are sections, or figures as section/item/metric."""
        made = made_up_fair.table() | (changed or {})
        left = {name: value for name, value in made.items() if name[0] not in without}
        return made_up_fair.as_figures({name: value for name, value in left.items() if "/".join(name) not in without})

    return make


@pytest.fixture
def bare_fair(monkeypatch: pytest.MonkeyPatch) -> Figures:
    """The figures of a run that only had signals of its own."""
    monkeypatch.setattr(labels, "find", made_up_fair.find)
    return made_up_fair.as_figures(made_up_fair.bare())
