"""Outputs appear whole or not at all: write beside, then rename."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Any

from easyhard.errors import InputError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it becomes `path` when the block ends well and is removed otherwise.

    What a killed writer of the same file has left is removed first. What is renamed is on the disk, so that a power cut
    leaves no empty file. Raises InputError naming `path` when the disk is full or the folder cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(f".{escape(target.name)}.*.part"):
            left.unlink(missing_ok=True)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, target)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{target}: cannot be written ({reason}); wanted: free space and permission") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_json(path: str | Path, value: Mapping[str, Any]) -> None:
    """Write `value` as indented JSON, keys in the order given, whole or not at all.

    A last key, `sha256`, is added, by which `read_json` knows that the file is as it was written.
    """
    text = json.dumps({**value, "sha256": _sha256(value)}, indent=2, ensure_ascii=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | Path) -> dict[str, Any]:
    """Read what `write_json` wrote. Raises InputError naming a file that is not JSON, foreign, or changed since."""
    try:
        held = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable JSON file ({error}); delete it and rerun") from error
    if not isinstance(held, dict) or held.pop("sha256", None) != _sha256(held):
        raise InputError(f"{path}: not what this workflow wrote (sha256 differs); delete it and rerun")
    return held


def _sha256(value: Mapping[str, Any]) -> str:
    as_read = json.loads(json.dumps(value))  # keys are text there, which may sort otherwise
    return hashlib.sha256(json.dumps(as_read, sort_keys=True).encode()).hexdigest()
