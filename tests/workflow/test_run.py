"""The small run as a whole: what it leaves, that GPU jobs never overlap, that the same seed gives the same figures."""

import json
import re
import shutil
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import yaml

from easyhard.signals.registry import SIGNALS
from repository import GPU_RULES, TIMES, Repository, fresh

FIGURES = (
    *("training_curve", "loss_histogram", "signals_against_loss", "separation", "low_rank", "regression"),
    *("pareto", "differences", "risk_coverage", "reliability", "low_rank_kinds", "learning_curve"),
)
KINDS = ("plain", "weighted")


def figures_of(root: Path, run: str) -> pl.DataFrame:
    """All figures but the times."""
    return pl.read_parquet(root / "results" / run / "metrics.parquet").filter(~pl.col("metric").is_in(TIMES))


def test_every_stage_leaves_its_files(finished: Repository) -> None:
    results = finished.root / "results" / "small"
    for name in FIGURES:
        assert (results / "figures" / f"{name}.svg").stat().st_size > 2_000
    report = (results / "report.md").read_text(encoding="utf-8")
    assert all((results / link).is_file() for link in re.findall(r"\]\((figures/\S+?)\)", report))
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", report)
    assert len(report.splitlines()) <= 250
    page = (results / "report.html").read_text(encoding="utf-8")
    links = re.findall(r'href="((?:tables/)?[\w.]+)"', page)
    assert len(links) > 40
    assert all((results / link).is_file() for link in links)
    assert re.search(r'"documents": \[\[\[".+?", ".+?", \d', page)  # the text itself, with first choices
    assert json.loads((results / "summary.json").read_text())["recommended"]
    assert not (results / "model" / "checkpoint.pt").exists()
    assert not list((finished.root / "results").rglob("*.part"))


