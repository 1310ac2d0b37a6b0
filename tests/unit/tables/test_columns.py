"""Every type of column that a table may have is a value or one line: a walk through all of them."""

import datetime
import decimal
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyarrow import ipc

from easyhard.errors import InputError
from easyhard.imports.signals import import_signals, signal_batches

ROWS = 30
VALUES = np.tile([2.0, 0.0, 1.0], 10)
DECIMALS = [decimal.Decimal(f"{value:.2f}") for value in VALUES]
DAY = datetime.datetime(2026, 1, 1)
LEFT_OUT = "left out, since no column of numbers: score"

NUMBERS: dict[str, pa.Array] = {
    **{str(kind): pa.array(VALUES.astype(int), kind) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())},
    **{str(kind): pa.array(VALUES.astype(int), kind) for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())},
    **{str(kind): pa.array(VALUES, kind) for kind in (pa.float32(), pa.float64())},
    "float16": pa.array(VALUES.astype(np.float16)),
    **{
        str(kind): pa.array(DECIMALS, kind)
        for kind in (pa.decimal32(5, 2), pa.decimal64(12, 2), pa.decimal128(38, 9), pa.decimal256(60, 2))
    },
    **{
        f"duration[{unit}]": pa.array(VALUES.astype(int) * per, pa.duration(unit))
        for unit, per in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9))
    },
    "dictionary of numbers": pa.array(VALUES).dictionary_encode(),
    "dictionary of decimals": pa.array(DECIMALS).dictionary_encode(),
    "text": pa.array([f"{value:g}" for value in VALUES]),
    "text with spaces and exponents": pa.array([f" {value:.3e} " for value in VALUES]),
    "large text": pa.array([f"{value}" for value in VALUES], pa.large_string()),
    "text view": pa.array([f"{value}" for value in VALUES], pa.string_view()),
    "text as bytes": pa.array([f"{value}".encode() for value in VALUES]),
    "category of numbers": pa.array([f"{value}" for value in VALUES]).dictionary_encode(),
    "runs": pc.run_end_encode(pa.array(VALUES)),
    "extension": pa.ExtensionArray.from_storage(pa.bool8(), pa.array(VALUES.astype(int), pa.int8())),
}
TRUTHS = {
    "bool": pa.array(VALUES > 0),
    "truth as text": pa.array(np.where(VALUES > 0, "True", "False").tolist()),
    "dictionary of bool": pa.array(VALUES > 0).dictionary_encode(),
}
NO_NUMBERS: dict[str, pa.Array] = {
    "words": pa.array(["the", "2", "a"] * 10),
    "category": pa.array(["low", "high", "low"] * 10).dictionary_encode(),
    "timestamp": pa.array([DAY] * ROWS),
    "timestamp with zone": pa.array([DAY] * ROWS, pa.timestamp("us", "UTC")),
    "date": pa.array([DAY.date()] * ROWS),
    "time": pa.array([DAY.time()] * ROWS),
    "interval": pa.array([pa.MonthDayNano([1, 2, 3])] * ROWS),
    "list": pa.array([[1.0, 2.0]] * ROWS),
    "list view": pa.array([[1.0, 2.0]] * ROWS, pa.list_view(pa.float64())),
    "struct": pa.array([{"a": 1.0}] * ROWS),
    "map": pa.array([[("a", 1.0)]] * ROWS, pa.map_(pa.string(), pa.float64())),
    "nothing": pa.nulls(ROWS),
    "bytes of a width": pa.array([b"ab"] * ROWS, pa.binary(2)),
}
WRONG: dict[str, tuple[pa.Array, str]] = {
    "int with a null": (pa.array([None, *VALUES[1:].astype(int)]), r"score has 1 nulls \(first at row 0\)"),
    "bool with a null": (pa.array([True, None] * 15), r"score has 15 nulls \(first at row 1\)"),
    "decimal with a null": (pa.array([*DECIMALS[:-1], None]), r"score has 1 nulls \(first at row 29\)"),
    "category with a null": (pa.array(["1", None, "2"] * 10).dictionary_encode(), r"score has 10 nulls"),
    "runs with a null": (pc.run_end_encode(pa.array([None, *VALUES[1:]])), r"score has 1 nulls \(first at row 0\)"),
    "not a number": (pa.array([float("nan"), *VALUES[1:]]), r"score is not finite in row 0"),
    "infinite text": (pa.array(["inf", *map(str, VALUES[1:])]), r"score is not finite in row 0"),
    "a word among numbers": (pa.array(["NA", *map(str, VALUES[1:])]), r"score is 'NA' in row 0; a number.*leave_out"),
    "too large": (pa.array([1e300, *VALUES[1:]]), r"score is not finite .*at most 3\.4e38"),
}


