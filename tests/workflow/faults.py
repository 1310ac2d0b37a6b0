"""How to damage files, and to run Snakemake so that it can be killed or told to stop."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save_file

from repository import Repository

DAMAGES = ("truncated", "flipped", "flipped_end", "empty", "foreign")


def damage(path: Path, kind: str) -> None:
    """Put something in place of the file at `path`: a part of it, it with one bit changed, nothing, another's file."""
    whole = path.read_bytes()
    if kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "foreign":
        _write_foreign(path)
    else:
        changed = bytearray(whole)
        changed[_place(path, whole, kind)] ^= 1
        path.write_bytes(changed)


def _place(path: Path, whole: bytes, kind: str) -> int:
    """Which byte is changed: one among the data, or one of what describes them."""
    if path.suffix == ".parquet":
        group = pq.ParquetFile(path).metadata.row_group(0).column(0)
        first = group.dictionary_page_offset or group.data_page_offset
        return first + group.total_compressed_size - 2 if kind == "flipped" else whole.rindex(b"columns") + 13
    if path.suffix == ".json":
        digit = next(place for place, byte in enumerate(whole) if chr(byte).isdigit())
        return digit if kind == "flipped" else whole.rindex(b'"') - 1
    return len(whole) - 3 if kind == "flipped" else 20


def _write_foreign(path: Path) -> None:
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"other": [1.0]}), path)
    elif path.suffix == ".safetensors":
        import numpy as np

        save_file({"other": np.ones(3, np.float32)}, path)
    else:
        path.write_text('{"other": 1}', encoding="utf-8")


def start(repository: Repository, *targets: str, cores: int = 4) -> subprocess.Popen[str]:
    """Snakemake in a process group of its own, its words in faults.log."""
    command = [sys.executable, "-m", "snakemake", *targets, "--cores", str(cores), "--resources", "gpu=1"]
    with (repository.root / "faults.log").open("w") as log:
        return subprocess.Popen(
            [*command, "--configfile", "small.yaml"],
            cwd=repository.root,
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=True,
        )


def said(repository: Repository) -> str:
    """What the last `start` has said."""
    return (repository.root / "faults.log").read_text(encoding="utf-8")


def kill_group(run: subprocess.Popen[str], number: int = signal.SIGKILL) -> int:
    """Send a signal to Snakemake and all its jobs; its exit code."""
    os.killpg(run.pid, number)
    return run.wait(timeout=60)


def jobs_of(repository: Repository) -> list[int]:
    """The processes that run a rule's script in the repository."""
    scripts = f"{repository.root}/.snakemake/scripts".encode()
    return [
        int(folder.name)
        for folder in Path("/proc").glob("[0-9]*")
        if _words(folder)[:1] != [b"/bin/sh"] and any(word.startswith(scripts) for word in _words(folder))
    ]


def _words(folder: Path) -> list[bytes]:
    try:
        return (folder / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
