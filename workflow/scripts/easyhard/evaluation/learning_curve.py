"""Would more data help? The AUROC of probes that were fitted on a share of the fit part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from easyhard.errors import InputError
from easyhard.evaluation.estimate_rows import estimate_row
from easyhard.evaluation.resampling import Estimate, Resamples, combine_seeds
from easyhard.evaluation.rows import Row, make_rows

SECTION = "fair_learning"


@dataclass(frozen=True)
class Fit:
    """A probe fitted on so many tokens of so many documents, and its AUROC of the main label on test, one a seed."""

    tokens: int
    documents: int
    auroc: Sequence[Estimate]


def learning_rows(fits: Mapping[tuple[str, float], Fit], clusters: int, resamples: Resamples) -> list[Row]:
    """Return section `fair_learning`: one item `probe/fraction` for each (probe, fraction) of `fits`.

    auroc is the mean over seeds, with an interval over `clusters` clusters in which the seeds' spread has its part.
    The estimates must come from `resamples`. Raises InputError when a fit has no seed.
    """
    rows = []
    for (probe, fraction), fit in fits.items():
        item = f"{probe}/{fraction:g}"
        if not fit.auroc:
            raise InputError(f"{item}: no seed; the AUROC of one at least is wanted")
        rows += make_rows(SECTION, item, {"tokens": fit.tokens, "documents": fit.documents})
        rows.append(estimate_row(SECTION, item, "auroc", combine_seeds(fit.auroc, resamples), clusters))
    return rows