def written(column: pa.Array, folder: Path, beside: bool = False) -> Path:
    """A table of the column, as Parquet, or as an Arrow file, which has types that Parquet has not."""
    columns = {"loss": np.arange(float(ROWS)), "document": np.repeat(np.arange(3), 10), "score": column}
    table = pa.table(columns | ({"other": VALUES} if beside else {}))
    try:
        pq.write_table(table, folder / "a.parquet")
    except pa.ArrowException:
        with ipc.new_file(folder / "a.arrow", table.schema) as writer:
            writer.write_table(table)
        return folder / "a.arrow"
    return folder / "a.parquet"


def scores(path: Path, **given: Any) -> dict[str, list[float]]:
    own = import_signals({"path": str(path), "names": {}, "leave_out": [], "signals": {}} | given, length=32)
    (batch,) = signal_batches(own)
    return {name: values.tolist() for name, values in batch.items()}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_of_every_type_are_signals(kind: str, tmp_path: Path) -> None:
    assert scores(written(NUMBERS[kind], tmp_path)) == {"score": VALUES.tolist()}


@pytest.mark.parametrize("kind", TRUTHS)
def test_truths_are_one_and_nought(kind: str, tmp_path: Path) -> None:
    assert scores(written(TRUTHS[kind], tmp_path)) == {"score": (VALUES > 0).astype(float).tolist()}


