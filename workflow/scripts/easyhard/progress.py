"""Progress of long work: one line, at most once a second in a terminal, every ten seconds in a log."""

import logging
import sys
import time

logger = logging.getLogger("easyhard")

TERMINAL_SECONDS = 1.0
LOG_SECONDS = 10.0


class Progress:
    """Counts units of work and says how fast they go and how long the rest will take.

    >>> progress = Progress("train", total=100, unit="steps")
    >>> progress.update(10, loss=6.9)   # "train: 10/100 steps, 25.0 steps/s, 0:04 left, loss 6.900"
    """

    def __init__(self, label: str, total: int, unit: str) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.start = time.monotonic()
        self.initial: int | None = None
        self.shown = self.logged = float("-inf")
        self.terminal = sys.stderr.isatty()

    def update(self, done: int, **values: float) -> None:
        """Report that `done` of the `total` units are finished; `values` are printed beside them."""
        now = time.monotonic()
        last = done >= self.total
        if self.terminal and (last or now - self.shown >= TERMINAL_SECONDS):
            self.shown = now
            print(f"\r\033[K{self._line(done, now, values)}", end="\n" if last else "", file=sys.stderr, flush=True)
        if last or now - self.logged >= LOG_SECONDS:
            self.logged = now
            logger.info(self._line(done, now, values), extra={"progress": True})

    def _line(self, done: int, now: float, values: dict[str, float]) -> str:
        if self.initial is None:
            self.initial = done if done < self.total else 0
        rate = (done - self.initial) / max(now - self.start, 1e-9)
        seconds = int((self.total - done) / rate) if rate else None
        left = "…" if seconds is None else f"{seconds // 60}:{seconds % 60:02d}"
        shown = "".join(f", {name.replace('_', ' ')} {value:.3f}" for name, value in values.items())
        return f"{self.label}: {done:,}/{self.total:,} {self.unit}, {rate:,.1f} {self.unit}/s, {left} left{shown}"
