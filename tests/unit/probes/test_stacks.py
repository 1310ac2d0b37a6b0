"""The stacks of a run, from files: what each reads, what that costs, and that fit rows meet held-out probes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from easyhard.atomic import write_json
from easyhard.probes.stacks import GOALS, grow_stacks, multiply_adds, stack_inputs
from easyhard.signals.catalogue import STACKS
from easyhard.signals.description import Description, describe
from easyhard.signals.registry import Sizes
from easyhard.signals.store import read_columns, write_columns

GROWTH: dict[str, Any] = {"tokens": 10_000, "learning_rates": [0.3], "leaves": [4], "max_trees": 20, "patience": 3}
GROWTH |= {"folds": 2, "tuning_tokens": 600, "importance_tokens": 400, "importance_repeats": 2}
SETTINGS = {"seed": 0, "main_threshold": 3, "refined": 8, "references": 16, "stacks": GROWTH}
TOKENS = 3_000
PART = np.repeat([0, 1, 2], 1_000).astype(np.int8)
SIZES = Sizes(dim=64, words=1_000, refined=8, references=16)


def known(*names: str) -> dict[str, Description]:
    return {name: describe(name, {}, SIZES) for name in names}


def test_inputs_of_each_stack() -> None:
    names = ("mlp_context_easy", "entropy", "hidden_norm", "lag_one", "plain/5/entropy", "weighted/5/entropy")
    needs = dict(zip(names, ("context", "head", "hidden", "context", "low_rank", "low_rank"), strict=True))
    given = {name: Description(kind, 1.0, None) for name, kind in needs.items()}
    given["oracle"] = Description("target", 1.0, None)
    assert stack_inputs(given, "weighted") == {
        "stack_hidden": ["hidden_norm"],
        "stack_low_rank": ["hidden_norm", "weighted/5/entropy"],
        "stack_context": ["lag_one"],
        "stack_hidden_context": ["mlp_context_easy", "hidden_norm", "lag_one"],
        "stack_head": ["entropy"],
        "stack_all": ["mlp_context_easy", "entropy", "hidden_norm", "lag_one", "weighted/5/entropy"],
    }
    assert list(stack_inputs(known("entropy"), "weighted")) == ["stack_head", "stack_all"]


def test_what_several_signals_need_is_paid_once() -> None:
    head, low = 64 * 1_000, lambda rank: rank * (64 + 1_000)
    assert multiply_adds(known("entropy", "margin")) == head
    assert multiply_adds(known("plain/2/entropy", "plain/5/entropy", "plain/2/margin")) == low(5)
    refined = low(5) + 8 * 64
    assert multiply_adds(known("plain/5/refined_entropy", "plain/5/refined_margin")) == refined
    assert multiply_adds(known("plain/5/entropy", "plain/5/refined_entropy", "entropy")) == low(5) + refined + head
    probes = {name: Description("hidden", cost, None) for name, cost in (("mlp_easy", 20.0), ("linear_easy", 3.0))}
    assert multiply_adds(probes | known("entropy")) == 23 + head


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A loss that the entropy tells a little of, a probe that knows fit losses by heart, and tables in two shards."""
    folder = tmp_path_factory.mktemp("stacks")
    random = np.random.default_rng(0)
    loss = random.gamma(2, 2, TOKENS).astype(np.float32)
    noise = random.normal(size=(3, TOKENS)).astype(np.float32)
    heart = np.where(PART == 0, loss, noise[0])
    tables = {
        "head": {"entropy": loss + 3 * noise[1]},
        "hidden": {"hidden_norm": noise[2]},
        "context": {"position": np.arange(TOKENS) % 50},
        "low_rank": {"plain/2/entropy": np.full(TOKENS, np.nan), "weighted/2/entropy": loss + 5 * noise[2]},
        "probes": {"mlp_loss@0": heart, "mlp_loss@1": np.full(TOKENS, np.nan)},
        "held_out": {"fold/mlp_loss": np.where(PART == 0, noise[0], np.nan)},
        "rows": {"document": np.arange(TOKENS) // 50, "loss": loss, "part": PART},
    }
    tables["low_rank"]["weighted/2/margin"] = np.zeros(TOKENS)
    tables["rows"] |= dict.fromkeys(("sequence", "position", "target_count"), np.zeros(TOKENS))
    given: dict[str, Any] = {"fitted": str(folder / "head.json"), "summary": str(folder / "summary.json")}
    for table, columns in tables.items():
        given[table] = [str(folder / f"{table}_{shard}.parquet") for shard in range(2)]
        for path, rows in zip(given[table], (slice(0, 1_700), slice(1_700, TOKENS)), strict=True):
            write_columns(path, {name: column[rows] for name, column in columns.items()})
    write_json(given["fitted"], {"words": 1_000, "dim": 64, "temperature": 1.0})
    write_json(given["summary"], {"costs": {"mlp_loss": {"multiply_adds": 77}}})
    return given


def test_a_stack_of_each_class_and_goal_speaks_of_every_token(files: dict[str, Any]) -> None:
    said, summary = grow_stacks(files, SETTINGS, "weighted", threads=1)
    batches = list(said)
    names = [stack + suffix for stack in STACKS for suffix in GOALS.values()]
    assert list(summary["costs"]) == list(summary["stacks"]) == names
    assert [list(batch) for batch in batches] == [[f"{name}@0" for name in names]]
    assert all(values.shape == (TOKENS,) and np.isfinite(values).all() for values in batches[0].values())
    assert summary["costs"]["stack_head"] == {"multiply_adds": 64_000}
    everything = summary["stacks"]["stack_all_loss"]
    read = ["mlp_loss", "entropy", "hidden_norm", "position", "weighted/2/entropy", "weighted/2/margin"]
    assert list(everything["importance"]) == read
    # by heart, the fit losses would be all that a stack looks at; held out, the probe says nothing
    assert everything["importance"]["entropy"][0] > 0.1 > abs(everything["importance"]["mlp_loss"][0])
    assert batches[0]["stack_all_loss@0"][PART == 2].mean() == pytest.approx(4, abs=0.5)


def test_what_knows_the_answer_is_in_no_stack(files: dict[str, Any], tmp_path: Path) -> None:
    tokens = read_columns(files["rows"], ["loss"])["loss"]
    leak = {"hidden_norm": np.zeros(TOKENS), "knn_distance": np.exp(-tokens), "oracle": tokens}
    write_columns(tmp_path / "hidden.parquet", leak)
    said, summary = grow_stacks(files | {"hidden": [str(tmp_path / "hidden.parquet")]}, SETTINGS, "weighted", 1)
    assert list(summary["caught"]) == ["knn_distance"]  # an oracle says so itself
    assert "traced" in summary["caught"]["knn_distance"]["reasons"]
    for stack in summary["stacks"].values():
        assert not {"knn_distance", "oracle"} & stack["importance"].keys()
    assert all(np.isfinite(values).all() for batch in said for values in batch.values())