@pytest.mark.parametrize("kind", NO_NUMBERS)
def test_what_is_no_number_is_left_out_and_said(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(NO_NUMBERS[kind], tmp_path, beside=True)
    with caplog.at_level("INFO", "easyhard"):
        assert list(scores(path)) == ["other"]
    assert LEFT_OUT in caplog.text
    with pytest.raises(
        InputError, match=r"score(.* is of type .*numbers or text is| has shape| has 30 nulls| is '(the|low)')"
    ):
        scores(path, names={"target": "score"})


@pytest.mark.parametrize("kind", WRONG)
def test_values_that_are_missing_or_none_are_named(kind: str, tmp_path: Path) -> None:
    column, message = WRONG[kind]
    path = written(column, tmp_path)
    with pytest.raises(InputError, match=rf"{re.escape(str(path))}: {message}"):
        scores(path)


def test_ids_may_be_text_of_any_type(tmp_path: Path) -> None:
    names = [f"d{number}" for number in np.repeat(np.arange(3), 10)]
    kinds = (pa.array(names), pa.array(names).dictionary_encode(), pa.array([name.encode() for name in names]))
    for column in kinds:
        own = import_signals(
            {"path": str(written(column, tmp_path, beside=True)), "names": {"document": "score"}, "leave_out": [],
             "signals": {}}, length=32)  # fmt: skip
        assert own.tokens["document"].tolist() == np.repeat(np.arange(3), 10).tolist()
    with pytest.raises(InputError, match=r"score is of type binary and no text"):
        scores(written(pa.array([b"\xff"] * ROWS), tmp_path, beside=True), names={"document": "score"})


@pytest.mark.parametrize(
    ("write", "message"),
    [
        ("loss,score,score\n1,2,3\n", r"two columns are called 'score'"),
        ("loss,score\n1,2\n3,4,5\n", r"cannot be read \(found more fields"),
        ("document,loss,score\n1,1,2\n2,3\n3,1,2\n", r"score has 1 nulls \(first at row 1\)"),
        ("loss,score\n", r"has no rows"),
        ("0.5,0.7\n0.5,0.8\n", r"has no column loss, only 0\.5, 0\.7"),
        ('loss,score\n1,"2\n', r"cannot be read"),
        ("loss;score\n1.000,5;2\n", r"loss is '1\.000,5' in row 0; a number is wanted"),
        ("loss,score\n1,2\n".encode("utf-16"), r"UTF-16 \(little-endian\) by its byte-order mark"),
        ("loss,score\n1,2\n".encode("utf-32"), r"UTF-32 \(little-endian\) by its byte-order mark"),
        (b"\xfe\xff\x00l", r"UTF-16 \(big-endian\)"),
        ("loss,é\n1,2\n".encode("latin-1"), r"cannot be read \(.*utf-8"),
    ],
)
def test_text_that_is_no_table_is_named(write: str | bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(write if isinstance(write, bytes) else write.encode())
    with pytest.raises(InputError, match=rf"a\.csv: {message}"):
        scores(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"loss": 1}\n{"loss": NaN}\n', r"cannot be read \(line 2: NaN is no JSON\)"),
        ('{"loss": 1}\n{"loss": 2\n', r"cannot be read \(line 2: Expecting ',' delimiter\)"),
        ('[{"loss": 1}]\n', r"cannot be read \(line 1: a list and no object\)"),
        ("1\n", r"cannot be read \(line 1: a int and no object\)"),
    ],
)
def test_lines_that_are_no_json_are_numbered(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(InputError, match=rf"a\.jsonl: {message}; JSON Lines, one object a line, is wanted"):
        scores(tmp_path / "a.jsonl")


def test_json_of_mixed_numbers_and_large_ones(tmp_path: Path) -> None:
    scored = [(1, 2**64 - 1), (2.5, 3), ("3", 4)]
    rows = [{"document": n, "loss": loss, "score": score} for n, (loss, score) in enumerate(scored)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert scores(tmp_path / "a.jsonl") == {"score": [2.0**64, 3.0, 4.0]}


def test_commas_of_decimals_beside_semicolons(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("document;score;loss\r\n" + "".join(f"{n};-1,5e{n};2,25\r\n" for n in range(3)))
    assert scores(tmp_path / "a.csv") == {"score": [-1.5, -15.0, -150.0]}


def test_what_pandas_writes_has_its_index_left_out(tmp_path: Path) -> None:
    lines = [f"{row},{row / 10},{row // 10},{value}" for row, value in enumerate(VALUES)]
    (tmp_path / "a.csv").write_text("\n".join([",loss,document, score ", *lines]))
    assert scores(tmp_path / "a.csv") == {"score": VALUES.tolist()}


def test_parts_that_are_not_of_one_table_are_named(tmp_path: Path) -> None:
    first = pa.table({"loss": [1.0], "score": [1.0]})
    pq.write_table(first, tmp_path / "a.parquet")
    pq.write_table(first.rename_columns(["loss", "other"]), tmp_path / "b.parquet")
    with pytest.raises(
        InputError, match=r"b\.parquet: columns loss, other, but .*a\.parquet: loss, score; files of one"
    ):
        scores(tmp_path)
    pq.write_table(pa.table({"loss": [1.0], "score": ["x"]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet: score is of type text, but in .*a\.parquet float64"):
        scores(tmp_path)
    (tmp_path / "c.csv").write_text("loss,score\n1,2\n")
    with pytest.raises(InputError, match=r"files of \.csv, \.parquet; one kind, or a pattern as \*\.csv, is wanted"):
        scores(tmp_path)
    with pytest.raises(InputError, match=r"\*\.feather: no file matches"):
        scores(tmp_path / "*.feather")
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match=r"none: a folder without files"):
        scores(tmp_path / "none")
    (tmp_path / "none" / "a.txt").write_text("x")
    with pytest.raises(InputError, match=r"a\.txt: no known kind of table; one that ends in \.parquet, .*is wanted"):
        scores(tmp_path / "none")
