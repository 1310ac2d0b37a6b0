"""One table comes back from every container, in one file and in parts; what is damaged or foreign is named."""

import bz2
import gzip
import io
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from pyarrow import ipc

from easyhard.errors import InputError
from easyhard.imports.readers import numbers_in
from easyhard.tables.containers import CONTAINERS
from easyhard.tables.table import CHUNK, Table, open_table

ROWS = 2 * CHUNK + 77
Write = Callable[[Path, pa.Table], None]


def write_parquet(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path)


def write_stream(path: Path, table: pa.Table) -> None:
    with ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=1_000)


def write_csv(separator: str) -> Write:
    def write(path: Path, table: pa.Table) -> None:
        text = io.BytesIO()  # by a path polars would choose to compress
        pl.DataFrame(table).write_csv(text, separator=separator)
        path.write_bytes(text.getvalue())

    return write


def write_lines(path: Path, table: pa.Table) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()), encoding="utf-8")


def compressed(write: Write, compress: Callable[[bytes], bytes]) -> Write:
    def both(path: Path, table: pa.Table) -> None:
        write(path, table)
        path.write_bytes(compress(path.read_bytes()))

    return both


def with_mark(write: Write) -> Write:
    return compressed(write, lambda content: b"\xef\xbb\xbf" + content)


FORMS: dict[str, tuple[str, Write]] = {
    "Parquet": ("a.parquet", lambda path, table: pq.write_table(table, path, row_group_size=5_000)),
    "Parquet by another suffix": ("a.snappy.PQ", write_parquet),
    "Feather": ("a.feather", lambda path, table: feather.write_feather(table, path, chunksize=3_000)),
    "Arrow": ("a.arrow", lambda path, table: feather.write_feather(table, path, compression="uncompressed")),
    "Arrow stream": ("a.arrow", write_stream),
    "CSV": ("a.csv", write_csv(",")),
    "CSV with semicolons": ("a.csv", write_csv(";")),
    "TSV": ("a.tsv", write_csv("\t")),
    "CSV with a mark": ("a.csv", with_mark(write_csv(","))),
    "JSON Lines": ("a.jsonl", write_lines),
    "JSON Lines with a mark": ("a.json", with_mark(write_lines)),
    "gzipped CSV": ("a.csv.gz", compressed(write_csv(","), gzip.compress)),
    "gzipped JSON Lines": ("a.ndjson.gz", compressed(write_lines, gzip.compress)),
    "JSON Lines as bzip2": ("a.jsonl.bz2", compressed(write_lines, bz2.compress)),
    "gzipped Parquet": ("a.parquet.gz", compressed(write_parquet, gzip.compress)),
}


@pytest.fixture(scope="module")
def table() -> pa.Table:
    rng = np.random.default_rng(0)
    return pa.table(
        {"loss": rng.random(ROWS), "target": rng.integers(0, 99, ROWS), "word": ["a, b", 'c"', "é"] * (ROWS // 3)}
    )


def read(found: Table, first: int = 0, end: int | None = None) -> dict[str, list[object]]:
    batches = list(found.batches(["loss", "target", "word"], first, end))
    assert max(len(batch["loss"]) for batch in batches) <= CHUNK
    whole = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    return {name: (whole[name] if name == "word" else numbers_in(name, whole[name])).tolist() for name in whole}


def test_every_container_is_tried() -> None:
    tried = {suffix.lower() for file, _ in FORMS.values() for suffix in Path(file).suffixes}
    assert set(CONTAINERS) - tried <= {".ipc"}  # another name of .arrow


@pytest.mark.parametrize("form", FORMS)
def test_a_table_comes_back(form: str, table: pa.Table, tmp_path: Path) -> None:
    file, write = FORMS[form]
    write(tmp_path / file, table)
    found = open_table(tmp_path / file)
    assert (found.rows, list(found.columns)) == (ROWS, table.column_names)
    whole = table.to_pydict()
    for first, end in ((0, ROWS), (0, 1), (4_999, 5_001), (CHUNK - 1, CHUNK + 1), (10_001, ROWS), (ROWS - 1, ROWS)):
        assert read(found, first, end) == {name: values[first:end] for name, values in whole.items()}
    wanted = np.arange(ROWS) % 5 == 3
    own = found.where(wanted)
    assert own.rows == wanted.sum()
    assert read(own, 7, 2_001) == {name: values[3::5][7:2_001] for name, values in whole.items()}


@pytest.mark.parametrize("form", FORMS)
def test_parts_are_one_table_in_the_order_of_their_numbers(form: str, table: pa.Table, tmp_path: Path) -> None:
    file, write = FORMS[form]
    cuts = [*range(0, 3_000, 250), ROWS]
    for number, (start, end) in enumerate(pairwise(cuts)):
        folder = tmp_path / "scores" / ("day=1" if number < 6 else "day=2")
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / f"part-{number}-{file}", table.slice(start, end - start))
    for hidden in ("_SUCCESS", ".part-0.crc", "_temporary/part-0.parquet", "README.md"):
        path = tmp_path / "scores" / hidden
        path.parent.mkdir(exist_ok=True)
        path.write_text("none of it")
    pattern = f"{tmp_path}/scores/*/*{Path(file).suffix}"
    for given in (
        tmp_path / "scores",
        str(tmp_path / "scores"),
        pattern,
        [f"{tmp_path}/scores/day={n}" for n in (1, 2)],
    ):
        found = open_table(given)
        assert read(found) == table.to_pydict()
        days = np.concatenate([batch["day"] for batch in found.batches(["day"])]).tolist()
        assert days == ["1"] * 1_500 + ["2"] * (ROWS - 1_500)


@pytest.mark.parametrize("form", FORMS)
def test_truncated_empty_missing_and_foreign_files_are_named(form: str, table: pa.Table, tmp_path: Path) -> None:
    file, write = FORMS[form]
    path = tmp_path / file
    with pytest.raises(InputError, match=rf"{file}: cannot be read \(.*No such file.* is wanted"):
        open_table(path)
    write(path, table)
    whole = path.read_bytes()
    binary = np.random.default_rng(0).bytes(20_000)
    for content in (b"", whole[: len(whole) // 2], whole[len(whole) // 2 :], binary, b"PAR1" + binary):
        path.write_bytes(content)
        with pytest.raises(InputError) as caught:
            for _ in open_table(path).batches(["loss", "target", "word"]):
                pass
        assert str(path) in str(caught.value)
        assert "wanted" in str(caught.value)
        assert "\n" not in str(caught.value)
