"""Every figure of protocol `fair`."""

from collections.abc import Callable

from matplotlib.figure import Figure

from easyhard.report.fair_curves import learning_curve, low_rank_fair, reliability, risk_coverage
from easyhard.report.fair_forest import differences
from easyhard.report.fair_items import drawable
from easyhard.report.fair_pareto import pareto
from easyhard.report.metrics import Figures

DRAW: dict[str, Callable[[Figures], Figure]] = {
    "pareto": pareto,
    "risk_coverage": risk_coverage,
    "differences": differences,
    "low_rank_fair": low_rank_fair,
    "learning_curve": learning_curve,
    "reliability": reliability,
}


def fair_figures(figures: Figures) -> dict[str, Figure]:
    """Every figure that the table of protocol `fair` has the sections for, by name.

    Raises InputError naming a figure that such a section lacks.
    """
    return {name: DRAW[name](figures) for name in drawable(figures)}
