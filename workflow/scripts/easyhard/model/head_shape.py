"""The sizes of an output head, without reading it."""

from pathlib import Path

from safetensors import SafetensorError, safe_open

from easyhard.errors import InputError


def head_shape(path: str | Path) -> tuple[int, int]:
    """Words and dim of the head in `path`. Raises InputError when there is none, or the file is damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            words, dim = file.get_slice("head").get_shape()
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(f"{path}: has no output head that can be read ({error}); wanted: words × dim") from error
    return int(words), int(dim)
