"""Activations go to Parquet and come back; damaged, foreign and non-finite files are named."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import Columns, count_rows, read_batches, read_columns, read_where, write_shard
from easyhard.errors import InputError
from easyhard.parquet import write_parquet

NAMES = ["sequence", "position", "document", "token", "target", "loss", "hidden"]


def batch(rows: int, dim: int, seed: int = 0) -> Columns:
    rng = np.random.default_rng(seed)
    return {
        **{name: rng.integers(0, 99, rows).astype(np.int32) for name in ("sequence", "document", "token", "target")},
        "position": rng.integers(0, 32, rows).astype(np.int16),
        "split": np.full(rows, "train"),
        "loss": rng.random(rows, dtype=np.float32),
        "hidden": rng.standard_normal((rows, dim), dtype=np.float32),
    }


@pytest.mark.parametrize(("sizes", "dim"), [([1], 1), ([5, 9000, 3], 7), ([100] * 3, 64)])
def test_round_trip(tmp_path: Path, sizes: list[int], dim: int) -> None:
    batches = [batch(rows, dim, seed) for seed, rows in enumerate(sizes)]
    paths = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    write_shard(paths[0], batches[:1], dim, {"run": "r"})
    write_shard(paths[1], batches[1:], dim, {"run": "r"})
    read = read_columns(paths, [*NAMES, "split"])
    for name in NAMES:
        np.testing.assert_array_equal(read[name], np.concatenate([part[name] for part in batches]))
    assert set(read["split"]) == {"train"}
    assert count_rows(paths) == sum(sizes)
    assert pq.read_schema(paths[0]).metadata[b"run"] == b"r"
    assert pq.read_schema(paths[0]).field("hidden").type == pa.list_(pa.float32(), dim)


@pytest.mark.parametrize("share", [0.0, 1e-4, 0.5, 1.0])
def test_only_wanted_rows_are_given(tmp_path: Path, share: float) -> None:
    parts, paths = [batch(20_000, 2, seed=1), batch(0, 2), batch(7, 2, seed=2)], [tmp_path / f"{n}" for n in range(3)]
    for path, part in zip(paths, parts, strict=True):
        write_shard(path, [part], 2, {})
    wanted = np.random.default_rng(3).random(20_007) < share
    found = list(read_where(paths, ["hidden", "loss"], wanted))
    assert all(0 < len(part["loss"]) <= 8_192 for part in found)
    assert max(len(part["loss"]) for part in read_batches(paths, ["loss"])) <= 8_192
    for name in ("hidden", "loss") if share else ():
        whole = np.concatenate([part[name] for part in parts])
        np.testing.assert_array_equal(np.concatenate([part[name] for part in found]), whole[wanted])


@pytest.mark.parametrize(("column", "value"), [("loss", np.nan), ("hidden", np.inf)])
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, column: str, value: float) -> None:
    good, bad = batch(10, 3), batch(10, 3)
    bad[column][4] = value
    with pytest.raises(InputError, match=rf"0\.parquet: {column} is not finite \(first at row 4"):
        write_shard(tmp_path / "0.parquet", [good, bad], 3, {})
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_the_column_is_named(tmp_path: Path) -> None:
    write_parquet(tmp_path / "0.parquet", pa.table({"x": [1]}))
    with pytest.raises(InputError, match=r"0\.parquet: no column loss; it holds x"):
        read_columns([tmp_path / "0.parquet"], ["loss"])


def test_the_same_items_in_order_and_an_error_in_its_place() -> None:
    def breaks() -> Iterator[int]:
        yield 1
        raise ValueError("third")

    for count in (0, 1, 2, 7):
        assert list(prefetch(iter(range(count)))) == list(range(count))
    items = prefetch(breaks())
    assert next(items) == 1
    with pytest.raises(ValueError, match="third"):
        next(items)


def test_reading_goes_on_meanwhile_but_not_far() -> None:
    read: list[int] = []

    def reads() -> Iterator[int]:
        for item in range(1, 10):
            read.append(item)
            yield item

    items = prefetch(reads(), ahead=2)
    next(items)
    time.sleep(0.2)
    assert read == [1, 2, 3]
