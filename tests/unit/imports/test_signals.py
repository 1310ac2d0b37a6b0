"""A Parquet file of losses and signals becomes the files that evaluation reads; what is wrong in it is named."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from easyhard.errors import InputError
from easyhard.imports.signals import BATCH, OwnSignals, import_signals, signal_batches
from easyhard.signals.store import read_columns, write_batches

ROWS = 997


def table(rows: int = ROWS, **changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    columns = {
        "document": np.repeat(np.arange(1_000_000, 1_000_000 + rows // 100 + 1), 100)[:rows],
        "loss": rng.exponential(3, rows),
        "margin": rng.random(rows),
        "rank": rng.integers(0, 50, rows),
        "repeat": rng.random(rows) < 0.5,
    }
    return {name: values for name, values in (columns | changes).items() if values is not None}


def write(folder: Path, columns: Mapping[str, Any]) -> Path:
    path = folder / "mine.parquet"
    pq.write_table(pa.table(dict(columns)), path, row_group_size=300)
    return path


def load(path: Path, **changes: Any) -> tuple[dict[str, Any], list[str]]:
    own = open_signals(path, **changes)
    return own.tokens, own.columns


def open_signals(path: Path, **changes: Any) -> OwnSignals:
    return import_signals({"path": path, "names": {"loss": None}, "leave_out": [], "signals": []} | changes, length=32)


def test_what_is_not_given_is_filled_in(tmp_path: Path) -> None:
    columns = table()
    columns["loss"][7] = -9e-5  # by rounding
    tokens, _ = load(write(tmp_path, columns))
    whole = dict.fromkeys(("document", "sequence", "token", "target", "target_count"), np.int32)
    types = {name: values.dtype for name, values in tokens.items()}
    assert types == whole | {"position": np.int16, "loss": np.float32}  # no part, no argmax_wrong
    np.testing.assert_array_equal(tokens["document"], columns["document"] - 1_000_000)
    np.testing.assert_array_equal(tokens["position"], np.arange(ROWS) % 100 % 32)
    np.testing.assert_array_equal(tokens["loss"], columns["loss"].clip(min=0).astype(np.float32))
    assert all(set(tokens[name]) == {-1} for name in ("token", "target", "target_count"))


def test_what_is_given_is_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    numbers = {name: rng.integers(0, 99, ROWS) for name in ("token", "target", "target_count")}
    part = np.repeat(["fit", "select", "test"], [500, 200, 297])
    wrong = rng.random(ROWS) < 0.7
    tokens, signals = load(write(tmp_path, table(**numbers, part=part, argmax_wrong=wrong)))
    for name, values in numbers.items():
        np.testing.assert_array_equal(tokens[name], values)
    assert np.bincount(tokens["part"]).tolist() == [500, 200, 297]
    np.testing.assert_array_equal(tokens["argmax_wrong"], wrong)
    assert tokens["argmax_wrong"].dtype == np.int8
    assert signals == ["margin", "rank", "repeat"]


def test_signals_can_be_written_as_they_are_read(tmp_path: Path) -> None:
    columns = table(BATCH + 5_000)
    path = write(tmp_path, columns)
    write_batches(tmp_path / "own.parquet", signal_batches(open_signals(path)))
    read = read_columns(tmp_path / "own.parquet", rows=BATCH + 5_000)
    assert list(read) == ["margin", "rank", "repeat"]
    for name, values in read.items():
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, columns[name].astype(np.float32))
    assert pq.ParquetFile(tmp_path / "own.parquet").num_row_groups == 2


def test_only_numbers_are_signals_and_the_rest_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    others = {
        "split": ["validation"] * ROWS,
        "hidden": [[0.0, 1.0]] * ROWS,
        "when": pa.array([0] * ROWS, pa.timestamp("s")),
        "__index_level_0__": np.arange(ROWS),
        "half": np.ones(ROWS, np.float16),
    }
    path = write(tmp_path, table(**others))
    with caplog.at_level(logging.INFO, "easyhard"):
        assert load(path, leave_out=["rank"])[1] == ["margin", "repeat", "half"]
    assert "left out, since no column of numbers: split, hidden, when, __index_level_0__" in caplog.text


def test_columns_by_other_names_and_seeds_of_one_signal(tmp_path: Path) -> None:
    columns = table(loss=None, document=None, nll=np.arange(ROWS) / 100, article=np.arange(ROWS) // 300)
    columns |= {f"probe@{seed}": np.arange(float(ROWS)) for seed in (0, 1, 10)}
    names = {"loss": "nll", "document": "article"}
    tokens, signals = load(write(tmp_path, columns), names=names, signals=["probe"])
    assert signals == ["margin", "rank", "repeat", "probe@0", "probe@1", "probe@10"]
    np.testing.assert_array_equal(tokens["document"], columns["article"])
    np.testing.assert_allclose(tokens["loss"], columns["nll"], rtol=1e-6)


def changed(name: str, row: int, value: object) -> dict[str, Any]:
    values = table()[name].astype(np.float64)
    values[row] = value
    return table(**{name: values})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (changed("loss", 5, np.nan), r"loss is not finite in row 5"),
        (changed("loss", 7, -0.5), r"loss is -0\.5 in row 7; a loss in nats"),
        (table(loss=[None] * ROWS), r"loss has .* nulls \(first at row 0\)"),
        (table(loss=["much"] * ROWS), r"loss is 'much' in row 0; a number is wanted"),
        (table(loss=[[1.0, 2.0]] * ROWS), r"loss has shape \(997, 2\); one value a token"),
        (table(loss=None), r"has no column loss, only document, margin, rank, repeat; .*input\.names\.loss"),
        (table(target=["the"] * ROWS), r"target is 'the' in row 0; a number is wanted"),
        (table(margin=None, rank=None, repeat=None), r"has no signal; a column of numbers besides loss"),
        (table() | {"a|b": np.ones(ROWS)}, r"column 'a\|b'; a signal's name without"),
        (table(argmax_wrong=np.arange(ROWS)), r"argmax_wrong is 2 in row 2; 0 or 1"),
    ],
)
def test_bad_columns_are_named(columns: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"mine\.parquet: {message}"):
        load(write(tmp_path, columns))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, r"is not finite in row 70000"),
        (1e300, r"is not finite .* at most 3\.4e38"),
        (None, r"has 1 nulls \(first at row 70000\)"),
    ],
)
def test_bad_values_of_a_signal_are_named_with_their_row(value: float | None, message: str, tmp_path: Path) -> None:
    columns = table(BATCH + 5_000)
    margin = columns["margin"].tolist()
    margin[70_000] = value
    path = write(tmp_path, columns | {"margin": margin})
    with pytest.raises(InputError, match=rf"mine\.parquet: margin {message}"):
        list(signal_batches(open_signals(path)))


def test_names_that_the_file_has_not(tmp_path: Path) -> None:
    path = write(tmp_path, table())
    with pytest.raises(InputError, match=r"input\.signals: 'margn' is not in .*one of margin, rank, repeat is wanted"):
        load(path, signals=["margn"])
    with pytest.raises(InputError, match=r"input\.leave_out: 'x' is not in"):
        load(path, leave_out=["x"])
    with pytest.raises(InputError, match=r"input\.names\.loss: 'nll' is not in .*document, loss"):
        load(path, names={"loss": "nll"})
