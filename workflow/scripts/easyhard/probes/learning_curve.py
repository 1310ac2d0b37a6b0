"""Would more data help? Probes fitted on nested shares of the fit documents."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from easyhard.probes.documents import nested_subsets
from easyhard.probes.ensemble import ProbeSettings
from easyhard.probes.fair import Fit, ProbeData, Rows, Values, fit, values_of
from easyhard.progress import Progress


@dataclass(frozen=True)
class CurvePoint:
    """A probe fitted on whole documents that hold at least `fraction` of the fit tokens.

    `tokens` of `documents` were used; `values` are what each seed's probe says of the judged rows, (rows,) each.
    """

    probe: str
    fraction: float
    tokens: int
    documents: int
    values: list[Values]


def learning_curve(
    data: ProbeData,
    probes: Sequence[str],
    settings: ProbeSettings,
    *,
    fractions: Sequence[float],
    seeds: Sequence[int],
    judged: Rows,
    progress: Progress,
) -> list[CurvePoint]:
    """Return a point for each probe and fraction, in this order. Documents of a smaller share are among a larger one's.

    Which documents come first depends on the first seed alone. Select rows stop and calibrate every fit as they do for
    the whole fit part. `progress` counts probes times fractions times seeds. Raises InputError as `fit` does, or on a
    fraction outside (0, 1].
    """
    subsets = nested_subsets(data.documents, data.fit, fractions, seed=seeds[0])
    fits = [Fit(probe, rows, seed) for probe in probes for rows in subsets for seed in seeds]
    values = iter(values_of(data, fit(data, fits, settings, progress), [judged] * len(fits)))
    return [
        CurvePoint(
            probe=probe,
            fraction=fraction,
            tokens=len(rows),
            documents=len(np.unique(data.documents[rows])),
            values=[next(values) for _ in seeds],
        )
        for probe in probes
        for fraction, rows in zip(fractions, subsets, strict=True)
    ]
