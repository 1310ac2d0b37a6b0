"""Which charts a run has, in the order of the report."""

from collections.abc import Callable

from easyhard.report.chart import Chart
from easyhard.report.charts import differences, pareto, risk_coverage
from easyhard.report.exit_charts import exits
from easyhard.report.metrics import Figures
from easyhard.report.policy_charts import policies, policies_alone

FAIR: list[tuple[str, Callable[[Figures], Chart | None]]] = [
    ("fair_signals", pareto),
    ("policy_curves", policies),
    ("policy_curves", policies_alone),
    ("exits", exits),
    ("fair_risk", risk_coverage),
    ("fair_differences", differences),
]
"""The section that a chart is drawn from, and what makes it."""


def charts_of(fair: Figures | None) -> dict[str, Chart]:
    """The charts that the figures have sections for, by name."""
    made = [draw(fair) for section, draw in FAIR if fair is not None and fair.has_section(section)]
    return {chart.name: chart for chart in made if chart is not None}
