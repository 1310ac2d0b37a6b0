"""The workflow elsewhere: outputs from a cache, inside another workflow, in a container."""

import shutil
import stat
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from repository import Repository, fresh

ROOT = Path(__file__).parents[2]
MODULE = """
configfile: "mine.yaml"

module easyhard:
    snakefile: "{snakefile}"
    config: config["easyhard"]
    prefix: "deep"

use rule * from easyhard as easyhard_*

rule all:
    default_target: True
    input: "deep/results/mine/metrics.parquet"
"""
CONDA = """#!/bin/sh
case "$1" in
info) echo '{"platform": "linux-64", "conda_prefix": "/opt/conda"}' ;;
config) echo '{"get": {"channel_priority": "strict"}}' ;;
*) echo "conda 25.1.0" ;;
esac
"""


def ran(repository: Repository, log: str) -> bool:
    """Whether the job of a log was at work; a job whose outputs come from the cache leaves an empty one."""
    [path] = (repository.root / "results").glob(log)
    return "starts" in path.read_text(encoding="utf-8")


def test_outputs_come_from_the_cache_of_another_copy(tmp_path: Path) -> None:
    made = fresh(tmp_path / "made")
    other, edited = (made.copy(tmp_path / name) for name in ("other", "edited"))
    (tmp_path / "cache").mkdir()
    cache = {"SNAKEMAKE_OUTPUT_CACHE": str(tmp_path / "cache")}
    target = "results/again/activations/validation/000.parquet"
    logs = ("corpora/files-*/logs/load_corpus.log", "corpora/files-*/logs/tokenize/*.log", "again/logs/train.log")
    for repository, is_first in ((made, True), (other, False)):
        repository.snakemake(target, "--cores", "4", "--cache", **cache)
        assert [ran(repository, log) for log in logs] == [is_first] * 3
        assert ran(repository, "again/logs/dump_activations/validation/000.log")
    for file in ("model/weights.safetensors", "activations/head.safetensors", "model/training_curve.parquet"):
        assert (other.root / "results/again" / file).read_bytes() == (made.root / "results/again" / file).read_bytes()
    with (edited.root / "texts" / "train.txt").open("a", encoding="utf-8") as text:
        text.write("One sentence more .\n")
    [documents] = (made.root / "results").glob("corpora/files-*/documents.parquet")
    name = str(documents.relative_to(made.root))
    edited.snakemake(name, "--cores", "4", "--cache", **cache)
    assert ran(edited, logs[0])  # the folder is named the same, its text is another
    assert (edited.root / name).read_bytes() != documents.read_bytes()


def test_without_the_cache_every_step_is_measured(finished: Repository) -> None:
    results = finished.root / "results"
    assert (results / "small/benchmarks/train.tsv").is_file()
    run = finished.snakemake("results/small/report.md", "--dry-run", "--cores", "1")
    assert "eligible for caching" not in run.stdout + run.stderr


@pytest.fixture
def user(tmp_path: Path) -> Repository:
    """Another's folder, whose Snakefile uses this workflow as a module, with signals of the user's own."""
    workflow = tmp_path / "easyhard"
    for part in ("Snakefile", "config.yaml"):
        (workflow / part).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / part, workflow / part)
    for folder in ("workflow", "envs"):
        shutil.copytree(ROOT / folder, workflow / folder)
    folder = tmp_path / "user"
    folder.mkdir()
    rng = np.random.default_rng(0)
    tokens = 20 * 64
    columns = {"loss": rng.exponential(4, tokens), "score": rng.normal(size=tokens)}
    columns |= {"document": np.arange(tokens) // 64, "sequence": np.arange(tokens) // 32}
    pl.DataFrame(columns | {"position": np.arange(tokens) % 32}).write_parquet(folder / "scores.parquet")
    (folder / "Snakefile").write_text(MODULE.format(snakefile=workflow / "Snakefile"), encoding="utf-8")
    runs = {"mine": {"input": {"kind": "signals", "path": "scores.parquet"}}, "trained": {"seed": 7}}
    own = {"easyhard": {"default_runs": ["mine"], "runs": runs}}
    for name in ("mine.yaml", "small.yaml"):
        (folder / name).write_text(yaml.safe_dump(own), encoding="utf-8")
    return Repository(folder)


def test_the_workflow_is_a_module_of_another(user: Repository) -> None:
    user.snakemake("--cores", "2")
    made = user.root / "deep/results/mine"
    assert pl.read_parquet(made / "metrics.parquet").height > 0
    assert ran(Repository(user.root / "deep"), "mine/logs/import_signals.log")
    assert {path.name for path in user.root.iterdir() if path.is_dir()} == {".snakemake", "deep"}
    assert user.would_run("deep/results/mine/metrics.parquet") == set()
    rules = user.would_run("deep/results/trained/report.md")
    assert {"easyhard_train", "easyhard_stacks", "easyhard_report"} <= rules
    assert all(rule.startswith("easyhard_") for rule in rules)


def test_a_container_is_defined_from_the_one_environment(tmp_path: Path) -> None:
    """Of conda Snakemake asks its platform, version and channel priority alone: a script answers. Nothing is built."""
    repository = fresh(tmp_path / "repository")
    conda = tmp_path / "bin" / "conda"
    conda.parent.mkdir()
    conda.write_text(CONDA, encoding="utf-8")
    conda.chmod(conda.stat().st_mode | stat.S_IXUSR)
    run = repository.snakemake("--containerize", PATH=f"{conda.parent}:/usr/bin:/bin")
    lines = run.stdout.splitlines()
    assert lines[0].startswith("FROM condaforge/miniforge3")
    assert sum(line.startswith("COPY envs/environment.yaml /conda-envs/") for line in lines) == 1
    assert sum("conda env create --prefix /conda-envs/" in line for line in lines) == 1
