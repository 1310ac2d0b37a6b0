"""What turns the states of exits into logits: a model's own head, translated states, heads of exits, a low rank."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.activations.layered import Layered
from easyhard.errors import InputError
from easyhard.families.low_rank import read_weights
from easyhard.logits.distillation import Translator, translated
from easyhard.logits.exits import exit_statistics
from easyhard.logits.low_rank import LOW_RANK_STATISTICS, LowRankSweep
from easyhard.logits.moments import Moments, moments
from easyhard.logits.statistics import logit_statistics
from easyhard.model.store import read_head, read_softcap, read_tensors
from easyhard.signals.head import TAIL_THRESHOLDS, TOP_K
from easyhard.signals.store import read_columns
from easyhard.signals.tokens import train_surprisal

LENS, TRANSLATED, OWN, LOW_RANK = "", "translated", "own", "low_rank"
"""Heads, as names of columns have them; the model's own is left out there."""

OUTPUTS: Final = (TRANSLATED, OWN)
"""Heads other than the model's own through which tokens may leave."""

Translators = Mapping[int, Translator]
"""Exit → A (d, d) and b (d,) of the translated state h + A h + b."""


@dataclass(frozen=True)
class ExitHeads:
    """The head (words, dim) with its softcap, the translators of the exits but the last, where there are any, a sweep
    of one low rank, where it is wanted, and, where exits have heads of their own, these: exit → head (words, dim), the
    last exit's among them."""

    exits: Sequence[int]
    head: Tensor
    softcap: float | None
    moments: Moments
    counts: NDArray[Any] | None = None
    translators: Translators | None = None
    low_rank: LowRankSweep | None = None
    own: Mapping[int, Tensor] | None = None

    @property
    def outputs(self) -> list[str]:
        """The names of the heads through which tokens may leave, the model's own first."""
        there = {TRANSLATED: self.translators, OWN: self.own}
        return [LENS, *(name for name in OUTPUTS if there[name] is not None)]

    @cached_property
    def values(self) -> dict[str, Any]:
        """What signals read beside the statistics of logits."""
        surprisal = None if self.counts is None else torch.tensor(train_surprisal(self.counts), device=self.head.device)
        return {"words": len(self.head)} | ({} if surprisal is None else {"train_surprisal": surprisal})

    def seen(self, model: Layered, name: str, layer: int, raw: Tensor) -> Tensor:
        """What the head called `name` sees of raw states (rows, d) at an exit, (rows, dim) float32."""
        if name == TRANSLATED and layer != self.exits[-1]:
            assert self.translators is not None
            raw = translated(raw.float(), self.translators[layer])
        return model.seen(raw)

    def statistics(
        self, name: str, seen: Mapping[int, Tensor], statistics: Sequence[str], target: Tensor | None = None
    ) -> list[dict[str, Tensor]]:
        """Of each of these exits what `exit_statistics` gives, from what the head called `name` sees there; of one exit
        alone no divergences. target (rows,) int64, where a statistic reads it."""
        states, head = _side_by_side(seen, self.own) if name == OWN and self.own else (seen, self.head)
        how: dict[str, Any] = {"statistics": sorted(statistics), "softcap": self.softcap}
        if "top_logits" in statistics:  # more than the two largest take their time in what finds the first choice too
            how["top_k"] = min(TOP_K, len(head))
        how["tail_thresholds"] = TAIL_THRESHOLDS
        stacked = torch.stack(list(states.values()))
        if len(states) == 1:
            return [logit_statistics(stacked[0], head, target, **how)]
        return exit_statistics(stacked, head, target, **how)


def open_heads(
    files: Mapping[str, Any], settings: Mapping[str, Any], model: Layered, exits: Sequence[int], device: torch.device
) -> ExitHeads:
    """The heads that `settings.exits` names, of a model, from what was fitted. Raises InputError naming a bad file."""
    head, softcap, own = read_head(files["head"]).to(device), read_softcap(files["head"]), settings["exits"]
    low_rank = None
    if LOW_RANK in own["heads"]:
        weights = read_weights(files["moments"], device)
        low_rank = LowRankSweep(
            head, [own["rank"]], kind="weighted", states=weights, statistics=LOW_RANK_STATISTICS, softcap=softcap
        )
    own_heads = {layer: matrix for layer, matrix in (model.own_heads or {}).items() if layer in exits}
    return ExitHeads(
        exits,
        head,
        softcap,
        moments(head),
        counts=read_columns(files["counts"], ["count"])["count"] if files.get("counts") else None,
        translators=read_translators(files["fitted"], exits, device) if files.get("fitted") else None,
        low_rank=low_rank,
        own=own_heads if len(own_heads) > 1 else None,
    )


def read_translators(path: str | Path, exits: Sequence[int], device: torch.device) -> Translators:
    """The translators of every exit but the last. Raises InputError naming a file that is damaged or of other exits."""
    stored = read_tensors(path)
    missing = [layer for layer in exits[:-1] if f"{layer}/matrix" not in stored]
    if missing:
        raise InputError(f"{path}: no translator of exit {missing[0]}; delete it and rerun")
    return {layer: (stored[f"{layer}/matrix"].to(device), stored[f"{layer}/offset"].to(device)) for layer in exits[:-1]}


def _side_by_side(seen: Mapping[int, Tensor], own: Mapping[int, Tensor]) -> tuple[dict[int, Tensor], Tensor]:
    """States and one head of exits with heads of their own: the heads (words, dim) lie beside each other, and a state
    (rows, dim) has zeros where the others' are."""
    wide, dim = {}, next(iter(own.values())).shape[1]
    for place, (layer, states) in enumerate(seen.items()):
        wide[layer] = torch.nn.functional.pad(states, (place * dim, (len(seen) - 1 - place) * dim))
    return wide, torch.cat([own[layer] for layer in seen], 1)
