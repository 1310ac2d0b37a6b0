"""Exits of a made-up model, of whose tokens it is known after which layer they are settled: every figure by hand."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from easyhard.atomic import write_json
from easyhard.errors import InputError
from easyhard.evaluation.exit_names import ExitName, exit_name
from easyhard.evaluation.exits import WORD_KINDS, exit_rows, read_heads, word_kinds
from easyhard.evaluation.measures import MEASURES, exits
from easyhard.evaluation.rows import Row
from easyhard.evaluation.run import Run
from easyhard.parquet import write_parquet
from easyhard.signals import declare
from easyhard.signals.declare import Signal
from easyhard.signals.store import read_columns, write_columns

# A row a token of the pattern that every document repeats: first choices and losses after layers 1, 2 and 4, the target
CHOICES = np.array([[5, 5, 5], [5, 6, 5], [7, 5, 5], [7, 7, 5], [7, 8, 5], [5, 5, 5], [7, 8, 5], [5, 5, 5]])
LOSSES = np.array([[1, 1, 1], [1, 3, 1], [3, 1, 1], [1, 1, 3], [4, 4, 4], [6, 6, 6], [3, 2, 1], [1.05, 1, 1]])
TARGETS = np.array([5, 5, 5, 7, 9, 9, 5, 5])
EXITS, PERIOD, WORDS, DIM, LAST = (1, 2, 4), 8, 12, 6, 4
RANDOM = np.random.default_rng(0)
DOCUMENT = np.repeat(np.arange(90), PERIOD * RANDOM.integers(1, 5, 90)).astype(np.int32)
PLACE = np.arange(len(DOCUMENT)) % PERIOD
PART = (DOCUMENT % 3).astype(np.int8)
TEST = PART == 2
SETTINGS: dict[str, Any] = {
    "seed": 3,
    "fair": {"thresholds": [3], "main_threshold": 3, "resamples": 50, "references": 1},
    "fair_low_rank": {"refined": 1},
    "near": 0.1,
    "exit_rank": 3,
    "point": "perplexity_1",
    "guarantee": {"disagreement": 0.1, "excess": 0.1, "clip": 5.0, "delta": 0.1},
}
SUMMARY = {
    "layers": [100, 200, 300, 200],
    "keys_values": [10] * 4,
    "attention": [1] * 4,
    "head": 1000,
    "costs": {"1/mlp_stays": {"multiply_adds": 50, "needs": "hidden"}},
}
STAND_INS = (
    Signal("state_cosine", "cosine", "cos", "layers", True, "here", multiply_adds=lambda sizes: 2 * sizes.dim),
    Signal("previous_depth", "depth before", "depth", "context", False, "here", multiply_adds=lambda sizes: 0),
)
LEFT_OUT = np.flatnonzero(TEST)[DOCUMENT[TEST] < 30]
TEXTS = [*("12", ",", "the", "@-@", "a1"), *(["b"] * (WORDS - 5))]


def noisy(values: np.ndarray) -> np.ndarray:
    return (values + RANDOM.normal(size=len(values))).astype(np.float32)


def outcomes() -> dict[str, np.ndarray]:
    """Rows that are not for testing have losses far off, and the pattern begins elsewhere: they have no say."""
    held, place = {}, np.where(TEST, PLACE, (PLACE + 3) % PERIOD)
    for number, layer in enumerate(EXITS):
        held[f"{layer}/loss"] = (LOSSES[place, number] + np.where(TEST, 0, 30)).astype(np.float32)
        held[f"{layer}/argmax"] = CHOICES[place, number].astype(np.int32)
        held[f"{layer}/kl"] = np.where(TEST, (PLACE < 2) * (LAST - layer), 9).astype(np.float32)
    for name in ("loss", "argmax", "kl"):
        held |= {f"{layer}/{head}/{name}": held[f"2/{name}"] for layer in (1, 2) for head in ("translated", "own")}
    return held


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("run")
    rows = {
        "document": DOCUMENT,
        "sequence": np.arange(len(DOCUMENT)) // 4,
        "part": PART,
        "loss": LOSSES[PLACE, 2].astype(np.float32),
    }
    rows |= {"position": (PLACE % 3).astype(np.int16), "target_count": np.where(PLACE < 2, 0, 500)}
    rows |= {"target": TARGETS[PLACE], "token": PLACE}
    stays, rng = np.isin(PLACE, (0, 5, 7)), np.random.default_rng(1)
    signals = {f"{layer}/max_probability": noisy(stays) for layer in (1, 2)}
    signals |= {"1/state_cosine": rng.random(len(PLACE)), "1/translated/entropy": noisy(~stays)}
    signals |= {"2/low_rank/margin": noisy(stays)}
    probes = {"1/mlp_stays@0": noisy(3 * stays), "1/mlp_stays@1": noisy(stays), "2/previous_depth": noisy(~stays)}
    left_out = {"row": LEFT_OUT, "loss": LOSSES[PLACE[LEFT_OUT], 2]}
    for layer in range(1, LAST + 1):
        left_out |= {f"{layer}/loss": left_out["loss"] + layer, f"{layer}/influence": np.full(len(LEFT_OUT), layer / 8)}
    for name, columns in (("rows", rows), ("exit_probes", probes), ("exit_left_out", left_out)):
        write_columns(folder / f"{name}.parquet", columns)
    for name, columns in (("exit_outcomes", outcomes()), ("exit_signals", signals)):
        for shard, part in enumerate((slice(0, 400), slice(400, None))):
            write_columns(folder / f"{name}_{shard}.parquet", {key: own[part] for key, own in columns.items()})
    write_parquet(folder / "vocabulary.parquet", pa.table({"token": TEXTS}))
    write_json(folder / "exits_summary.json", SUMMARY)
    write_json(folder / "fitted.json", {"words": WORDS, "dim": DIM})
    own = {name: str(folder / f"{name}.parquet") for name in ("rows", "exit_probes", "exit_left_out", "vocabulary")}
    own |= {name: str(folder / f"{name}.json") for name in ("exits_summary", "fitted")}
    return own | {
        name: [str(folder / f"{name}_{shard}.parquet") for shard in range(2)]
        for name in ("exit_outcomes", "exit_signals")
    }


@pytest.fixture(scope="module", autouse=True)
def registry() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for entry in STAND_INS:
            patch.setitem(declare.REGISTERED, entry.name, entry)
        yield


Found = dict[tuple[str, str, str], Row]


def measured(files: dict[str, Any], threads: int = 2) -> Found:
    rows = exits(Run(files, SETTINGS, threads))
    named = {(row.section, row.item, row.metric): row for row in rows}
    assert len(named) == len(rows)
    return named


@pytest.fixture(scope="module")
def found(files: dict[str, Any]) -> Found:
    return measured(files)


def values(found: Found, item: str, section: str = "exits") -> dict[str, float | None]:
    return {metric: row.value for (own, name, metric), row in found.items() if (own, name) == (section, item)}


FIRST = {
    "mean_loss": 20.05 / 8,
    "perplexity": math.exp(20.05 / 8),
    "agreement": 4 / 8,
    "mean_excess": 2.05 / 8,
    "kl": 6 / 8,
    "stays": 3 / 8,
    "mean_loss_stays": 8 / 3,
    "mean_loss_other": 10 / 5,
    "agrees_share": 4 / 8,
    "stays_share": 3 / 8,
    "near_share": 6 / 8,
    "right_share": 4 / 8,
    "fails_share": 2 / 8,
    "multiply_adds": 1100,
    "compute_share": 1100 / 1800,
}
SECOND = {
    **{"mean_loss": 19 / 8, "agreement": 4 / 8, "mean_excess": 1 / 8, "stays": 4 / 8, "kl": 4 / 8},
    **{"right_share": 4 / 8, "fails_share": 2 / 8, "multiply_adds": 1300},
}


def test_each_exit_by_hand(found: Found) -> None:
    first, second, last = (values(found, str(layer)) for layer in EXITS)
    assert {name: first[name] for name in FIRST} == pytest.approx(FIRST)
    assert {name: second[name] for name in SECOND} == pytest.approx(SECOND)
    of_last = {"mean_loss": 18 / 8, "agreement": 1, "mean_excess": 0, "kl": 0, "stays": 1, "compute_share": 1}
    assert {name: last[name] for name in of_last} == pytest.approx(of_last)
    assert last["mean_loss_other"] is None
    assert "stays_share" not in last


def test_documents_that_are_all_alike_leave_no_doubt(found: Found) -> None:
    for metric in ("perplexity", "agreement", "mean_loss_stays"):
        row = found["exits", "1", metric]
        assert (row.ci_low, row.ci_high) == pytest.approx((row.value, row.value))


def test_another_head_has_exits_of_its_own_up_to_the_last(found: Found) -> None:
    moved = values(found, "1/translated")
    assert moved["multiply_adds"] == 1100 + DIM**2
    assert values(found, "1/own")["multiply_adds"] == 1100
    assert moved["stays"] == pytest.approx(SECOND["stays"])
    assert not values(found, "4/translated")


def test_a_pass_of_the_head_is_told_in_layers(found: Found) -> None:
    model = values(found, "model")
    assert (model["layers_per_head_pass"], model["layers"], model["layer_multiply_adds"]) == (5, 4, 200)


def test_layers_left_out_stand_beside_the_whole_model_on_the_same_tokens(found: Found) -> None:
    whole = LOSSES[PLACE[LEFT_OUT], 2].mean()
    model, third = values(found, "model"), values(found, "3")
    assert model["left_out_perplexity"] == pytest.approx(math.exp(whole))
    assert model["left_out_tokens"] == len(LEFT_OUT)
    expected = {"left_out_perplexity": math.exp(whole + 3), "left_out_excess": 3, "influence": 3 / 8}
    assert third == pytest.approx(expected), "a layer that is no exit has these alone"
    assert found["exits", "1", "left_out_excess"].ci_low == pytest.approx(1)


def test_layers_left_out_of_one_document_are_judged_by_its_sequences(files: dict[str, Any], tmp_path: Path) -> None:
    one = {name: own[DOCUMENT[LEFT_OUT] == 2] for name, own in read_columns(files["exit_left_out"]).items()}
    write_columns(tmp_path / "one.parquet", one)
    row = measured(files | {"exit_left_out": str(tmp_path / "one.parquet")})["exits", "2", "left_out_excess"]
    assert (row.value, row.ci_low) == pytest.approx((2, 2))


def test_depth_by_kind_of_token(found: Found) -> None:
    depth = np.array([1, 4, 2, 4, 4, 1, 4, 1])
    expected = {
        "all": range(8),
        **{"frequency_0": (0, 1), "frequency_101_1000": range(2, 8)},
        **{"position_0": (0, 3, 6), "position_1_3": (1, 2, 4, 5, 7)},
        **{"number": (0, 4), "punctuation": (1, 3), "word": (2, 5, 6, 7)},
    }
    items = {item.removeprefix("depth/") for section, item, _ in found if item.startswith("depth/")}
    assert items == set(expected)
    for kind, places in expected.items():
        own = values(found, f"depth/{kind}")
        assert own == pytest.approx({"mean_depth": depth[list(places)].mean(), "share": len(places) / 8})


def test_word_kinds_of_byte_pairs_and_of_other_alphabets() -> None:
    texts = {
        "Ġthe": "word",
        "âĢĵ": "punctuation",
        "Ġ1990s": "number",
        "Ċ": "punctuation",
        "ÃŃ": "word",
        "Ġ(": "punctuation",
    }
    assert [WORD_KINDS[kind] for kind in word_kinds(list(texts))] == list(texts.values())
    assert [WORD_KINDS[kind] for kind in word_kinds(["▁été", "東京", "—", "½"])] == [
        "word",
        "word",
        "punctuation",
        "number",
    ]


def test_signals_have_class_and_cost_of_their_head(found: Found) -> None:
    expected = {
        "1/max_probability": ("head", WORDS * DIM),
        "1/state_cosine": ("layers", 2 * DIM),
        "1/translated/entropy": ("head", WORDS * DIM + DIM**2),
        "2/low_rank/margin": ("low_rank", 3 * (WORDS + DIM)),
        "1/mlp_stays": ("probes", 50),
        "2/previous_depth": ("context", 0),
    }
    for item, (name, cost) in expected.items():
        own = values(found, item, "exit_signals")
        assert (own["multiply_adds"], own["layers"]) == (cost, cost / 200)
        assert [metric for metric in own if metric.startswith("class_")] == [f"class_{name}"]
    assert values(found, "1/mlp_stays", "exit_signals")["seeds"] == 2


def test_a_signal_of_another_head_tells_of_that_heads_exits(found: Found) -> None:
    always = values(found, "1/translated/entropy", "exit_signals")["f1_always_stays"]
    assert always == pytest.approx(2 * 0.5 / 1.5)
    assert values(found, "1/max_probability", "exit_signals")["f1_always_stays"] == pytest.approx(2 * 3 / 11)


def test_threads_change_no_figure(files: dict[str, Any], found: Found) -> None:
    assert measured(files, threads=1) == found


def test_runs_without_exits_have_none_and_parts_may_be_missing(files: dict[str, Any]) -> None:
    assert exits in MEASURES["fair"]
    assert exits(Run({"rows": files["rows"]}, SETTINGS, 1)) == []
    fewer = {name: own for name, own in files.items() if name not in ("exit_left_out", "vocabulary", "exit_probes")}
    found = measured(fewer)
    assert not values(found, "3")
    assert ("exits", "depth/all", "share") in found
    assert ("exits", "depth/word", "share") not in found


def test_outcomes_that_are_not_finite_are_named(files: dict[str, Any], tmp_path: Path) -> None:
    broken = outcomes()
    broken["2/kl"][5] = np.nan
    write_columns(tmp_path / "broken.parquet", broken)
    with pytest.raises(InputError, match=r"2/kl: 1 of \d+ values are not finite \(first at row 5\)"):
        read_heads(Run(files | {"exit_outcomes": str(tmp_path / "broken.parquet")}, SETTINGS, 1))


def test_names_are_taken_apart() -> None:
    assert exit_name("12/kl") == ExitName(12, "", "kl")
    assert exit_name("2/low_rank/max_probability") == ExitName(2, "low_rank", "max_probability")


def test_rows_of_exits_alone_are_a_section_of_their_own(files: dict[str, Any]) -> None:
    run = Run(files, SETTINGS, 1)
    assert {row.section for row in exit_rows(run, read_heads(run))} == {"exits"}