def test_activations_keep_the_contract(finished: Repository) -> None:
    shards = sorted((finished.root / "results/small/activations/validation").glob("*.parquet"))
    assert [shard.name for shard in shards] == ["000.parquet", "001.parquet"]
    names = ["sequence", "position", "document", "split", "token", "target", "loss", "hidden"]
    for shard in shards:
        file = pq.ParquetFile(shard)
        assert file.schema_arrow.names == names
        assert str(file.schema_arrow.field("hidden").type) == "fixed_size_list<element: float>[16]"
        assert file.metadata.row_group(0).column(6).compression == "ZSTD"
        assert file.schema_arrow.metadata[b"run"] == b"small"
    rows = pl.concat([pl.read_parquet(shard, columns=names[:-1]) for shard in shards])
    assert rows.height == 160 * 32
    assert rows["sequence"].to_list() == [row // 32 for row in range(rows.height)]
    assert rows["position"].to_list() == [row % 32 for row in range(rows.height)]
    shifted = rows["target"].to_list()[:-1]
    assert shifted == rows["token"].to_list()[1:]  # the stream is cut without gaps


def test_signals_have_the_same_rows(finished: Repository) -> None:
    results = finished.root / "results/small"
    loss = pl.concat([pl.read_parquet(path) for path in sorted((results / "activations/validation").glob("*"))])["loss"]
    signals = pl.concat([pl.read_parquet(path) for path in sorted((results / "signals/validation/head").glob("*"))])
    surprisal = -signals["target_probability"].cast(pl.Float64).log()
    assert (surprisal - loss.cast(pl.Float64)).abs().max() < 1e-3


def test_gpu_jobs_never_overlap(finished: Repository) -> None:
    spans = []
    for log in finished.root.glob("results/*/logs/**/*.log"):
        lines = log.read_text(encoding="utf-8").splitlines()
        rule = re.search(r"INFO (\w+) .*starts", lines[0])
        assert rule is not None, log
        if rule[1] in GPU_RULES:
            start, end = (datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f") for line in (lines[0], lines[-1]))
            assert lines[-1].endswith("ends")
            spans.append((start, end, log))
    # train, and another run's; shards of three row sets; passes over shards: two of validation tokens, three of
    # documents; what these fit before; the exit classifier, and the probes of two row sets
    assert len(spans) == 2 + 2 * 3 + 2 * (2 + 3) + 1 + 1 + 2
    spans.sort()
    for (_, end, before), (start, _, after) in pairwise(spans):
        assert end <= start, (before, after)


def test_the_same_seed_gives_the_same_activations(finished: Repository, tmp_path: Path) -> None:
    """What follows from them is made once more by the next test."""
    repository = fresh(tmp_path / "repository")
    files = [
        *("model/weights.safetensors", "activations/train/001.parquet", "activations/validation/000.parquet"),
        *("activations/documents/001.parquet", "rows/documents.parquet"),
    ]
    targets = [f"results/small/{file}" for file in files]
    repository.snakemake(*targets, "--cores", "4", "--resources", "gpu=1")
    for target in targets:
        assert (repository.root / target).read_bytes() == (finished.root / target).read_bytes(), target
    other = finished.root / "results/again/model/weights.safetensors"
    assert other.read_bytes() != (finished.root / targets[0]).read_bytes()


def table(root: Path, name: str) -> pl.DataFrame:
    """A table of the small run, its shards one after another."""
    path = root / "results/small" / name
    return pl.concat(
        [pl.read_parquet(file) for file in sorted(path.glob("*.parquet"))]
        if path.is_dir()
        else [pl.read_parquet(path.with_suffix(".parquet"))]
    )


def test_one_shard_gives_the_same_as_two(finished: Repository, tmp_path: Path) -> None:
    repository = finished.copy(tmp_path / "repository")
    (repository.root / "one.yaml").write_text("defaults: {activations: {shards: 1}}\n", encoding="utf-8")
    tables = [
        *(f"signals/validation/{name}" for name in ("head", "low_rank")),
        *(f"signals/documents/{name}" for name in ("head", "hidden", "context", "low_rank")),
        *("words/documents/head", "words/documents/low_rank"),
    ]
    for name in tables:
        for file in (repository.root / "results/small" / name).glob("*"):
            file.unlink()
    targets = [f"results/small/{name}/000.parquet" for name in tables]
    repository.snakemake(*targets, "--cores", "4", "--resources", "gpu=1", overlay="one.yaml")
    for name in [*tables, "rows/documents"]:
        made, before = (table(root, name) for root in (repository.root, finished.root))
        assert made.columns == before.columns
        for column in before.columns:  # what is fitted over all tokens is summed batch by batch: last bits may differ
            np.testing.assert_allclose(made[column], before[column], rtol=1e-5, atol=1e-6, err_msg=f"{name}: {column}")


def test_the_number_of_threads_changes_nothing_after_the_activations(finished: Repository, tmp_path: Path) -> None:
    repository = finished.copy(tmp_path / "repository")
    results = repository.root / "results" / "small"
    for folder in ("signals", "words", "probes", "rows", "fitted"):
        shutil.rmtree(results / folder)
    (results / "metrics.parquet").unlink()
    repository.snakemake("results/small/metrics.parquet", "--cores", "1", "--resources", "gpu=0")
    assert figures_of(repository.root, "small").equals(figures_of(finished.root, "small"))


def test_snakemakes_own_report_has_every_result(finished: Repository, tmp_path: Path) -> None:
    page = tmp_path / "snakemake.html"
    finished.snakemake("--report", str(page), "results/small/report.md")
    text = page.read_text(encoding="utf-8")
    for name in FIGURES:
        assert f"results/small/figures/{name}.svg" in text


def test_the_fair_table_has_every_signal_of_the_registry(finished: Repository) -> None:
    table = pl.read_parquet(finished.root / "results/small/metrics.parquet").filter(pl.col("section") == "fair_signals")
    named = {signal.name for signal in SIGNALS if not signal.at_exits_only} - {"exit_classifier"}  # its own protocol
    assert named <= set(table["item"])
    families = {f"{kind}/{rank}/{way}entropy" for kind in KINDS for rank in (2, 4) for way in ("", "refined_")}
    assert families <= set(table["item"])


def test_a_model_trained_on_all_its_exits_says_the_same_at_the_last_as_without_them(
    finished: Repository, tmp_path: Path
) -> None:
    repository = finished.copy(tmp_path / "repository")
    own = {"model": {"blocks": [1, 1], "exits": "all"}, "training": {"exits": "joint"}, "protocols": ["fair"]}
    own |= {"tokens": {"tokenizer": "bpe", "vocabulary_size": 1000}, "exits": {"heads": ["lens", "low_rank"]}}
    own |= {"activations": {"shards": 1}}
    (repository.root / "exits.yaml").write_text(yaml.safe_dump({"runs": {"exits": own}}))
    results = repository.root / "results/exits"
    files = ("exits/left_out.parquet", "signals/documents/exit_probes.parquet")
    targets = [f"results/exits/{file}" for file in files]
    repository.snakemake(*targets, "--cores", "4", "--resources", "gpu=1", overlay="exits.yaml")
    rows, outcomes = (
        pl.read_parquet(results / name) for name in ("rows/documents.parquet", "exits/outcomes/*.parquet")
    )
    assert np.allclose(outcomes["2/loss"], rows["loss"], atol=1e-5)
    assert (outcomes["2/kl"] == 0).all()
    assert outcomes["1/loss"].mean() > outcomes["2/loss"].mean()
    left_out, probes = (pl.read_parquet(results / file) for file in files)
    own_rows = left_out["row"].to_list()
    assert set(rows["part"][own_rows]) == {2}
    assert np.allclose(left_out["loss"], rows["loss"][own_rows], atol=1e-5)
    assert np.allclose(
        left_out["2/loss"], outcomes["1/loss"][own_rows], atol=1e-5
    )  # without the last, the first speaks
    assert len(probes) == len(rows)
    agrees = (outcomes["1/argmax"] == outcomes["2/argmax"]).to_numpy()
    said = probes["1/mlp_agrees"].to_numpy()
    assert said[agrees].mean() > said[~agrees].mean()
    signals = pl.read_parquet_schema(next(results.glob("signals/documents/exits/*.parquet")))
    assert {"1/state_cosine", "1/max_probability", "1/low_rank/entropy"} <= set(signals)
    assert not any(name.startswith("2/") for name in signals)
