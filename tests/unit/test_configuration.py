"""Settings merge as told, and every wrong key, type or value gives one line that names it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from easyhard.configuration import (
    comparison_groups,
    load_runs,
    model_settings,
    overlay,
    run_kind,
    schema_defaults,
)
from easyhard.errors import InputError
from easyhard.model_config import check_window
from repository import with_value

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def changed(path: str, value: object) -> dict[str, Any]:
    return with_value(CONFIG, path, value)


def test_config_yaml_shows_every_default_of_the_schema() -> None:
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    assert CONFIG["defaults"] == schema_defaults(schema["$defs"]["settings"])


def test_defaults_fill_what_is_left_out() -> None:
    assert load_runs({"default_runs": ["a"], "runs": {"a": {}}}, SCHEMA) == {"a": CONFIG["defaults"]}


def test_a_run_goes_over_the_defaults() -> None:
    runs = load_runs(changed("defaults.training.patience", 7), SCHEMA)
    assert runs["wikitext2"]["training"]["patience"] == 7
    assert runs["wikitext2"]["tokens"] == {
        **{"tokenizer": "whitespace", "vocabulary_from": ["train", "validation"], "vocabulary_size": 4096}
    }
    assert runs["wikipedia"]["tokens"]["tokenizer"] == "words"


def test_overlay_changes_neither() -> None:
    base, own = {"a": {"b": [1]}}, {"a": {"c": [2]}}
    merged = overlay(base, own)
    merged["a"]["b"].append(3)
    merged["a"]["c"].append(3)
    assert (base, own) == ({"a": {"b": [1]}}, {"a": {"c": [2]}})


OTHERS = {"input": {"kind": "activations", "hidden": "states.npz"}}
WRONG = [
    ("defaults.training.patience", "three", "an integer of at least 1"),
    ("defaults.training.patience", True, "an integer of at least 1"),
    ("defaults.training.patience", 0, "an integer of at least 1"),
    ("defaults.training.learning_rate", 0, "a number above 0"),
    ("defaults.trainin", {}, "did you mean training"),
    ("nonsense", 1, "one of default_runs, defaults, runs"),
    ("runs.wikipedia.model", {"heads": 5}, "dim a multiple of 2 × heads"),
    ("runs.wikipedia.model", {"dim": 32}, "ranks from 1 to dim"),
    ("runs.wikipedia.model", 3, "a mapping of model settings"),
    ("runs.wikipedia_bpe.model", {"kind": "huggingface"}, "a model's folder, or its id on the Hub"),
    ("runs.wikipedia", OTHERS | {"model": {"kind": "huggingface"}}, "one of the two"),
    ("defaults.model.kind", "gpt2", "lego or huggingface"),
    ("defaults.model.window", 40_000, "an integer from 1 to 32768"),
    ("runs.wikipedia", None, "a mapping of settings"),
    ("runs.a b", {}, "letters, digits"),
    ("runs.corpora", {}, "neither corpora nor comparisons"),
    ("runs", {}, "a mapping from a run's name"),
    ("default_runs", ["nope"], "some of wikipedia_bpe, wikipedia, wikitext2"),
    ("comparisons.study", {}, "a mapping from a group's name"),
    ("comparisons.study.wikipedia", [], "a list of different runs"),
    ("default_runs", [], "a list of at least one run's name"),
    ("defaults.tokens.tokenizer", "wordpiece", "words, whitespace or bpe"),
    ("defaults.tokens.vocabulary_size", 100, "an integer of at least 258"),
    ("defaults.protocols", [], "a list of different protocols"),
    ("defaults.protocols", ["unfair"], "published or fair"),
    ("runs.wikipedia", {"protocols": ["published"], "input": {"kind": "signals", "path": "x"}}, r"wanted: \[fair\]"),
    ("defaults.tokens.vocabulary_from", ["test"], r"\[train\] or \[train, validation\]"),
    ("defaults.seed", -1, "an integer of at least 0"),
    ("defaults.low_rank.ranks", [1, 1], "a list of different ranks"),
    ("defaults.model.exits", "some", "all, {every: n}, a list of layers"),
    ("defaults.model.exits", [], "all, {every: n}, a list of layers"),
    ("defaults.model.exits", {"every": 0}, "all, {every: n}, a list of layers"),
    ("defaults.model.exits", [1, 4], "rising layers from 1 to 2 are wanted"),
    ("defaults.model.exits", [2], "leaves the last of 2 layers alone"),
    ("defaults.exits.heads", ["translated"], "lens among them"),
    ("defaults.training.exits", "joint", "model.blocks of several"),
    ("defaults.training.exit_weights", [1.0, 2.0], "one a block"),
    ("defaults.training.blocks.learning_rates", [1.0, 2.0], "one a block"),
    ("defaults.training.blocks.label", "entropy", "loss, distill or softmax"),
    ("defaults.model.exit_heads", "own", "model.blocks of several"),
    ("defaults.model.blocks", [], "a list of layers per block"),
    ("defaults.corpus.bundled.test", 1.0, "a share above 0 and below 1"),
    ("defaults.corpus.bundled.test", 0.9, "a sum less than 1"),
    ("defaults.loss_probes.test_share", 0.9, "a sum less than 1"),
    ("defaults.corpus.documents", "paragraph", "heading, whole, line or blank_line"),
    ("defaults.input.hidden", [], "a file, a folder or a pattern, a list of these"),
    ("defaults.input.ignored_target", "pad", "an integer, or null"),
    ("defaults.corpus.source", "files", "the folder of the text files"),
    ("defaults.input.kind", "signals", "the file of the signals"),
    ("defaults.input.kind", "activations", "the file of the activations"),
    ("runs.wikipedia", OTHERS | {"model": {"exits": [4, 8]}}, "those of one layer a token"),
    ("runs.wikipedia", {"input": {"kind": "signals", "path": "x"}, "model": {"exits": "all"}}, "wanted: null"),
    ("defaults.input.earlier", ["a", "a"], "a list of different names"),
    ("defaults.input.layer_multiply_adds", 0.5, "an integer of at least 1, or null"),
    ("defaults.input.names", {"losss": "nll"}, "one of hidden, head, head_bias, loss"),
    ("defaults.input.signals", {"mine": {"high_means": "good"}}, "easy, hard, or null to learn it"),
    ("defaults.input.signals", {"mine": {"predicts": "entropy"}}, "loss, or null where"),
    ("defaults.input.signals", {"mine": {"thresholds": [1, 1]}}, "a list of different numbers"),
    ("defaults.fair.fit", 0.9, "a sum less than 1"),
    ("defaults.fair.main_threshold", 4, "one of fair.thresholds"),
    ("defaults.fair_low_rank.ranks", [5, 64], "ranks below"),
    ("defaults.fair_low_rank.kinds", ["best"], "plain, centred or weighted"),
    ("defaults.stacks.leaves", [1], "an integer of at least 2"),
]


@pytest.mark.parametrize(("path", "value", "wanted"), WRONG)
def test_wrong_settings_are_named(path: str, value: object, wanted: str) -> None:
    with pytest.raises(InputError) as caught:
        load_runs(changed(path, value), SCHEMA)
    for line in str(caught.value).splitlines():
        assert line.startswith("config: ")
    first = str(caught.value).splitlines()[0]
    assert re.search(f"wanted.*{wanted}|{wanted}", first)
    named = path.split(".")
    assert any(key in first for key in named[-2:])


def test_the_runs_of_the_founding_authors_exits_differ_in_what_they_are_named_after() -> None:
    named = re.search(r"^EXITS := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert named
    runs = {name: load_runs(CONFIG, SCHEMA)[name] for name in named[1].split()}
    recipe = runs["lego_2_2"]
    assert [name for name in CONFIG["runs"] if name.startswith("lego")] == list(runs)
    for run in runs.values():
        assert run["protocols"] == ["fair"]
        assert run["model"]["exits"] in ([2, 4], "all")
        assert (run["corpus"], run["tokens"], run["fair"]) == (recipe["corpus"], recipe["tokens"], recipe["fair"])
    blocks = CONFIG["defaults"]["training"]["blocks"] | {"learning_rates": [0.001, 0.0001]}
    assert recipe["training"] == CONFIG["defaults"]["training"] | {"exits": "blocks", "blocks": blocks}
    for name, key, value in (
        ("distill", "label", "distill"),
        ("softmax", "label", "softmax"),
        ("whole", "repacked", False),
    ):
        changed_blocks = recipe["training"] | {"blocks": blocks | {key: value}}
        assert runs[f"lego_2_2_{name}"] == recipe | {"training": changed_blocks}
    assert runs["lego_2_2_own"] == recipe | {"model": recipe["model"] | {"exit_heads": "own"}}
    assert runs["lego_2_2_joint"] == recipe | {"training": CONFIG["defaults"]["training"] | {"exits": "joint"}}
    for layers in (4, 8):
        own = runs[f"lego_{layers}"]
        assert own["model"]["blocks"] == [layers]
        assert own["training"] == CONFIG["defaults"]["training"] | {"embedding": "trained", "reduction": "mean"}


def test_a_run_starts_from_what_model_and_input_say() -> None:
    own = {"model": {"kind": "huggingface", "path": "gpt2"}}
    runs = load_runs({"default_runs": ["a"], "runs": {"a": {}, "own": own, "states": OTHERS}}, SCHEMA)
    assert {name: run_kind(run) for name, run in runs.items()} == {
        "a": "trained",
        "own": "huggingface",
        "states": "activations",
    }
    assert model_settings(runs["a"]["model"]) == {
        "dim": 64,
        "heads": 4,
        "ffn_dim": 256,
        "blocks": [2],
        "exit_heads": "shared",
    }
    assert model_settings(runs["own"]["model"])["path"] == "gpt2"
    assert not set(model_settings(runs["own"]["model"])) & {"dim", "kind"}
    known = set(CONFIG["defaults"]["model"]) - {"kind", "exits"}
    assert set(model_settings(runs["a"]["model"])) | set(model_settings(runs["own"]["model"])) == known


def test_all_errors_are_shown_at_once() -> None:
    config = changed("defaults.seed", "x")
    config["defaults"]["training"]["patience"] = -1
    with pytest.raises(InputError) as caught:
        load_runs(config, SCHEMA)
    assert len(str(caught.value).splitlines()) == 2


def test_runs_of_a_group_are_there_and_differ_in_seed_alone() -> None:
    runs = load_runs(CONFIG, SCHEMA)
    assert comparison_groups(CONFIG, runs, "study")["wikitext2"] == ["wikitext2", "wikitext2_1", "wikitext2_2"]
    for members, wanted in (
        (["gone"], "'gone' is not a run"),
        (["wikipedia", "wikitext2"], "differ in corpus, tokens"),
    ):
        with pytest.raises(InputError, match=f"comparisons.study.mixed: .*{wanted}"):
            comparison_groups(changed("comparisons.study", {"mixed": members}), runs, "study")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"num_hidden_layers": 4}, r"runs.own.model.exits: \[2, 6\]; rising layers from 1 to 4 are wanted"),
        ({"n_layer": 1}, "runs.own.model.exits: 1 layer; a model of two layers or more"),
        ({"text_config": {"num_hidden_layers": 5}}, "layers from 1 to 5"),
        ({"num_hidden_layers": 6}, None),
        ({"other": 1}, None),
        (None, None),
    ],
)
def test_exits_of_a_model_in_a_folder_are_held_against_what_it_says(
    tmp_path: Path, written: dict[str, Any] | None, said: str | None
) -> None:
    if written is not None:
        (tmp_path / "config.json").write_text(json.dumps(written))
    own = {"model": {"kind": "huggingface", "path": str(tmp_path), "exits": [2, 6]}}
    config = {"default_runs": ["own"], "runs": {"own": own}}
    if said is None:
        assert load_runs(config, SCHEMA)["own"]["model"]["exits"] == [2, 6]
    else:
        with pytest.raises(InputError, match=said):
            load_runs(config, SCHEMA)


@pytest.mark.parametrize(
    ("written", "longest"),
    [
        ({"max_position_embeddings": 64}, 64),
        ({"n_positions": 64}, 64),
        ({"max_seq_len": 64}, 64),
        ({"text_config": {"max_position_embeddings": 64}}, 64),
        ({"model_type": "roberta", "max_position_embeddings": 66, "pad_token_id": 1}, 64),
        ({"model_type": "mamba"}, None),
        ({"max_position_embeddings": None}, None),
        ({"max_position_embeddings": -1}, None),
    ],
)
def test_windows_are_held_against_the_context_of_a_model_in_a_folder(
    tmp_path: Path, written: dict[str, Any], longest: int | None
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(written))

    def load(window: int) -> None:
        own = {"model": {"kind": "huggingface", "path": str(tmp_path), "window": window}}
        load_runs({"default_runs": ["own"], "runs": {"own": own}}, SCHEMA)

    load(64)
    check_window(tmp_path, 64)
    if longest is None:
        load(4096)
        return
    with pytest.raises(InputError, match=r"runs\.own\.model\.window: 65 is beyond the 64 tokens .*wanted: at most 64"):
        load(65)
    with pytest.raises(InputError, match=r"^model\.window: 65 is beyond the 64 tokens .* at most 64 is wanted"):
        check_window(tmp_path, 65)
