"""How far each signal is from the best of its cost class and from the best that passes over the vocabulary."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from easyhard.evaluation.resampling import Estimate, estimate_row, holm, p_value
from easyhard.evaluation.rows import Row

SECTION: Final = "fair_differences"
ORACLE_CLASS: Final = "target"
HEAD_CLASS: Final = "head"


@dataclass(frozen=True)
class Standing:
    """What comparing a signal takes: its cost class, its figures on the select rows and on the test rows.

    AUROCs are by label, on the select rows and on the test rows, the main label's first; `select_augrc` and `augrc` are
    of the loss in nats; `cost` is multiply-adds a token, infinite where nobody says.
    """

    name: str
    needs: str
    cost: float
    select: Mapping[str, float]
    aurocs: Mapping[str, Estimate]
    select_augrc: float
    augrc: Estimate

    @property
    def select_auroc(self) -> float:
        """Of the main label, on the select rows."""
        return next(iter(self.select.values()))

    @property
    def auroc(self) -> Estimate:
        """Of the main label, on the test rows."""
        return next(iter(self.aurocs.values()))


def difference_rows(standings: Sequence[Standing], clusters: int) -> list[Row]:
    """Return section `fair_differences`: signal less best, paired, with intervals and p-values, and who is best.

    The best of a cost class is chosen by AUROC on select, so that the test rows have no say; the first of equals.
    Signals that need the target are oracles and compete with none: they are left out. p-values are Holm's: over the
    class for differences from its best, over all signals outside the head's class for differences from the best of
    that. A positive difference of AUROC and a negative one of AUGRC (nats) favour the signal. augrc_from_head_lowest is
    from the head's signal with the lowest AUGRC on select, a harder rival for AUGRC than the best by AUROC;
    is_head_lowest says which. Without signals of class `head` there are no differences from it.
    """
    contenders = [standing for standing in standings if standing.needs != ORACLE_CLASS]
    bests: dict[str, Standing] = {}
    for standing in contenders:
        if standing.select_auroc > bests.setdefault(standing.needs, standing).select_auroc:
            bests[standing.needs] = standing
    rows = [Row(SECTION, own.name, "is_class_best", float(bests[own.needs] is own)) for own in contenders]
    for needs, best in bests.items():
        rivals = [own for own in contenders if own.needs == needs and own is not best]
        rows += _family(rivals, best, "auroc", "auroc_from_class_best", clusters)
    if HEAD_CLASS in bests:
        heads = [own for own in contenders if own.needs == HEAD_CLASS]
        rivals = [own for own in contenders if own.needs != HEAD_CLASS]
        best, lowest = bests[HEAD_CLASS], min(heads, key=lambda own: own.select_augrc)
        rows += [Row(SECTION, head.name, "is_head_lowest", float(head is lowest)) for head in heads]
        rows += _family(rivals, best, "auroc", "auroc_from_head_best", clusters)
        rows += _family(rivals, best, "augrc", "augrc_from_head_best", clusters)
        rows += _family(rivals, lowest, "augrc", "augrc_from_head_lowest", clusters)
    return rows


def _family(
    rivals: Sequence[Standing], best: Standing, figure: Literal["auroc", "augrc"], metric: str, clusters: int
) -> list[Row]:
    differences = [getattr(rival, figure) - getattr(best, figure) for rival in rivals]  # paired: on the same resamples
    adjusted = holm([p_value(estimate, clusters) for estimate in differences])
    rows = []
    for rival, estimate, p in zip(rivals, differences, adjusted, strict=True):
        rows.append(estimate_row(SECTION, rival.name, metric, estimate, clusters))
        rows.append(Row(SECTION, rival.name, f"{metric}_p", None if math.isnan(p) else p))
    return rows
