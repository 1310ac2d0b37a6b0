"""What the report says of how a run was made."""

import hashlib
from pathlib import Path
from typing import Any

from easyhard.atomic import write_json
from easyhard.report.setup import make_setup, model_in_words

SETTINGS = {"path": "models/mine", "revision": None, "dtype": "bfloat16", "packing": "document", "window": 512}
SUMMARY = {"architecture": "LlamaForCausalLM", "words": 32_000, "dim": 64, "bias": False, "softcap": None}


class Files(dict[str, Any]):
    """Inputs by their names, as a job has them."""

    __getattr__ = dict.__getitem__


def test_a_model_is_described_with_what_is_special() -> None:
    said = model_in_words(SETTINGS, SUMMARY)
    assert said.startswith("Model: models/mine, LlamaForCausalLM, run in bfloat16 on windows of 512 tokens. No window")
    assert said.endswith("64 numbers; the head has 32,000 words.")
    said = model_in_words(SETTINGS | {"revision": "v2", "packing": "packed"}, SUMMARY | {"bias": True, "softcap": 30.0})
    for words in ("models/mine at v2", "joined by EOS", "a bias, a constant last coordinate", "softly capped at 30,"):
        assert words in said


def test_each_kind_of_run_has_its_set_up(tmp_path: Path) -> None:
    benchmark = tmp_path / "results" / "mine" / "benchmarks" / "head" / "000.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text("s\tmax_rss\n1.5\t-\n")
    data, tokens, model = (tmp_path / name for name in ("own.npz", "summary.json", "model.json"))
    data.write_bytes(b"numbers")
    write_json(tokens, {"source": "WikiText-2", "credit": "CC BY-SA", "corpus_sha256": "ab", "tokens_sha256": "cd"})
    write_json(model, SUMMARY | {"device": "CPU"})
    read = Files(benchmarks=[str(benchmark)], tokens=str(tokens), model=str(model))
    given = {"kind": "activations", "hidden": str(data), "head": None, "names": {"loss": "l"}, "head_softcap": 30.0}
    brought = make_setup("mine", "activations", {"input": given}, Files(benchmarks=[str(benchmark)]))
    assert brought.corpus["source"] == f"Activations from elsewhere: {data}."
    assert brought.corpus["sha256"] == hashlib.sha256(hashlib.sha256(b"numbers").digest()).hexdigest()
    assert brought.steps == [("head/000", 1.5, None)]
    trained = make_setup("mine", "trained", {}, read)
    assert (trained.corpus["source"], trained.device) == ("Text: WikiText-2.", "CPU")
    assert not trained.is_founding_corpus
    elsewhere = make_setup("mine", "huggingface", {"model": SETTINGS}, read)
    assert elsewhere.corpus["source"].startswith("Model: models/mine")
    assert elsewhere.corpus["source"].endswith("\n\nWikiText-2.")
