"""What another program has measured goes through the same evaluation to the same report."""

import gzip
import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from safetensors.numpy import load_file

from repository import Repository


@pytest.fixture(scope="module")
def repository(finished: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A copy of the finished run, with what it has measured written as another program might."""
    repository = finished.copy(tmp_path_factory.mktemp("imports") / "repository")
    results, own = repository.root / "results" / "small", repository.root / "own"
    own.mkdir()
    tokens = pl.read_parquet(results / "rows" / "documents.parquet")
    head = signals(results)
    table = tokens.select("document", "sequence", "position", "target_count", nll="loss")
    scores = head.select("entropy", my_score=-pl.col("max_probability"), other="margin")
    pl.concat([table, scores], how="horizontal").with_columns(text=pl.lit("x")).write_parquet(own / "scores.parquet")
    shards = sorted((results / "activations" / "documents").glob("*.parquet"))
    rows = pl.concat([pl.read_parquet(shard) for shard in shards])
    columns = {name: rows[name].to_numpy() for name in ("loss", "target", "document", "sequence")}
    hidden = np.stack(rows["hidden"].to_numpy())
    noise = np.random.default_rng(0).standard_normal(hidden.shape, np.float32)
    first = 0.7 * hidden + 0.3 * hidden.std() * noise  # as if an earlier layer had said about the same
    np.savez(own / "states.npz", hidden=hidden, first=first, **columns)
    np.save(own / "head.npy", load_file(results / "activations" / "head.safetensors")["head"])
    runs = {
        "scores": {
            "input": {
                "kind": "signals",
                "path": "own/scores.parquet",
                "names": {"loss": "nll"},
                "signals": {"my_score": {"high_means": "hard", "needs": "head", "multiply_adds": 12345}},
            }
        },
        "states": {
            "model": {"exits": [6, 12]},
            "input": {
                "kind": "activations",
                "hidden": "own/states.npz",
                "head": "own/head.npy",
                "earlier": ["first"],
                "layer_multiply_adds": 2000,
            },
        },
    }
    (repository.root / "own.yaml").write_text(yaml.safe_dump({"runs": runs}))
    for run in runs:
        repository.snakemake(f"results/{run}/report.md", "--cores", "4", "--resources", "gpu=1", overlay="own.yaml")
    return repository


def signals(results: Path) -> pl.DataFrame:
    """The signals of the logits of a run's documents, shard after shard."""
    return pl.concat([pl.read_parquet(shard) for shard in sorted((results / "signals/documents/head").glob("*"))])


def figures_of(repository: Repository, run: str) -> dict[tuple[str, str, str], float | None]:
    table = pl.read_parquet(repository.root / "results" / run / "metrics.parquet").filter(pl.col("protocol") == "fair")
    return {(row["section"], row["item"], row["metric"]): row["value"] for row in table.iter_rows(named=True)}


def report(repository: Repository, run: str) -> str:
    folder = repository.root / "results" / run
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert all((folder / link).is_file() for link in re.findall(r"\]\((figures/\S+?)\)", text))
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", text)
    return text


def test_signals_are_judged_as_declared(repository: Repository) -> None:
    figures = figures_of(repository, "scores")
    assert figures["fair_signals", "my_score", "multiply_adds"] == 12345
    assert figures["fair_signals", "my_score", "high_means_easy"] == 0
    assert figures["fair_signals", "my_score", "needs_head"] == 1
    assert figures["fair_signals", "other", "needs_own"] == 1
    assert figures["fair_signals", "entropy", "needs_head"] == 1  # known by its name
    assert "my_score" in report(repository, "scores")
    assert "published" not in set(pl.read_parquet(repository.root / "results/scores/metrics.parquet")["protocol"])
    setup = json.loads((repository.root / "results/scores/config.json").read_text())
    assert len(setup["corpus"]["sha256"]) == 64


def test_activations_give_the_signals_of_the_run_that_they_are_from(repository: Repository) -> None:
    results = repository.root / "results"
    ours, theirs = (signals(results / run) for run in ("states", "small"))
    for name in ("entropy", "tail_mass_3", "max_probability", "oracle"):
        assert np.allclose(ours[name], theirs[name], rtol=1e-4, atol=1e-5)
    assert "argmax_surprisal" not in ours.columns  # train counts are not known
    report(repository, "states")


def test_exits_brought_along_are_measured_as_a_models_are(repository: Repository) -> None:
    results, arrays = repository.root / "results" / "states", np.load(repository.root / "own" / "states.npz")
    outcomes, head = pl.read_parquet(results / "exits/outcomes/*.parquet"), np.load(repository.root / "own/head.npy")
    np.testing.assert_allclose(outcomes["12/loss"].to_numpy(), arrays["loss"], atol=1e-4)
    logits = arrays["first"].astype(np.float64) @ head.T
    loss = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(logits)), arrays["target"]]
    np.testing.assert_allclose(outcomes["6/loss"].to_numpy(), loss, atol=1e-4)
    figures = figures_of(repository, "states")
    assert figures["exits", "model", "layers"] == 12
    assert figures["exits", "model", "layers_per_head_pass"] == head.size / 2000
    assert figures["exits", "6/translated", "mean_excess"] < figures["exits", "6", "mean_excess"]
    items = {item for section, item, _ in figures if section == "exit_signals"}
    assert {"6/state_norm", "6/entropy", "6/low_rank/margin", "6/mlp_excess"} <= items
    assert not {"6/state_cosine", "6/mlp_change_excess"} & items  # nothing before this exit was brought along
    text = report(repository, "states")
    assert "# Layer by layer" in text
    assert "Left out alone" not in text
    assert repository.would_run("results/states/report.md", overlay="own.yaml") == set()


