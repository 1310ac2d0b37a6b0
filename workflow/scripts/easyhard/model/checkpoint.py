"""The state of an unfinished training, from which a killed job goes on to the same result."""

import io
import logging
from pathlib import Path
from typing import Any

import torch

from easyhard.atomic import atomic_path

logger = logging.getLogger("easyhard")


def save_checkpoint(path: str | Path, identity: str, state: dict[str, Any]) -> None:
    """Write `state` (tensors, numbers, strings, lists and mappings of them), whole or not at all.

    Raises InputError naming `path` when it cannot be written.
    """
    buffer = io.BytesIO()  # given a file, torch hides why it cannot write
    torch.save({"identity": identity, "state": state}, buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load_checkpoint(path: str | Path, identity: str) -> dict[str, Any] | None:
    """The state saved under the same `identity`, or None when there is none: another one's is left unused.

    Nothing in the file is executed: only tensors and plain values are read.
    """
    if not Path(path).exists():
        return None
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever is wrong with the file, training can start again
        logger.warning("%s: not a readable checkpoint (%s); training starts anew", path, type(error).__name__)
        return None
    if not isinstance(saved, dict) or saved.get("identity") != identity:
        logger.info("%s belongs to other settings, data or code; training starts anew", path)
        return None
    return dict(saved["state"])
