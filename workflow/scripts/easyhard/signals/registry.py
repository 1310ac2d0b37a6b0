"""All signals and families of signals, by name: what each one is, needs and costs, and which way it points.

An untrained signal is declared in head.py, hidden.py or context.py, those of exits alone in layers.py and
exit_labels.py, probes and stacks in catalogue.py. `register` takes one more signal, `low_rank_signal` is for names that
carry numbers.
"""

import re
from collections.abc import ValuesView
from typing import get_args

from easyhard.errors import InputError
from easyhard.signals import catalogue, context, exit_labels, head, hidden, layers
from easyhard.signals.declare import FOUNDING, HERE, REGISTERED, Needs, Signal, Sizes, register, signal

__all__ = ["DECLARED", "SIGNALS", "Needs", "Signal", "Sizes", "find", "register", "signal"]

DECLARED = (head, hidden, context, layers, exit_labels, catalogue)  # importing them is what registers their signals
SIGNALS: ValuesView[Signal] = REGISTERED.values()
"""Every registered signal; families are not listed."""

register(
    Signal(
        name="exit_classifier",
        title="exit classifier",
        formula="w·h + b, fitted to the loss",
        needs="hidden",
        high_means_easy=False,
        source=FOUNDING,
        multiply_adds=lambda sizes: sizes.dim,
    )
)

LOW_RANK_SOURCES = {"plain": FOUNDING, "centred": HERE, "weighted": "after SVD-LLM, arXiv:2403.07378"}
REFINED_SOURCE = "SVD-softmax, Shim et al., NeurIPS 2017"


def low_rank_signal(name: str) -> Signal | None:
    """The signal called kind/rank/base, like weighted/10/entropy, or kind/rank/refined_base; None for another name.

    The base is a registered signal of class head. The preview costs d r + r V multiply-adds; refined, K d more, for K
    words whose logits are then computed exactly.
    """
    parts = re.fullmatch(rf"({'|'.join(LOW_RANK_SOURCES)})/([1-9]\d*)/(refined_)?(\w+)", name)
    base = REGISTERED.get(parts[4]) if parts else None
    if parts is None or base is None or base.needs != "head":
        return None
    kind, rank, refined = parts[1], int(parts[2]), parts[3] is not None
    return Signal(
        name=name,
        title=f"{base.title}, {kind} rank {rank}{' refined' if refined else ''}",
        formula=f"{base.formula} of z at rank {rank}{', the K largest z exact' if refined else ''}",
        needs="low_rank",
        high_means_easy=base.high_means_easy,
        source=f"{LOW_RANK_SOURCES[kind]}{'; ' + REFINED_SOURCE if refined else ''}",
        multiply_adds=lambda sizes: rank * (sizes.dim + sizes.words) + (sizes.refined * sizes.dim if refined else 0),
    )


def find(name: str) -> Signal:
    """Return the signal called `name`, registered or of a low rank. Raises InputError that lists the known names."""
    entry = REGISTERED.get(name) or low_rank_signal(name)
    if entry is not None:
        return entry
    known = sorted(SIGNALS, key=lambda entry: get_args(Needs).index(entry.needs))
    raise InputError(
        f"signal {name!r} is not known; wanted one of {', '.join(entry.name for entry in known)}, "
        "or a low-rank one like weighted/10/entropy"
    )
