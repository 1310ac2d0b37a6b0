"""An array in a file that is read a part at a time: what every reader of a format returns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError

CHUNK = 8_192  # rows at a time

Array = NDArray[Any]


@dataclass(frozen=True)
class Stored:
    """The array `name` of `path`: its shape, its type as the file names it, and how to read some of its rows.

    `read(first, end)` streams rows first … end − 1 in their order, at most CHUNK at a time. bfloat16, which numpy does
    not have, comes as float32; text as Python strings. Reading raises InputError naming the file when it is damaged.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[int, int], Iterator[Array]]

    @property
    def label(self) -> str:
        """How errors call it."""
        return f"{self.path}: {self.name}"

    def whole(self) -> Array:
        """All rows, at least one, in one array."""
        return np.concatenate(list(self.read(0, self.shape[0])))


def chunks(first: int, end: int) -> Iterator[slice]:
    """Rows first … end − 1 in slices of at most CHUNK rows."""
    for start in range(first, end, CHUNK):
        yield slice(start, min(start + CHUNK, end))


def unreadable(path: Path, form: str, error: Exception) -> InputError:
    """The error for a file that is missing, truncated or of another form; `form` is what is wanted."""
    reason = str(error).partition("\n")[0] or type(error).__name__
    return InputError(f"{path}: cannot be read ({reason}); {form} is wanted")
