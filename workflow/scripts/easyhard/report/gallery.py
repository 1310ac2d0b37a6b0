"""Which charts a run has, in the order of the report."""

from collections.abc import Callable, Mapping
from typing import Any

from easyhard.report.chart import Chart
from easyhard.report.charts import differences, pareto, risk_coverage
from easyhard.report.detail_charts import learning_curve, low_rank_kinds, reliability, strata
from easyhard.report.exit_charts import exits
from easyhard.report.founding_charts import plain_low_rank, separation
from easyhard.report.metrics import Figures
from easyhard.report.policy_charts import policies, policies_alone
from easyhard.report.token_charts import token_charts

FAIR: list[tuple[str, Callable[[Figures], Chart | None]]] = [
    ("fair_signals", pareto),
    ("policy_curves", policies),
    ("policy_curves", policies_alone),
    ("exits", exits),
    ("fair_risk", risk_coverage),
    ("fair_differences", differences),
    ("fair_calibration", reliability),
    ("fair_low_rank", low_rank_kinds),
    ("fair_strata", strata),
    ("fair_learning", learning_curve),
]
"""The section that a chart is drawn from, and what makes it."""

PUBLISHED: list[tuple[str, Callable[[Figures], Chart | None]]] = [
    ("separation", separation),
    ("low_rank", plain_low_rank),
]


def charts_of(
    fair: Figures | None,
    published: Figures | None = None,
    files: Mapping[str, Any] | None = None,
    cutting: Mapping[str, int] | None = None,
) -> dict[str, Chart]:
    """The charts that the figures of either protocol have sections for, by name; `files` and `cutting` are those of
    `token_charts`, for the published one."""
    made = [
        draw(figures)
        for figures, known in ((fair, FAIR), (published, PUBLISHED))
        for section, draw in known
        if figures is not None and figures.has_section(section)
    ]
    made += token_charts(files, cutting) if published is not None and files is not None and cutting is not None else []
    return {chart.name: chart for chart in made if chart is not None}
