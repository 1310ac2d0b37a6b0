"""A model that transformers loads, trained elsewhere, goes through the same rules to the same report."""

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
import yaml
from torch.nn.functional import cross_entropy

from repository import Repository, fresh, with_value
from tiny_models import WORDS, make_model

CAP = 6.0
POLICIES = {"choose_policies", "true_exits"}
EXITS = {"fit_exits", "exit_signals", "exit_probes", "leave_out_layers", *POLICIES}
OWN = {
    "runs": {
        "gemma": {
            "model": {"kind": "huggingface", "path": "model", "window": 48, "batch_size": 64, "exits": "all"},
            "corpus": {"source": "files", "files": {"path": "pieces"}},
        }
    },
    "defaults": {
        "fair": {"tokens": None, "thresholds": [4, 6], "main_threshold": 4, "draws": 2},
        "fair_low_rank": {"kinds": ["weighted"], "ranks": [4]},
    },
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository with a small Gemma 2, tied, with BOS and soft caps, brought to its report."""
    repository = fresh(tmp_path_factory.mktemp("own_model") / "repository")
    write_pieces(repository.root)
    make_model("gemma2", repository.root / "model", steps=60)
    (repository.root / "own.yaml").write_text(yaml.safe_dump(OWN))
    repository.snakemake("results/gemma/report.md", "--cores", "4", "--resources", "gpu=1", overlay="own.yaml")
    return repository


def write_pieces(root: Path) -> None:
    """The start of each split's real text as 30 short documents."""
    (root / "pieces").mkdir()
    for file in (root / "texts").iterdir():
        text = " ".join(line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith(" = "))
        pieces = [f" = Piece {n} = \n\n{text[500 * n : 500 * (n + 1)]}\n" for n in range(30)]
        (root / "pieces" / file.name).write_text("\n".join(pieces), encoding="utf-8")


def rows(repository: Repository) -> pl.DataFrame:
    return pl.read_parquet(repository.root / "results/gemma/rows/documents.parquet")


def test_losses_and_signals_are_the_models_own(repository: Repository) -> None:
    from transformers import AutoModelForCausalLM

    results = repository.root / "results/gemma"
    tokens = rows(repository)
    signals = pl.concat([pl.read_parquet(shard) for shard in sorted((results / "signals/documents/head").glob("*"))])
    network = AutoModelForCausalLM.from_pretrained(repository.root / "model", dtype=torch.float64).eval()
    sequences = tokens.with_row_index().partition_by("sequence", maintain_order=True)
    for sequence in (sequences[0], sequences[1], sequences[-1]):
        inputs = sequence["token"].to_list()
        if sequence["position"][0]:  # the row of BOS foretells nothing in a later window
            inputs = [1, *inputs]
        with torch.no_grad():
            logits = network(input_ids=torch.tensor([inputs])).logits[0, -len(sequence) :]
        assert float(logits.abs().max()) <= CAP
        targets = torch.tensor(sequence["target"].to_list())
        assert np.allclose(sequence["loss"], cross_entropy(logits, targets, reduction="none"), atol=1e-4)
        own, p = signals[sequence["index"].to_list()], logits.softmax(1)
        assert np.allclose(own["max_probability"], p.amax(1), atol=1e-5)
        assert np.allclose(own["entropy"], torch.special.entr(p).sum(1), atol=1e-4)


def test_every_exit_is_the_models_own_state_through_its_norm_and_head(repository: Repository) -> None:
    from transformers import AutoModelForCausalLM

    results = repository.root / "results/gemma"
    tokens, outcomes = rows(repository), pl.read_parquet(results / "exits/outcomes/*.parquet")
    assert len(outcomes) == len(tokens)
    network = AutoModelForCausalLM.from_pretrained(repository.root / "model", dtype=torch.float64).eval()
    last = network.config.num_hidden_layers
    sequence = tokens.with_row_index().partition_by("sequence", maintain_order=True)[0]
    own, targets = outcomes[sequence["index"].to_list()], torch.tensor(sequence["target"].to_list())
    with torch.no_grad():
        found = network(input_ids=torch.tensor([sequence["token"].to_list()]), output_hidden_states=True)
        seen = [network.model.norm(state) for state in found.hidden_states[1:last]]
        logits = {layer: CAP * (network.lm_head(state) / CAP).tanh()[0] for layer, state in enumerate(seen, start=1)}
    logits[last] = found.logits[0]
    log_p = {layer: z.log_softmax(1) for layer, z in logits.items()}
    for layer, z in logits.items():
        assert np.allclose(own[f"{layer}/loss"], cross_entropy(z, targets, reduction="none"), atol=1e-4)
        assert (own[f"{layer}/argmax"].to_numpy() == z.argmax(1).numpy()).mean() > 0.98  # of near ties either
        kl = (log_p[last].exp() * (log_p[last] - log_p[layer])).sum(1)
        assert np.allclose(own[f"{layer}/kl"], kl, atol=1e-4)
    items = pl.read_parquet(results / "metrics.parquet").filter(pl.col("section") == "exits")["item"].unique()
    assert {str(layer) for layer in logits} <= set(items)
    assert "# Layer by layer" in (results / "report.md").read_text(encoding="utf-8")
    assert '"documents": [[["' in (results / "report.html").read_text(encoding="utf-8")


def test_tokens_leave_in_truth_over_whole_test_documents(repository: Repository) -> None:
    results = repository.root / "results/gemma"
    tokens, outcomes = rows(repository), pl.read_parquet(results / "exits/outcomes/*.parquet")
    entries = json.loads((results / "policies/chosen.json").read_text())["points"]
    true = pl.read_parquet(results / "policies/true.parquet")
    left = [f"{number}/{name}" for number in range(len(entries)) for name in ("loss", "argmax", "exit")]
    assert true.columns == ["row", *left]
    own = tokens.with_row_index("row").filter(pl.col("part") == 2)
    assert len(true) == own.filter(pl.col("document").is_in(tokens["document"][true["row"]].implode())).height
    first = true.filter(pl.Series(tokens["position"][true["row"]] == 0))  # before whom nobody has left
    assert len(first) > 3
    for number, entry in enumerate(entries):
        exits, (head, *_) = entry["policy"]["exits"], entry["policy"]["signal"].split("/")
        assert set(true[f"{number}/exit"]) <= set(exits)
        for row, exit, loss in first.select("row", f"{number}/exit", f"{number}/loss").iter_rows():
            name = f"{exit}/translated/loss" if head == "translated" and exit != exits[-1] else f"{exit}/loss"
            assert abs(outcomes[name][row] - loss) < 1e-4
    items = pl.read_parquet(results / "metrics.parquet").filter(pl.col("section") == "true_exits")["item"]
    assert set(items) == {f"{own['policy']['kind']}/{own['policy']['signal']}@{own['point']}" for own in entries}


def test_validation_and_test_documents_are_parted(repository: Repository) -> None:
    tokens, summary = rows(repository), json.loads((repository.root / "results/gemma/tokens/summary.json").read_text())
    read = [summary["splits"][split]["tokens"] for split in ("validation", "test")]
    assert len(tokens) == sum(read)  # each token once: the first of a document too, after BOS
    assert set(tokens["part"]) == {0, 1, 2}
    assert tokens.group_by("document").agg(pl.col("part").n_unique())["part"].max() == 1
    counts = pl.read_parquet(repository.root / "results/gemma/rows/word_counts.parquet")["count"]
    assert (len(counts), counts.sum()) == (WORDS, summary["splits"]["train"]["tokens"])
    assert "unigram_surprisal" in pl.read_parquet_schema(
        repository.root / "results/gemma/signals/documents/context/000.parquet"
    )


def test_the_report_names_model_and_text(repository: Repository) -> None:
    folder = repository.root / "results/gemma"
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "Model: model, Gemma2ForCausalLM, run in float32 on windows of 48 tokens." in text
    assert "softly capped at 6" in text
    assert re.search(r"at [\d.]+ % of the whole model's multiply-adds", text)
    assert all((folder / link).is_file() for link in re.findall(r"\]\((figures/\S+?)\)", text))
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", text)
    assert set(pl.read_parquet(folder / "metrics.parquet")["protocol"]) == {"fair"}


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({}, set()),
        ({"window": 32, "packing": "packed", "batch_size": 4}, {"dump_huggingface", "tokenize_huggingface"}),
        ({"packing": "packed", "batch_size": 4}, {"dump_huggingface"}),
        ({"dtype": "bfloat16", "device": "cpu"}, {"dump_huggingface", "huggingface_head"}),
        ({"revision": "v2"}, {"dump_huggingface", "huggingface_head", "tokenize_huggingface"}),
        ({"dim": 32, "heads": 1}, set()),  # of a model that is trained here
        ({"exits": [1]}, set()),
    ],
)
def test_settings_rerun_what_reads_them(repository: Repository, change: dict[str, object], first: set[str]) -> None:
    run = OWN["runs"]["gemma"]
    changed = {**OWN, "runs": {"gemma": {**run, "model": {**run["model"], **change}}}}
    (repository.root / "changed.yaml").write_text(yaml.safe_dump(changed))
    ran = repository.would_run("results/gemma/report.md", overlay="changed.yaml")
    mine = {"tokenize_huggingface", "huggingface_head", "dump_huggingface"}
    assert ran & (mine | {"load_corpus"}) == first
    assert ("head_signals" in ran) == bool(first)
    assert ("report" in ran) == bool(change)  # the report shows all settings
    assert ran >= EXITS if first or "exits" in change else not EXITS & ran


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({"near": 0.3}, POLICIES),
        ({"probes": {"hidden": 9}}, {"exit_probes", *POLICIES}),
        ({"left_out_tokens": 900}, {"leave_out_layers"}),
        ({"true_tokens": 900}, {"true_exits"}),
        ({"guarantee": {"delta": 0.2}}, set()),
        ({"translators": {"max_epochs": 1}}, {"fit_exits", "exit_signals", "exit_probes", *POLICIES}),
        ({"states": "float16"}, {"exit_signals", "exit_probes", *POLICIES}),
    ],
)
def test_settings_of_exits_rerun_what_reads_them(
    repository: Repository, change: dict[str, object], rules: set[str]
) -> None:
    (repository.root / "changed.yaml").write_text(yaml.safe_dump(with_value(OWN, "defaults.exits", change)))
    ran = repository.would_run("results/gemma/report.md", overlay="changed.yaml")
    assert ran == {*rules, "evaluate", "report", "take_away"}  # whose folder has the hash of all settings


def test_what_is_wrong_is_named(repository: Repository) -> None:
    def fails(target: str, model: dict[str, object], *wanted: str, **environment: str) -> None:
        run = {"bad": {**OWN["runs"]["gemma"], "model": {"kind": "huggingface", **model}}}
        (repository.root / "wrong.yaml").write_text(yaml.safe_dump({"runs": run}))
        arguments = (target, "--cores", "2", "--resources", "gpu=0")
        failed = repository.snakemake(*arguments, overlay="wrong.yaml", check=False, **environment)
        output = failed.stdout + failed.stderr
        assert failed.returncode != 0
        assert any(all(word in line for word in wanted) for line in output.splitlines()), output

    dump, head = "results/bad/activations/documents/000.parquet", "results/bad/activations/head.safetensors"
    fails(dump, {"path": "model", "window": 65}, "runs.bad.model.window", "65", "at most 64")
    unreachable = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}
    fails(head, {"path": "gone/model"}, "error in huggingface_head", "model.path", "'gone/model'", **unreachable)
    assert not list((repository.root / "results/bad").rglob("activations/**/*.*"))