def test_seeds_of_a_run_are_compared(repository: Repository) -> None:
    own = yaml.safe_load((repository.root / "own.yaml").read_text())
    own["runs"]["scores_1"] = {**own["runs"]["scores"], "seed": 7}  # parts the documents in another way
    own["comparisons"] = {"seeds": {"mine": ["scores", "scores_1"]}, "mixed": {"all": ["again", "small"]}}
    (repository.root / "seeds.yaml").write_text(yaml.safe_dump(own))
    folder = repository.root / "results/comparisons/seeds"
    repository.snakemake("results/comparisons/seeds/report.md", "--cores", "4", overlay="seeds.yaml")
    assert "entropy" in (folder / "report.md").read_text(encoding="utf-8")
    assert (folder / "figures" / "over_seeds.svg").stat().st_size > 2_000
    assert "Comparison seeds" in (folder / "report.html").read_text(encoding="utf-8")
    mean = pl.read_parquet(folder / "metrics.parquet").filter(item="entropy", metric="auroc_loss_over_3")
    key = ("fair_signals", "entropy", "auroc_loss_over_3")
    values = [figures_of(repository, run)[key] for run in ("scores", "scores_1")]
    assert values[0] != values[1]
    assert mean["value"].to_list() == pytest.approx([np.mean(values)])
    assert repository.would_run("results/comparisons/seeds/report.md", overlay="seeds.yaml") == set()
    wrong = repository.snakemake("results/comparisons/mixed/report.md", "-n", overlay="seeds.yaml", check=False)
    said = wrong.stdout + wrong.stderr
    assert "comparisons.mixed.all: small and again differ in protocols, corpus, tokens" in said


def test_what_is_wrong_with_a_file_is_named(repository: Repository) -> None:
    table = pl.read_parquet(repository.root / "own/scores.parquet")
    broken = table.with_columns(my_score=pl.when(pl.int_range(pl.len()) == 7).then(float("nan")).otherwise("my_score"))
    broken.write_parquet(repository.root / "own/broken.parquet")
    run = {"input": {"kind": "signals", "path": "own/broken.parquet", "names": {"loss": "nll"}}}
    (repository.root / "wrong.yaml").write_text(yaml.safe_dump({"runs": {"broken": run}}))
    failed = repository.snakemake("results/broken/report.md", "--cores", "1", overlay="wrong.yaml", check=False)
    assert failed.returncode != 0
    line = next(line for line in (failed.stdout + failed.stderr).splitlines() if "error in import_signals" in line)
    assert all(word in line for word in ("broken.parquet", "my_score", "7"))
    assert not (repository.root / "results/broken/signals/documents/own.parquet").exists()


