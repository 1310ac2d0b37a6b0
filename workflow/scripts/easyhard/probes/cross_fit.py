"""What probes say of tokens whose documents they were not fitted on: what a stack may learn from.

A stack is trained on fit rows. There a probe's own values flatter it, for it has seen their losses; so each fit row
gets the value of a probe fitted on other folds of the fit documents. On select and test rows, which no probe was
fitted on, the stack reads the probe of the whole fit part as it is: the signal that would be deployed. That probe has
seen more documents than those of the folds, so if anything the stack trusts it too little.
"""

from collections.abc import Sequence

import numpy as np

from easyhard.probes.documents import document_folds
from easyhard.probes.ensemble import ProbeSettings
from easyhard.probes.fair import Fit, ProbeData, Rows, Values, fit, values_of
from easyhard.progress import Progress


def out_of_fold(
    data: ProbeData,
    probes: Sequence[str],
    settings: ProbeSettings,
    rows: Rows,
    *,
    folds: int,
    seed: int,
    progress: Progress,
) -> dict[str, Values]:
    """Return each probe's values for `rows`, those of the fit part, each from a probe that did not see the row's
    document: (rows,) each. Probes are fitted on those of the other folds' rows that are among `data.fit`.

    Folds are whole documents; each fold's probe is stopped and calibrated on the select rows, which brings the folds to
    one scale. `progress` counts probes times folds. Raises InputError as `fit` does, or when the fit rows have fewer
    documents than `folds`.
    """
    parts = document_folds(data.documents, rows, folds)
    others = [np.setdiff1d(data.fit, part, assume_unique=True) for part in parts]
    fits = [Fit(probe, other, seed) for probe in probes for other in others]
    values = iter(values_of(data, fit(data, fits, settings, progress), parts * len(probes)))
    columns = {}
    for probe in probes:
        column = np.full(len(data.documents), np.nan, dtype=np.float32)  # (tokens,)
        for part in parts:
            column[part] = next(values)
        columns[probe] = column[rows]
    return columns
