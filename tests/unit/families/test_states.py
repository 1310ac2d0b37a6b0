"""The loop over states: every family sees every batch, tables are put together, shards give what one file gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from easyhard.activations.store import write_shard
from easyhard.atomic import read_json, write_json
from easyhard.families.states import Batch, Context, Family, Tables, open_families, parts_of_shard, run_pass
from easyhard.logits.low_rank import PEARSON_TOKENS
from easyhard.progress import Progress
from easyhard.signals.store import read_columns, write_columns
from easyhard.signals.tokens import FIT, TEST

DIM, WORDS = 6, 40
ROWS, DOCUMENTS = 20_000, 7  # two and a half row groups
CUT = 11_111  # where the second shard begins, in the midst of a document
ROWS_OF = {"all": slice(0, ROWS), "0": slice(0, CUT), "1": slice(CUT, ROWS), "none": slice(ROWS, ROWS)}
CPU = torch.device("cpu")


class Files:
    """A run of 20,000 tokens in one shard and in two, and a shard without tokens."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.folder, self.head = folder, torch.tensor(rng.standard_normal((WORDS, DIM)), dtype=torch.float32)
        self.columns: dict[str, NDArray[Any]] = {
            "sequence": np.arange(ROWS, dtype=np.int32) // 32,
            "position": (np.arange(ROWS) % 32).astype(np.int16),
            "document": np.sort(rng.integers(0, DOCUMENTS, ROWS)).astype(np.int32),
            "token": rng.integers(0, WORDS, ROWS).astype(np.int32),
            "target": rng.integers(0, WORDS, ROWS).astype(np.int32),
            "loss": rng.random(ROWS, dtype=np.float32),
            "hidden": rng.standard_normal((ROWS, DIM), dtype=np.float32),
        }
        self.part = (self.columns["document"] % 3).astype(np.int8)
        for name, rows in ROWS_OF.items():
            batch = {key: values[rows] for key, values in self.columns.items()}
            write_shard(folder / f"{name}.parquet", [batch | {"split": np.full(len(batch["loss"]), "test")}], DIM, {})
        tokens = {name: self.columns[name] for name in ("document", "token", "position", "loss")}
        write_columns(folder / "tokens.parquet", tokens | {"part": self.part})
        write_columns(folder / "counts.parquet", {"count": np.arange(WORDS)})

    def run(self, shard: str, families: dict[str, dict[str, Any]], *tables: str, parted: bool = True) -> dict[str, Any]:
        """The tables of a pass over a shard, and its summary."""
        files: dict[str, Any] = {"activations": self.folder / f"{shard}.parquet"}
        if parted:
            files |= {"tokens": self.folder / "tokens.parquet", "counts": self.folder / "counts.parquet"}
            write_json(self.folder / "shards.json", {"first_rows": [ROWS_OF[shard].start]})
            files["shards"] = self.folder / "shards.json"
        first, part = parts_of_shard(files, 0)
        rows = ROWS_OF[shard].stop - ROWS_OF[shard].start
        opened = open_families(
            families, lambda settings: Context(files, settings, self.head, None, CPU, first, part, rows)
        )
        outputs = {name: str(self.folder / f"{shard}-{name}.out") for name in (*tables, "summary")}
        progress = Progress("pass", rows, "tokens")
        run_pass(files["activations"], opened, outputs, part=part, device=CPU, progress=progress)
        found: dict[str, Any] = {name: read_columns(outputs[name]) for name in tables}
        return found | {"summary": read_json(outputs["summary"])}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("states"))


