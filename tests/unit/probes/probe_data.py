"""Probes' data whose states are all in memory, and probes fitted on it and asked about all of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from easyhard.probes.ensemble import ProbeSettings
from easyhard.probes.fair import ProbeData, ProbeSummary, Rows, Values, fit_probes, summarise, values_of
from easyhard.progress import Progress


def in_memory(**columns: Any) -> ProbeData:
    """All that ProbeData takes but `kept` and `states`, which follow from `hidden` of all tokens."""
    hidden = columns["hidden"]
    return ProbeData(kept=np.arange(len(hidden)), states=lambda: iter(hidden.split(500)), **columns)


def fit_and_say(
    data: ProbeData, probes: Sequence[str], settings: ProbeSettings, *, seeds: Sequence[int], judged: Rows
) -> tuple[dict[str, Values], list[ProbeSummary]]:
    """Each probe's values for every token, by probe@seed, and how its fit went."""
    progress = Progress("probes", len(probes) * len(seeds), "fits")
    fitted = fit_probes(data, probes, settings, seeds=seeds, progress=progress)
    every = np.arange(len(data.documents))
    columns = values_of(data, list(fitted.values()), [every] * len(fitted))
    return dict(zip(fitted, columns, strict=True)), summarise(data, list(fitted.values()), settings, judged=judged)
