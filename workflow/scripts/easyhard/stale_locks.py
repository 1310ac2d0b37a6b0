"""Locks that a killed Snakemake has left behind, and how to tell them from those of a living one.

Snakemake locks the files of a run by files of its own, which outlive it when it is killed or the power fails. The
kernel's locks do not: whoever works in a folder holds one, shared, for as long as it lives. Where nobody holds one, the
files that Snakemake has left lock nothing.
"""

import fcntl
import logging
import shutil
import socket
from pathlib import Path
from typing import IO

logger = logging.getLogger("snakemake.logging")


def hold(folder: Path) -> IO[str] | None:
    """Say that this process works in the folder until the file that is returned is closed, or the process ends.

    None where the file system has no locks, or the folder cannot be written.
    """
    try:
        file = (folder / "alive").open("a+", encoding="utf-8")
        fcntl.flock(file, fcntl.LOCK_SH)
    except OSError:
        return None
    return file


def clear_and_hold(folder: Path) -> IO[str] | None:
    """As `hold`, for Snakemake itself: with nobody else alive, `folder`/locks is removed first.

    Not every file system carries locks from one machine to another, so what another machine has left stays.
    """
    try:
        folder.mkdir(exist_ok=True)
        file = (folder / "alive").open("a+", encoding="utf-8")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _clear(folder / "locks", file)
    except OSError:
        pass  # somebody else is alive
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
    except OSError:
        return None
    host = socket.gethostname()
    file.seek(0)
    if host not in file.read().split():
        print(host, file=file, flush=True)
    return file


def _clear(locks: Path, file: IO[str]) -> None:
    file.seek(0)
    hosts = set(file.read().split())
    left = any(locks.glob("*.lock"))
    if left and hosts <= {socket.gethostname()}:
        shutil.rmtree(locks)
        left = False
        logger.info("The lock of an earlier Snakemake, which no longer runs, is removed.")
    if not left:
        file.truncate(0)
