"""What is known of a signal that was brought along: its cost class, its cost, which way it points."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from easyhard.errors import InputError
from easyhard.signals.registry import Signal, find

UNSTATED = "own"  # the cost class of a signal of which nobody says what it needs


@dataclass(frozen=True)
class OwnSignal:
    """`needs` is a cost class or UNSTATED; `multiply_adds` are per token, None where nobody says.

    `high_means_easy` is None where the direction is to be learnt on fit rows.
    """

    name: str
    needs: str
    multiply_adds: float | None
    high_means_easy: bool | None


def own_signals(names: Sequence[str], declared: Mapping[str, Mapping[str, Any] | None]) -> tuple[OwnSignal, ...]:
    """Describe the signals `names`, in their order.

    What `declared[name]` says under high_means (easy or hard), needs and multiply_adds holds. What it leaves open, the
    registry says of a name that it knows, but for the cost, which depends on sizes that are not at hand.
    """
    return tuple(_describe(name, declared.get(name) or {}, _registered(name)) for name in names)


def _describe(name: str, said: Mapping[str, Any], known: Signal | None) -> OwnSignal:
    high_means_easy = None if known is None else known.high_means_easy
    if said.get("high_means") is not None:
        high_means_easy = said["high_means"] == "easy"
    needs = said.get("needs") or (UNSTATED if known is None else known.needs)
    return OwnSignal(name, needs, said.get("multiply_adds"), high_means_easy)


def _registered(name: str) -> Signal | None:
    try:
        return find(name)
    except InputError:
        return None