def test_parts_of_a_table_are_one_and_a_new_one_is_read(repository: Repository) -> None:
    table = pl.read_parquet(repository.root / "own/scores.parquet").drop("text")
    parts = repository.root / "own" / "parts"
    parts.mkdir()
    half = len(table) // 2
    for number, own in ((9, table[:half]), (10, table[half:])):  # in the order of the numbers
        (parts / f"part-{number}.csv.gz").write_bytes(gzip.compress(own.write_csv().encode()))
    (parts / "_SUCCESS").touch()
    given = yaml.safe_load((repository.root / "own.yaml").read_text())["runs"]["scores"]
    given["input"]["path"] = "own/parts"
    (repository.root / "parts.yaml").write_text(yaml.safe_dump({"runs": {"parts": given}}))
    repository.snakemake("results/parts/report.md", "--cores", "2", overlay="parts.yaml")
    figures, whole = (figures_of(repository, run) for run in ("parts", "scores"))
    assert figures.keys() == whole.keys()
    key = ("fair_signals", "my_score", "auroc_loss_over_3")
    assert figures[key] == pytest.approx(whole[key])
    assert figures["fair_data", "clusters", "rows_left_out"] == 0
    assert "own/parts" in report(repository, "parts")
    assert repository.would_run("results/parts/report.md", overlay="parts.yaml") == set()
    (parts / "part-11.csv.gz").write_bytes((parts / "part-10.csv.gz").read_bytes())
    assert "import_signals" in repository.would_run("results/parts/report.md", overlay="parts.yaml")


def test_padded_batches_are_measured_as_their_tokens_are(finished: Repository, tmp_path: Path) -> None:
    repository, rng = finished.copy(tmp_path / "repository"), np.random.default_rng(0)
    hidden, head = rng.standard_normal((60, 100, 8)).astype(np.float32), rng.standard_normal((50, 8)).astype(np.float32)
    target = np.where(np.arange(100) < rng.integers(50, 101, (60, 1)), rng.integers(50, size=(60, 100)), -100)
    np.savez(repository.root / "own.npz", hidden=hidden, head=head, target=target)
    given = {"kind": "activations", "hidden": "own.npz"}
    (repository.root / "own.yaml").write_text(yaml.safe_dump({"runs": {"padded": {"input": given}}}))
    repository.snakemake("results/padded/rows/documents.parquet", "--cores", "2", overlay="own.yaml")
    rows = pl.read_parquet(repository.root / "results/padded/rows/documents.parquet")
    sequence, position = np.nonzero(target >= 0)
    logits = hidden[sequence, position].astype(np.float64) @ head.T
    loss = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(logits)), target[sequence, position]]
    np.testing.assert_allclose(rows["loss"].to_numpy(), loss, atol=1e-5)
    np.testing.assert_array_equal(rows["sequence"].to_numpy(), sequence)
    np.testing.assert_array_equal(rows["position"].to_numpy(), position)
    said = json.loads((repository.root / "results/padded/rows/summary.json").read_text())
    assert (said["rows"], said["left_out"], said["documents_known"]) == (6000, int((target < 0).sum()), False)


def test_a_soft_cap_holds_for_losses_and_signals(finished: Repository, tmp_path: Path) -> None:
    repository, rng, cap = finished.copy(tmp_path / "repository"), np.random.default_rng(0), 2.0
    hidden, head = rng.standard_normal((6000, 8)).astype(np.float32), rng.standard_normal((50, 8)).astype(np.float32)
    target, document = rng.integers(50, size=6000), np.repeat(np.arange(60), 100)
    np.savez(repository.root / "own.npz", hidden=hidden, head=head, target=target, document=document)
    given = {"kind": "activations", "hidden": "own.npz", "head_softcap": cap}
    (repository.root / "own.yaml").write_text(yaml.safe_dump({"runs": {"capped": {"input": given}}}))
    shards = [f"results/capped/signals/documents/head/{number:03d}.parquet" for number in range(2)]
    arguments = (*shards, "--cores", "2", "--resources", "gpu=1")
    repository.snakemake(*arguments, overlay="own.yaml")
    logits = cap * np.tanh(hidden.astype(np.float64) @ head.T / cap)
    loss = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(6000), target]
    results = repository.root / "results" / "capped"
    losses = [pl.read_parquet(path)["loss"] for path in sorted((results / "activations/documents").glob("*.parquet"))]
    np.testing.assert_allclose(pl.concat(losses).to_numpy(), loss, atol=1e-5)
    np.testing.assert_allclose(signals(results)["max_logit"].to_numpy(), logits.max(axis=1), atol=1e-5)
