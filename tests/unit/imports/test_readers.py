"""Arrays come back from every format as they were written, in parts; what is damaged or a pickle is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from easyhard.errors import InputError
from easyhard.imports import readers
from easyhard.imports.readers import CHUNK, open_arrays
from easyhard.tables.table import open_table

ROWS = 2 * CHUNK + 77
Arrays = dict[str, np.ndarray]


def fixed_lists(matrix: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1])


def write_parquet(path: Path, arrays: Arrays, as_lists: Callable[[np.ndarray], object] = list) -> None:
    columns = {name: as_lists(values) if values.ndim == 2 else values for name, values in arrays.items()}
    pq.write_table(pa.table(columns), path, row_group_size=5_000)


def write_tensors(path: Path, arrays: Arrays) -> None:
    save_file({name: torch.from_numpy(values) for name, values in arrays.items()}, path)


FORMATS: dict[str, tuple[str, Callable[[Path, Arrays], None]]] = {
    "variable lists": ("a.parquet", write_parquet),
    "fixed-size lists": ("a.parquet", lambda path, arrays: write_parquet(path, arrays, fixed_lists)),
    "npz": ("a.npz", lambda path, arrays: np.savez(path, **arrays)),
    "npz compressed": ("a.npz", lambda path, arrays: np.savez_compressed(path, **arrays)),
    "npz by columns": ("a.npz", lambda path, arrays: np.savez(path, **{n: a.copy("F") for n, a in arrays.items()})),
    "safetensors": ("a.safetensors", write_tensors),
}


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    rng = np.random.default_rng(0)
    return {
        "hidden": rng.standard_normal((ROWS, 3), dtype=np.float32),
        "half": rng.standard_normal((ROWS, 2)).astype(np.float16),
        "loss": rng.random(ROWS),
        "target": rng.integers(0, 99, ROWS),
    }


@pytest.mark.parametrize("form", FORMATS)
def test_round_trip(form: str, arrays: Arrays, tmp_path: Path) -> None:
    file, write = FORMATS[form]
    write(tmp_path / file, arrays)
    found = open_arrays(tmp_path / file)
    assert sorted(found) == sorted(arrays)
    for name, values in arrays.items():
        assert (found[name].shape, found[name].dtype) == (values.shape, values.dtype.name)
        np.testing.assert_array_equal(found[name].whole(), values)
        for first, end in ((0, 1), (4_999, 5_001), (CHUNK - 1, CHUNK + 1), (10_001, ROWS), (ROWS - 1, ROWS)):
            parts = list(found[name].read(first, end))
            assert max(map(len, parts)) <= CHUNK
            np.testing.assert_array_equal(np.concatenate(parts), values[first:end])


@pytest.mark.parametrize("form", FORMATS)
def test_long_rows_come_fewer_at_a_time(
    form: str, arrays: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "NUMBERS", 300)
    file, write = FORMATS[form]
    write(tmp_path / file, arrays)
    parts = list(open_arrays(tmp_path / file)["hidden"].read(0, ROWS))
    assert max(map(len, parts)) == 100  # of 3 numbers each
    np.testing.assert_array_equal(np.concatenate(parts), arrays["hidden"])


@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_is_known_by_its_stem(arrays: Arrays, order: str, tmp_path: Path) -> None:
    np.save(tmp_path / "states.npy", np.asarray(arrays["hidden"], order=order))
    (states,) = open_arrays(tmp_path / "states.npy").values()
    assert states.name == "states"
    np.testing.assert_array_equal(np.concatenate(list(states.read(100, 9_000))), arrays["hidden"][100:9_000])


def test_text_of_parquet_comes_as_strings(tmp_path: Path) -> None:
    text = ["b", "a", "b"] * 4_000
    columns = {"plain": pa.array(text), "categories": pa.array(text).dictionary_encode()}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=7_000)
    found = open_arrays(tmp_path / "a.parquet")
    for name in columns:
        assert found[name].whole().tolist() == text


@pytest.mark.parametrize("form", FORMATS)
def test_truncated_missing_and_foreign_files_are_named(form: str, arrays: Arrays, tmp_path: Path) -> None:
    file, write = FORMATS[form]
    path = tmp_path / file
    with pytest.raises(InputError, match=rf"{file}: cannot be read"):
        open_arrays(path)
    write(path, {name: values[:999] for name, values in arrays.items()})
    whole = path.read_bytes()
    lengths = (0, 1, 60, len(whole) // 2, len(whole) - 10)
    for content in (b"hidden,loss\n1,2\n" * 20, *(whole[:length] for length in lengths)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=rf"{file}: cannot be read \(.*\); .* is wanted"):
            open_arrays(path)["hidden"].whole()


def test_bytes_changed_inside_an_archive_are_noticed(arrays: Arrays, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, hidden=arrays["hidden"])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz: cannot be read \(Bad CRC"):
        open_arrays(path)["hidden"].whole()


def test_pickles_and_other_kinds_of_files_are_refused(tmp_path: Path) -> None:
    objects = np.array([{}, {}], dtype=object)
    np.savez(tmp_path / "a.npz", notes=objects, loss=np.arange(2.0))
    found = open_arrays(tmp_path / "a.npz")
    np.testing.assert_array_equal(found["loss"].whole(), [0, 1])
    with pytest.raises(InputError, match=r"a\.npz: notes holds Python objects, which are not unpickled"):
        found["notes"].whole()
    np.save(tmp_path / "b.npy", objects, allow_pickle=True)
    with pytest.raises(InputError, match=r"b\.npy: cannot be read \(.*Python objects"):
        open_arrays(tmp_path / "b.npy")
    with pytest.raises(InputError, match=r"model\.pt: .*one that ends in \.parquet, .*\.npz, \.npy, \.safetensors is"):
        open_arrays(tmp_path / "model.pt")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([[1.0, 2.0], [3.0], [4.0, 5.0]]), r"hidden has 1 numbers in row 1 and 2 before"),
        (pa.array([[1.0, 2.0]] * CHUNK + [[1.0]] * 5), r"hidden has lists of 1 numbers; 2 are wanted"),
        (pa.array([[1.0, 2.0], None, [4.0, 5.0]]), r"hidden has 1 nulls \(first at row 1\)"),
        (pa.array([[1.0, 2.0], [3.0, 4.0], [4.0, None]]), r"hidden has a null in the list of row 2"),
        (pa.array([1.0, None, 2.0]), r"hidden has 1 nulls \(first at row 1\)"),
        (pa.array([None, None, None]), r"hidden has 3 nulls \(first at row 0\)"),
        (pa.array(["a", "b", None]), r"hidden has 1 nulls \(first at row 2\)"),
        (pa.array([], pa.float32()), r"has no rows"),
    ],
)
def test_ragged_lists_and_nulls_are_named(column: pa.Array, message: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"hidden": column}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=rf"a\.parquet: {message}"):
        open_arrays(tmp_path / "a.parquet")["hidden"].whole()


def test_two_columns_of_one_name_are_named(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["x", "x"]), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"two columns are called 'x'"):
        open_arrays(tmp_path / "a.parquet")


def test_what_has_been_read_of_a_parquet_file_is_let_go(tmp_path: Path) -> None:
    """24 MB of random numbers in 40 row groups pass through Arrow's memory, and never a third of them is in it."""
    rng = np.random.default_rng(0)
    table = pa.table({f"s{number}": rng.random(40 * 15_000) for number in range(5)})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=15_000)
    names, size = table.column_names, table.nbytes
    del table
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in open_table(tmp_path / "a.parquet").batches(names)]
    assert len(held) >= 40
    assert max(held) < size / 3
