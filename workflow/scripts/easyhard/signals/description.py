"""What is known of a signal on disk: its cost class, its cost, which way it points, whoever says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from easyhard.errors import InputError
from easyhard.signals.registry import Sizes, find

UNSTATED = "own"  # the cost class of a signal of which nobody says what it needs


@dataclass(frozen=True)
class Description:
    """`needs` is a cost class or UNSTATED; `multiply_adds` per token, NaN where nobody says.

    `high_means_easy` is None where the direction is to be learnt on the rows that are fitted on.
    """

    needs: str
    multiply_adds: float
    high_means_easy: bool | None


def describe(name: str, declared: Mapping[str, Any], sizes: Sizes | None) -> Description:
    """Describe a signal: what `declared` says under high_means (easy or hard), needs and multiply_adds goes first, then
    what the registry says of that name, then nothing is known. Without `sizes` the registry's costs are not known.
    """
    try:
        known = find(name)
    except InputError:
        known = None
    high_means_easy = known.high_means_easy if known else None
    if declared.get("high_means"):
        high_means_easy = declared["high_means"] == "easy"
    cost = declared.get("multiply_adds")
    if cost is None and known and known.multiply_adds and sizes:
        cost = known.multiply_adds(sizes)
    needs = declared.get("needs") or (known.needs if known else UNSTATED)
    return Description(needs, float("nan") if cost is None else float(cost), high_means_easy)
