"""Memory of one call, for both benchmarks."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")


def with_peak(function: Callable[[], Result]) -> tuple[Result, float]:
    """What the call returns, and the megabytes that it held at its peak beyond what was held before (Linux)."""
    ctypes.CDLL(None).malloc_trim(0)  # give back what earlier calls freed
    Path("/proc/self/clear_refs").write_text("5")  # sets the high-water mark back to what is resident now
    before = _status("VmRSS")
    result = function()
    return result, (_status("VmHWM") - before) / 1e3


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(field))
