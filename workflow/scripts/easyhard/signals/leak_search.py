"""Which of the signals on disk are the answer, and how that was found."""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from easyhard.signals.leaks import LeakTest
from easyhard.signals.store import column_names, read_columns
from easyhard.signals.tokens import StoredSignal, TokenTable, argmax_wrong

logger = logging.getLogger("easyhard")

Caught = dict[str, dict[str, Any]]
"""Name of each signal that was caught → reasons, the measures that exceed their bounds, and figures, all of them."""


def open_leak_test(
    path: str | Path, tokens: TokenTable, computed: Mapping[str, StoredSignal], threshold: float
) -> LeakTest:
    """The test of signals on the tokens of rows/documents.parquet at `path`; a loss over `threshold` (nats) is hard.

    `computed` are signals of this workflow, whose tail mass says what a calibrated model could reach, if it is there.
    """
    mass = computed.get(f"tail_mass_{threshold:g}")
    return LeakTest(
        tokens,
        threshold,
        target=read_columns(path, ["target"])["target"] if "target" in column_names(path) else None,
        argmax_wrong=argmax_wrong(path, computed.values(), len(tokens)),
        probability_hard=None if mass is None else mass.read(len(tokens))[0],
    )


def caught_signals(test: LeakTest, signals: Iterable[StoredSignal], oracles: Collection[str], tokens: int) -> Caught:
    """Those of `signals` that are the answer in any of their seeds, but for `oracles`, which are said to be.

    `tokens` is how many rows the tables have. Each is said in the log.
    """
    found: Caught = {}
    for signal in signals:
        if signal.name in oracles:
            continue
        evidence = max((test.examine(values) for values in signal.read(tokens)), key=lambda own: len(own.reasons))
        if evidence.reasons:
            found[signal.name] = asdict(evidence)
            logger.warning("signal %s knows the answer (%s): left out", signal.name, ", ".join(evidence.reasons))
    return found
