"""Exit policies of a made-up model of three exits, one of whose signals knows the excess loss and one knows nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from easyhard.atomic import write_json
from easyhard.evaluation.exits import read_heads
from easyhard.evaluation.policies import policy_rows, true_rows
from easyhard.evaluation.rows import Row
from easyhard.evaluation.run import Run
from easyhard.evaluation.trials import Trials, chosen, try_all
from easyhard.policies.policy import Policy
from easyhard.signals.store import read_columns, write_columns

EXITS, WORDS, DIM = (1, 2, 4), 50, 8
RANDOM = np.random.default_rng(0)
DOCUMENT = np.repeat(np.arange(120), RANDOM.integers(40, 90, 120)).astype(np.int32)
TOKENS = len(DOCUMENT)
PART = (DOCUMENT % 3).astype(np.int8)
TEST = PART == 2
LAST = RANDOM.gamma(2, 1.5, TOKENS)
EXCESS = {1: RANDOM.normal(0.5, 1, TOKENS), 2: RANDOM.normal(0.1, 0.5, TOKENS), 4: np.zeros(TOKENS)}
WORD = {layer: np.where(np.abs(EXCESS[layer]) < 0.4, 7, 3 + layer) for layer in EXITS}
SETTINGS: dict[str, Any] = {
    "seed": 3,
    "fair": {"thresholds": [3], "main_threshold": 3, "resamples": 100, "references": 1},
    "fair_low_rank": {"refined": 1},
    "near": 0.1,
    "exit_rank": 3,
    "point": "perplexity_1",
    "guarantee": {"disagreement": 0.3, "excess": 0.1, "clip": 5.0, "delta": 0.1},
}
SUMMARY = {
    "layers": [100, 100, 100, 100],
    "keys_values": [10] * 4,
    "attention": [1] * 4,
    "head": WORDS * DIM,
    "costs": {f"{layer}/linear_excess": {"multiply_adds": 8, "needs": "layers"} for layer in (1, 2)},
}
LEARNT, SOFTMAX = "learnt/linear_excess", "max_probability"
Found = dict[tuple[str, str, str], Row]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    rows = {
        "document": DOCUMENT,
        "sequence": np.arange(TOKENS) // 16,
        "position": (np.arange(TOKENS) % 16).astype(np.int16),
        "part": PART,
        "loss": LAST.astype(np.float32),
        "target_count": np.full(TOKENS, -1),
        "target": np.full(TOKENS, 7),
    }
    outcomes = {f"{layer}/loss": (LAST + EXCESS[layer]).astype(np.float32) for layer in EXITS}
    outcomes |= {f"{layer}/argmax": WORD[layer].astype(np.int32) for layer in EXITS}
    outcomes |= {f"{layer}/kl": np.abs(EXCESS[layer]).astype(np.float32) for layer in EXITS}
    signals = {f"{layer}/max_probability": RANDOM.random(TOKENS).astype(np.float32) for layer in (1, 2)}
    signals |= {"2/patience": (WORD[1] == WORD[2]).astype(np.float32), "2/same_argmax": np.zeros(TOKENS, np.float32)}
    probes = {f"{layer}/linear_excess": EXCESS[layer].astype(np.float32) for layer in (1, 2)}
    probes |= {"1/previous_depth": np.ones(TOKENS, np.float32)}
    for name, columns in (
        ("rows", rows),
        ("exit_outcomes", outcomes),
        ("exit_signals", signals),
        ("exit_probes", probes),
    ):
        write_columns(folder / f"{name}.parquet", columns)
    write_json(folder / "exits_summary.json", SUMMARY)
    write_json(folder / "fitted.json", {"words": WORDS, "dim": DIM})
    files = {path.stem: str(path) for path in folder.iterdir()}
    return Run(files, SETTINGS, threads=2)


@pytest.fixture(scope="module")
def found(run: Run) -> Found:
    return {(row.section, row.item, row.metric): row for row in policy_rows(run, read_heads(run))}


def value(found: Found, section: str, item: str, metric: str) -> float:
    own = found[section, item, metric].value
    assert own is not None
    return own


def test_baselines_and_oracles_are_those_of_a_loop(found: Found) -> None:
    context = (np.arange(TOKENS) % 16)[TEST].mean() + 1
    layer, whole = 100 + context, 4 * (100 + context) + 400
    costs = {1: layer + 30 + 400, 2: 2 * layer + 20 + 400, 4: whole}
    for exit in EXITS:
        assert value(found, "policies", f"fixed/{exit}", "excess") == pytest.approx(EXCESS[exit][TEST].mean(), abs=1e-6)
        assert value(found, "policies", f"fixed/{exit}", "compute") == pytest.approx(costs[exit] / whole)
    taken = np.where(EXCESS[1] <= 0.1, 1, np.where(EXCESS[2] <= 0.1, 2, 4))[TEST]
    lost = np.select([taken == exit for exit in EXITS], [EXCESS[exit][TEST] for exit in EXITS])
    assert value(found, "policies", "oracle/near_0.1", "excess") == pytest.approx(lost.mean(), abs=1e-6)
    spent = np.select([taken == exit for exit in EXITS], [costs[exit] / whole for exit in EXITS])
    assert value(found, "policies", "oracle/near_0.1", "compute") == pytest.approx(spent.mean())


def test_who_is_chosen_and_what_it_gains(found: Found) -> None:
    roles = {metric: item for section, item, metric in found if metric.startswith("role_")}
    assert roles == {
        "role_best": LEARNT,
        "role_learnt": LEARNT,
        "role_softmax": roles["role_softmax"],
        "role_patience": "patience/patience",
    }
    assert roles["role_softmax"].endswith(f"/{SOFTMAX}")
    own = found["policies", LEARNT, "over_fixed"]
    assert own.ci_low is not None
    assert own.ci_low > 0.1
    assert value(found, "policies", LEARNT, "compute_perplexity_1") < 0.75
    assert value(found, "policies", LEARNT, "excess_perplexity_1") < 0.02
    pair = next(item for section, item, _ in found if section == "policy_differences" and LEARNT in item)
    sign = 1 if pair.startswith(LEARNT) else -1
    first, second = pair.split(" | ")
    areas = [value(found, "policies", item, "area") for item in (first, second)]
    difference = found["policy_differences", pair, "area"]
    assert difference.value == pytest.approx(areas[0] - areas[1])
    assert sign * difference.value > 0
    names = {item.partition("/")[2] for section, item, _ in found if section == "policies"}
    assert not names & {"previous_depth", "same_argmax"}  # of earlier tokens; said by patience


def test_patience_pays_for_the_pass_that_it_compares_with(found: Found) -> None:
    costs = value(found, "policies", "fixed/2", "compute")
    whole = 400 / value(found, "policies", "fixed/4", "compute")
    loosest = max(item for section, item, _ in found if section == "policy_curves" and item.startswith("patience"))
    share = 400 / (4 * (100 + (np.arange(TOKENS) % 16)[TEST].mean() + 1) + whole)
    assert value(found, "policy_curves", loosest, "compute") == pytest.approx(costs + share)


def test_depths_and_drafts_and_guarantees(found: Found) -> None:
    shares = [value(found, "policy_depths", "all", f"leaves_{layer}") for layer in EXITS]
    assert sum(shares) == pytest.approx(1)
    assert value(found, "policy_depths", "all", "mean_depth") == pytest.approx(np.dot(shares, EXITS))
    agrees = (WORD[2] == WORD[4])[TEST]
    assert value(found, "draft", "2", "acceptance") == pytest.approx(agrees.mean())
    item = f"{LEARNT}/excess/risk_control"
    assert value(found, "guarantees", item, "certified") == 1
    assert value(found, "guarantees", item, "calibrated") == 20
    assert value(found, "guarantees", item, "risk") < 0.1
    assert value(found, "guarantees", item, "compute") < 1
    few = f"{LEARNT}/excess/learn_then_test"
    assert value(found, "guarantees", few, "certified") == 0
    assert value(found, "guarantees", few, "needed") > 20


def test_what_a_true_pass_is_made_of_and_what_is_said_of_it(run: Run, tmp_path: Path) -> None:
    heads = read_heads(run)
    trials = Trials(run, heads)
    given = chosen(try_all(trials, lambda own, _: own, "policies"), "perplexity_1")
    assert given["taken"]["policy"]["signal"] == "linear_excess"
    policy = next(own["policy"] for own in given["points"] if own["point"] == "layers_50")
    rows = np.flatnonzero(TEST)[:500]
    found = trials.levels(Policy.from_json(policy), trials.read(policy["signal"]), rows)
    columns: dict[str, np.ndarray] = {"row": rows}
    for number, entry in enumerate(given["points"]):
        own = Policy.from_json(entry["policy"])
        values = trials.read(own.signal)
        exit = np.full(len(rows), 4)
        for place in (1, 0):
            if EXITS[place] in values:
                leaves = own.leaves(place, values[EXITS[place]][rows], trials.position[rows])
                exit[leaves] = EXITS[place]
        lost = np.select([exit == layer for layer in EXITS], [EXCESS[layer][rows] for layer in EXITS])
        columns |= {f"{number}/loss": LAST[rows] + lost + 0.5, f"{number}/exit": exit}
        columns[f"{number}/argmax"] = np.full(len(rows), 7)
    write_columns(tmp_path / "true.parquet", columns)
    write_json(tmp_path / "policies.json", given)
    more = {"true_exits": str(tmp_path / "true.parquet"), "policies": str(tmp_path / "policies.json")}
    made = true_rows(Run(run.files | more, SETTINGS, 1), heads)
    said = {(row.item, row.metric): row.value for row in made}
    for entry in given["points"]:
        item = f"{Policy.from_json(entry['policy']).name}@{entry['point']}"
        assert said[item, "error"] == pytest.approx(0.5, abs=1e-6)  # half a nat was added to every token
        assert said[item, "true_depth"] == pytest.approx(said[item, "simulated_depth"])
        assert said[item, "tokens"] == 500
        after = {layer: said[item, f"error_after_{layer}"] for layer in EXITS}
        assert sum(after.values()) == pytest.approx(0.5, abs=1e-6)
        assert sum(4 * layer * part for layer, part in after.items()) == pytest.approx(2 * said[item, "true_depth"])
    assert len(found) == 2
    assert read_columns(tmp_path / "true.parquet", ["row"])["row"].tolist() == rows.tolist()
