"""Estimates as rows of the figures' file, with their intervals."""

import math

from easyhard.evaluation.resampling import Estimate, interval
from easyhard.evaluation.rows import Row


def estimate_row(section: str, item: str, metric: str, estimate: Estimate, clusters: int) -> Row:
    """Return the row of an estimate from so many clusters; value and interval are None where they are undefined."""
    low, high = interval(estimate, clusters)
    known = math.isfinite(low) and math.isfinite(high)
    value = estimate.value if math.isfinite(estimate.value) else None
    return Row(section, item, metric, value, low if known else None, high if known else None)