FAMILIES: dict[str, tuple[dict[str, dict[str, Any]], tuple[str, ...]]] = {
    "head": (
        {"head": {"only": ["entropy", "target_probability"]}, "words": {"draws": 2, "seed": 3}},
        ("signals", "words"),
    ),
    "context": ({"context": {}}, ("context",)),
    "low_rank": (
        {"low_rank": {"kinds": ["centred", "plain"], "ranks": [3, 2], "refined": 5, "fit_too": ["plain"]}},
        ("signals", "words"),
    ),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_two_shards_say_what_one_says(files: Files, name: str) -> None:
    """Draws of targets are numbered through the run; what stands before a shard in its document is known there."""
    families, tables = FAMILIES[name]
    whole, first, second, none = (files.run(shard, families, *tables) for shard in ROWS_OF)
    for table in tables:
        assert none[table] == {}
        assert list(whole[table]) == list(first[table]) == list(second[table])
        for column, values in whole[table].items():
            parts = np.concatenate([first[table][column], second[table][column]])
            np.testing.assert_allclose(parts, values, rtol=1e-6, err_msg=column)


def test_words_are_of_test_tokens_alone(files: Files) -> None:
    families, tables = FAMILIES["head"]
    found = files.run("all", families, *tables)
    logits = files.columns["hidden"].astype(np.float64) @ files.head.double().numpy().T
    np.testing.assert_array_equal(found["words"]["argmax"], logits.argmax(1)[files.part == TEST])
    assert set(found["words"]) == {"argmax", "draw_0", "draw_1"}
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    target = files.columns["target"]
    np.testing.assert_allclose(found["signals"]["target_probability"], p[np.arange(ROWS), target], rtol=1e-4)
    assert set(found["signals"]) == {"entropy", "target_probability"}


def test_low_ranks_of_fit_tokens_are_those_that_stacks_read(files: Files) -> None:
    families, tables = FAMILIES["low_rank"]
    found = files.run("all", families, *tables)
    fit = files.part == FIT
    for name, values in found["signals"].items():
        expected = fit if name.startswith("centred") else np.zeros(ROWS, dtype=bool)
        np.testing.assert_array_equal(np.isnan(values), expected, err_msg=name)
    assert set(found["words"]) == {
        f"{kind}/{rank}/{way}argmax" for kind in ("plain", "centred") for rank in (2, 3) for way in ("", "refined_")
    }
    assert all(len(values) == (files.part == TEST).sum() for values in found["words"].values())
    summary = found["summary"]
    assert list(summary["coverage"]) == ["centred/2", "centred/3", "plain/2", "plain/3"]
    assert summary["refined"] == 5
    assert summary["logits_pearson"] == {}


def test_rows_that_are_not_parted_have_no_words_and_the_correlation_of_the_first(files: Files) -> None:
    families = {"low_rank": {"kinds": ["plain"], "ranks": [2, DIM], "refined": 5, "fit_too": ["plain"]}}
    found = files.run("all", families, "signals", "words", parted=False)
    assert found["words"] == {}
    assert not any(np.isnan(values).any() for values in found["signals"].values())
    assert {name.split("/")[2] for name in found["signals"]} == {
        *("max_probability", "max_logit", "max_minus_mean", "margin", "entropy")
    }
    head = files.head.double().numpy()
    left, values, right = np.linalg.svd(head, full_matrices=False)
    low = (left[:, :2] * values[:2]) @ right[:2]
    chunks = files.columns["hidden"][:PEARSON_TOKENS].astype(np.float64).reshape(3, -1, DIM)
    exact = np.mean([np.corrcoef((chunk @ head.T).ravel(), (chunk @ low.T).ravel())[0, 1] for chunk in chunks])
    assert found["summary"]["logits_pearson"]["plain/2"] == pytest.approx(exact, abs=1e-6)
    assert found["summary"]["logits_pearson"][f"plain/{DIM}"] == pytest.approx(1)


def test_families_of_ones_own_share_a_table(files: Files) -> None:
    def coordinate(number: int) -> Family:
        def say(batch: Batch) -> Tables:
            return {"signals": {f"x{number}": batch.hidden[:, number].numpy()}}

        return Family(say, lambda: {f"mine{number}": number})

    outputs = {"signals": str(files.folder / "own.parquet"), "summary": str(files.folder / "own.json")}
    families, progress = [coordinate(0), coordinate(3)], Progress("own", ROWS, "rows")
    run_pass(files.folder / "all.parquet", families, outputs, part=None, device=CPU, progress=progress)
    for number in (0, 3):
        found = read_columns(outputs["signals"])[f"x{number}"]
        np.testing.assert_array_equal(found, files.columns["hidden"][:, number])
        assert read_json(outputs["summary"])[f"mine{number}"] == number
