"""Bad input ends in one clear error that names the key, file or value; nothing half-written stays behind."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from easyhard.model.store import read_tensors, write_tensors
from easyhard.parquet import write_parquet
from faults import damage, jobs_of, start
from repository import Repository, fresh

UNREACHABLE = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}


@pytest.fixture(scope="module")
def repository(finished: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return finished.copy(tmp_path_factory.mktemp("errors") / "repository")


def fails(repository: Repository, target: str, *wanted: str, config: object = None, **environment: str) -> str:
    """Run and expect a non-zero exit, no output, and one line of the terminal with all words of `wanted`."""
    (repository.root / "wrong.yaml").write_text(yaml.safe_dump(config or {}), encoding="utf-8")
    arguments = [target, "--cores", "2", "--resources", "gpu=1"]
    run = repository.snakemake(*arguments, overlay="wrong.yaml", check=False, **environment)
    output = run.stdout + run.stderr
    assert run.returncode != 0, output
    assert any(all(word in line for word in wanted) for line in output.splitlines()), output
    assert not list((repository.root / "results").rglob("*.part"))
    return output


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"defaults": {"trainin": {}}}, ["defaults", "unknown key 'trainin'", "did you mean training?"]),
        ({"defaults": {"training": {"patience": "x"}}}, ["defaults.training.patience", "'x'", "integer of at least 1"]),
        (
            {"defaults": {"model": {"heads": 3}}},
            ["runs.small.model.heads", "3 heads of dim 16", "2 × heads"],
        ),
        ({"defaults": {"low_rank": {"ranks": [17]}}}, ["runs.small.low_rank.ranks", "17", "from 1 to dim"]),
        ({"runs": {"corpora": {}}}, ["runs", "'corpora'", "neither corpora nor comparisons"]),
        ({"default_runs": ["nope"]}, ["default_runs", "'nope'", "small"]),
    ],
)
def test_wrong_settings(repository: Repository, config: object, wanted: list[str]) -> None:
    fails(repository, "all", *wanted, config=config)


def corpus_of(root: Path, **files: bytes) -> dict[str, object]:
    folder = root / "bad"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        (folder / f"{name}.txt").write_bytes(content)
    return {"runs": {"bad": {"corpus": {"source": "files", "documents": "whole", "files": {"path": "bad"}}}}}


def test_bad_corpora(repository: Repository) -> None:
    target, root = "results/bad/model/summary.json", repository.root
    config = {"runs": {"bad": {"corpus": {"source": "files", "files": {"path": "gone"}}}}}
    fails(repository, target, "gone", "folder", config=config)
    text = b"one two three four . " * 40
    fails(repository, target, "valid", config=corpus_of(root, train=text, test=text))
    fails(repository, target, "train.txt", config=corpus_of(root, train=b" \n", valid=text, test=text))
    fails(repository, target, "train.txt", "UTF-8", config=corpus_of(root, train=b"ab\xff", valid=text, test=text))
    fails(repository, target, "200 tokens", "513", config=corpus_of(root, train=text, valid=text, test=text))
    assert not list((root / "results" / "bad" / "model").glob("*"))


def test_hub_without_a_network_says_so_soon(repository: Repository) -> None:
    config = {"runs": {"bad": {"corpus": {"source": "hub", "hub": {"name": "nobody/nothing", "config": None}}}}}
    start = time.monotonic()
    fails(
        repository,
        "results/bad/model/summary.json",
        "nobody/nothing",
        "bundled",
        "files",
        config=config,
        **UNREACHABLE,
    )
    assert time.monotonic() - start < 15


@pytest.mark.parametrize(
    ("file", "target", "kind"),
    [
        ("corpora/bundled-*/documents.parquet", "corpora/bundled-*/*/summary.json", "truncated"),
        ("corpora/bundled-*/*/train.parquet", "small/model/summary.json", "empty"),
        ("small/activations/validation/001.parquet", "small/signals/validation/head/001.parquet", "foreign"),
        ("small/activations/head.safetensors", "small/signals/validation/head/000.parquet", "truncated"),
        ("small/signals/validation/head/000.parquet", "small/signals/validation/probes.parquet", "foreign"),
        ("small/signals/documents/stacks.parquet", "small/metrics.parquet", "truncated"),
        ("small/metrics.parquet", "small/report.md", "empty"),
    ],
)
def test_damaged_intermediates_are_named(
    finished: Repository, tmp_path: Path, file: str, target: str, kind: str
) -> None:
    """One damage a file: each reader against each is a unit test."""
    repository = finished.copy(tmp_path / "repository")
    [damaged_file], [target_file] = (list((repository.root / "results").glob(pattern)) for pattern in (file, target))
    damage(damaged_file, kind)
    fails(repository, str(target_file.relative_to(repository.root)), str(damaged_file.relative_to(repository.root)))
    assert not target_file.exists()


def test_states_that_are_not_finite_are_named(finished: Repository, tmp_path: Path) -> None:
    repository = finished.copy(tmp_path / "repository")
    weights = repository.root / "results/small/model/weights.safetensors"
    tensors = read_tensors(weights)
    tensors["blocks.0.layers.0.ffn_norm.gain"][0] = np.nan
    write_tensors(weights, tensors, {})
    fails(repository, "results/small/activations/train/000.parquet", "hidden", "finite")
    assert not (repository.root / "results/small/activations/train/000.parquet").exists()


def test_losses_that_are_not_finite_are_named(finished: Repository, tmp_path: Path) -> None:
    repository = finished.copy(tmp_path / "repository")
    shard = repository.root / "results/small/activations/validation/000.parquet"
    table = pq.read_table(shard)
    loss = table["loss"].to_numpy().copy()
    loss[5] = np.inf
    write_parquet(shard, table.set_column(table.schema.get_field_index("loss"), "loss", pa.array(loss)))
    fails(repository, "results/small/signals/validation/probes.parquet", "validation/000.parquet", "loss is not finite")


def test_a_killed_training_goes_on_to_the_same_figures(finished: Repository, tmp_path: Path) -> None:
    repository = fresh(tmp_path / "repository")
    target = "results/small/model/weights.safetensors"
    checkpoint = repository.root / "results/small/model/checkpoint.pt"
    run = start(repository, target)
    while not checkpoint.exists() and run.poll() is None:
        time.sleep(0.01)
    [job] = jobs_of(repository)
    os.kill(job, signal.SIGKILL)
    assert run.wait() != 0
    assert checkpoint.exists()
    repository.snakemake(target, "--cores", "4", "--resources", "gpu=1")
    assert "goes on after epoch 1" in (repository.root / "results/small/logs/train.log").read_text()
    assert (repository.root / target).read_bytes() == (finished.root / target).read_bytes()
    assert not checkpoint.exists()
