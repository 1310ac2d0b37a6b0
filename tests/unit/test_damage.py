"""Each reader against each damage: a file that was changed after it was written is named or reads as it was."""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from easyhard.activations.store import read_columns as read_activations
from easyhard.activations.store import write_shard
from easyhard.atomic import read_json, write_json
from easyhard.corpus.documents import Corpus, Document, read_documents, write_documents
from easyhard.errors import InputError
from easyhard.imports.readers import open_arrays
from easyhard.killed import name_killed_jobs
from easyhard.model.checkpoint import load_checkpoint
from easyhard.model.curve import Epoch, read_curve, write_curve
from easyhard.model.store import read_head, read_tensors, write_tensors
from easyhard.parquet import read_parquet, write_parquet
from easyhard.signals.store import read_columns, write_columns
from easyhard.stale_locks import clear_and_hold, hold
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.store import read_stream, write_stream

ROWS = np.arange(64, dtype=np.int32)


def activations(path: Path) -> None:
    batch = dict.fromkeys(("sequence", "document", "token", "target"), ROWS)
    batch |= {"position": ROWS.astype(np.int16), "loss": ROWS.astype(np.float32), "split": np.full(64, "train")}
    write_shard(path, [batch | {"hidden": np.ones((64, 4), np.float32)}], 4, {"run": "x"})


def documents(path: Path) -> None:
    write_documents(path, Corpus([Document("t", "some text", s) for s in ("train", "validation", "test")], "s", "c"))


FORMS: dict[str, tuple[str, Callable[[Path], None], Callable[[Path], Any]]] = {
    "activations": ("parquet", activations, lambda path: read_activations([path], ["loss", "hidden", "target"])),
    "signals": ("parquet", lambda path: write_columns(path, {"entropy": ROWS / 7}), lambda p: read_columns(p, rows=64)),
    "documents": ("parquet", documents, read_documents),
    "tokens": ("parquet", lambda path: write_stream(path, TokenStream(ROWS, ROWS)), read_stream),
    "curve": ("parquet", lambda path: write_curve(path, [Epoch(1, 2.5, 2.6, 0.1)]), read_curve),
    "summary": ("json", lambda path: write_json(path, {"words": 12, "spans": {"10": 1, "9": 2.5}}), read_json),
    "head": ("safetensors", lambda path: write_tensors(path, {"head": torch.ones(5, 4)}, {"run": "x"}), read_head),
}


def read_as_text(read: Callable[[Path], Any], path: Path) -> str:
    return repr(read(path))


@pytest.mark.parametrize("form", FORMS)
def test_truncated_empty_missing_and_foreign_files_are_named(form: str, tmp_path: Path) -> None:
    suffix, write, read = FORMS[form]
    path = tmp_path / f"kept.{suffix}"
    with pytest.raises(InputError, match="kept"):
        read(path)
    write(path)
    whole = path.read_bytes()
    write_parquet(tmp_path / "other.parquet", pa.table({"other": [1.0]}))
    write_tensors(tmp_path / "other.safetensors", {"other": torch.ones(1)}, {})
    others = [(tmp_path / f"other.{kind}").read_bytes() for kind in ("parquet", "safetensors")]
    if suffix == "parquet":  # the right rows, by another program
        pq.write_table(pq.read_table(path).replace_schema_metadata(), tmp_path / "other.parquet")
        others.append((tmp_path / "other.parquet").read_bytes())
    for content in (b"", whole[:-3], whole[: len(whole) // 2], whole[:8], *others, b'{"other": 1}', b"\0" * 500):
        path.write_bytes(content)
        with pytest.raises(InputError, match="kept") as error:
            read(path)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("form", FORMS)
def test_no_flipped_bit_is_read_as_another_number(form: str, tmp_path: Path) -> None:
    """Of every byte one bit, a different one from byte to byte."""
    suffix, write, read = FORMS[form]
    path = tmp_path / f"kept.{suffix}"
    write(path)
    whole, right = path.read_bytes(), read_as_text(read, path)
    refused = 0
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            found = read_as_text(read, path)
        except InputError:
            refused += 1
        else:
            assert found == right, place
    assert refused > len(whole) / 4


class Malice:
    """What a pickle can do: run a command as it is read."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.witness,)


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    witness = tmp_path / "executed"
    plain = pickle.dumps(Malice(witness))
    saved, listed, archive = io.BytesIO(), io.BytesIO(), io.BytesIO()
    torch.save({"identity": "x", "state": Malice(witness)}, saved)
    objects = np.array([Malice(witness)], dtype=object)
    np.save(listed, objects, allow_pickle=True)
    np.savez(archive, hidden=objects)
    for content in (plain, saved.getvalue()):
        (tmp_path / "checkpoint.pt").write_bytes(content)
        assert load_checkpoint(tmp_path / "checkpoint.pt", "x") is None
    for name in ("a.npz", "a.npy", "a.safetensors", "a.parquet"):
        for content in (plain, listed.getvalue(), archive.getvalue(), saved.getvalue()):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(InputError, match=r"a\."):
                [array.whole() for array in open_arrays(tmp_path / name).values()] or read_parquet(tmp_path / name)
    for read, name in ((read_tensors, "a.safetensors"), (read_json, "a.json"), (read_parquet, "a.parquet")):
        (tmp_path / name).write_bytes(plain)
        with pytest.raises(InputError):
            read(tmp_path / name)
    assert not witness.exists()
    pickle.loads(plain)
    assert witness.exists()  # so it would have been seen


def test_locks_are_stale_when_nobody_lives(tmp_path: Path) -> None:
    lock = tmp_path / "locks" / "0.output.lock"
    first = clear_and_hold(tmp_path)
    assert first is not None
    lock.parent.mkdir()
    lock.touch()
    job = hold(tmp_path)
    assert job is not None
    second = clear_and_hold(tmp_path)
    assert second is not None
    assert lock.exists()
    first.close()
    second.close()
    assert clear_and_hold(tmp_path) is not None  # closed at once, as nobody keeps it
    assert lock.exists()  # a job still runs
    job.close()
    last = clear_and_hold(tmp_path)
    assert last is not None
    assert not lock.exists()


def test_locks_of_another_machine_stay(tmp_path: Path) -> None:
    lock = tmp_path / "locks" / "0.output.lock"
    lock.parent.mkdir()
    lock.touch()
    (tmp_path / "alive").write_text("elsewhere\n")
    assert clear_and_hold(tmp_path) is not None
    assert lock.exists()


def test_only_jobs_without_a_reason_are_called_killed(tmp_path: Path) -> None:
    logs = {name: tmp_path / f"{name}.log" for name in ("silent", "spoken", "whole")}
    logs["silent"].write_text("2026-01-01 00:00:00,000 INFO silent {} starts\n")
    logs["spoken"].write_text("2026-01-01 00:00:00,000 ERROR error: no file\n")
    said = "".join(
        f"Error in rule {name}:\n    jobid: 1\n    log: {log} (check log file(s) for error details)\n"
        for name, log in logs.items()
    )
    (tmp_path / "snakemake.log").write_text(said)
    [line] = name_killed_jobs([tmp_path / "snakemake.log"])
    assert line.startswith("error in silent: ")
    assert line in logs["silent"].read_text()
