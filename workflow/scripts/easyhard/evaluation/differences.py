"""How far each signal is from the best of its cost class and from the best that passes over the vocabulary."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from easyhard.evaluation.estimate_rows import estimate_row
from easyhard.evaluation.resampling import Estimate, difference, holm, p_value
from easyhard.evaluation.rows import Row

SECTION: Final = "fair_differences"
ORACLE_CLASS: Final = "target"
HEAD_CLASS: Final = "head"


@dataclass(frozen=True)
class Standing:
    """What comparing a signal takes: its cost class, its figures on the select rows and on the test rows.

    `select_auroc` and `auroc` are of the main label, `select_augrc` and `augrc` of the loss in nats.
    """

    name: str
    needs: str
    select_auroc: float
    select_augrc: float
    auroc: Estimate
    augrc: Estimate


def class_bests(standings: Sequence[Standing]) -> dict[str, Standing]:
    """Return the best signal of each cost class, by AUROC on select, so that the test rows have no say.

    The first of equals is the best. Signals that need the target are oracles and compete with none: they are left out.
    """
    bests: dict[str, Standing] = {}
    for standing in standings:
        best = bests.get(standing.needs)
        if standing.needs != ORACLE_CLASS and (best is None or standing.select_auroc > best.select_auroc):
            bests[standing.needs] = standing
    return bests


def difference_rows(standings: Sequence[Standing], clusters: int) -> list[Row]:
    """Return section `fair_differences`: signal less best, paired, with intervals and p-values, and who is best.

    p-values are Holm's: over the class for differences from its best, over all signals outside the head's class for
    differences from the best of that. A positive difference of AUROC and a negative one of AUGRC (nats) favour the
    signal. augrc_from_head_lowest is from the head's signal with the lowest AUGRC on select, a harder rival for AUGRC
    than the best by AUROC; is_head_lowest says which. Without signals of class `head` there are no differences from it.
    """
    bests = class_bests(standings)
    contenders = [standing for standing in standings if standing.needs != ORACLE_CLASS]
    rows = [
        Row(SECTION, standing.name, "is_class_best", float(bests[standing.needs] is standing))
        for standing in contenders
    ]
    for needs, best in bests.items():
        rivals = [standing for standing in contenders if standing.needs == needs and standing is not best]
        auroc = [difference(rival.auroc, best.auroc) for rival in rivals]
        rows += _family(rivals, auroc, "auroc_from_class_best", clusters)
    if HEAD_CLASS in bests:
        heads = [standing for standing in contenders if standing.needs == HEAD_CLASS]
        rivals = [standing for standing in contenders if standing.needs != HEAD_CLASS]
        lowest = min(heads, key=lambda standing: standing.select_augrc)
        auroc = [difference(rival.auroc, bests[HEAD_CLASS].auroc) for rival in rivals]
        augrc = [difference(rival.augrc, bests[HEAD_CLASS].augrc) for rival in rivals]
        from_lowest = [difference(rival.augrc, lowest.augrc) for rival in rivals]
        rows += [Row(SECTION, head.name, "is_head_lowest", float(head is lowest)) for head in heads]
        rows += _family(rivals, auroc, "auroc_from_head_best", clusters)
        rows += _family(rivals, augrc, "augrc_from_head_best", clusters)
        rows += _family(rivals, from_lowest, "augrc_from_head_lowest", clusters)
    return rows


def _family(rivals: Sequence[Standing], differences: Sequence[Estimate], metric: str, clusters: int) -> list[Row]:
    adjusted = holm([p_value(estimate, 0.0, clusters) for estimate in differences])
    rows = []
    for rival, estimate, p in zip(rivals, differences, adjusted, strict=True):
        rows.append(estimate_row(SECTION, rival.name, metric, estimate, clusters))
        rows.append(Row(SECTION, rival.name, f"{metric}_p", None if math.isnan(p) else p))
    return rows
