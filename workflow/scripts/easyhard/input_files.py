"""The files that a run from elsewhere is made of, by the settings `input`."""

from collections.abc import Mapping
from typing import Any

from easyhard.tables.files import there

FILE_KEYS = (
    *("path", "hidden", "head", "head_bias", "loss", "target", "target_count", "token", "document", "sequence"),
    *("position", "part", "argmax_wrong", "bytes", "characters", "mask", "lengths"),
)
"""The keys of `input` that name files."""


def input_files(given: Mapping[str, Any]) -> list[str]:
    """The files that the `input` settings name, of folders and patterns those that there are, each once."""
    named = [given[key] for key in FILE_KEYS if given.get(key)]
    return list(dict.fromkeys(file for one in named for file in there(one)))
