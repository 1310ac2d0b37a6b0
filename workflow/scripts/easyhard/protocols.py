"""The protocols, as data: which rows of a run each measures, and what is computed on them.

`published` repeats the founding experiment on its validation tokens; `fair` measures every validation and test
document, parted by document into fit, select and test. Rules and scripts are the same for all row sets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

TRAIN, VALIDATION, DOCUMENTS = "train", "validation", "documents"
ROW_SETS: Final = (TRAIN, VALIDATION, DOCUMENTS)
"""Row sets: the sequences that the language model is trained on, those that stop it, and whole documents."""

LOW_RANK_KINDS: Final = ("weighted", "centred", "plain")
"""From the best down: stacks read the first that is there."""

Families = dict[str, dict[str, Any]]
"""Families of signals, modules of easyhard.families, each with its settings."""


@dataclass(frozen=True)
class Protocol:
    """A protocol measures one row set, with the settings of its own for low ranks under the key `low_rank`.

    `parted`: documents are parted into fit, select and test. `only`: the signals of the logits that it looks at; all
    that can be computed where it is None.
    """

    name: str
    rows: str
    parted: bool
    low_rank: str
    only: tuple[str, ...] | None = None


PUBLISHED: Final = Protocol(
    "published",
    VALIDATION,
    parted=False,
    low_rank="low_rank",
    only=("target_probability", "max_probability", "max_logit", "max_minus_mean", "margin", "entropy"),
)
FAIR: Final = Protocol("fair", DOCUMENTS, parted=True, low_rank="fair_low_rank")
PROTOCOLS: Final = {protocol.name: protocol for protocol in (FAIR, PUBLISHED)}


def protocol_of(rows: str) -> Protocol:
    """The protocol that measures a row set."""
    return next(protocol for protocol in PROTOCOLS.values() if protocol.rows == rows)


def head_families(rows: str, settings: Mapping[str, Any]) -> Families:
    """What the pass over the vocabulary yields on a row set, for a run of these settings."""
    protocol = protocol_of(rows)
    if not protocol.parted:
        return {"head": {"only": protocol.only}}
    return {"head": {}, "words": {"draws": settings["fair"]["draws"], "seed": settings["seed"]}}


def low_rank_families(rows: str, settings: Mapping[str, Any]) -> Families:
    """What the sweeps over a head of low rank yield on a row set: the founding analysis knows plain ranks alone.

    Of the kind that stacks read, fit tokens are wanted too.
    """
    own = settings[protocol_of(rows).low_rank]
    kinds = own.get("kinds", ["plain"])
    known = {"kinds": kinds, "ranks": own["ranks"], "refined": own.get("refined", 0)}
    return {"low_rank": known | {"fit_too": [stacked_kind(kinds)]}}


def stacked_kind(kinds: list[str]) -> str:
    """The kind of low rank that stacks read."""
    return next(kind for kind in LOW_RANK_KINDS if kind in kinds)
