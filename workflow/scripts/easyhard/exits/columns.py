"""What is said at every exit of a batch of tokens: outcomes, which may look at later layers, and signals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.activations.layered import Layered, States
from easyhard.errors import InputError
from easyhard.logits.distillation import Translator, translated
from easyhard.logits.exits import exit_statistics
from easyhard.logits.low_rank import LOW_RANK_STATISTICS, LowRankSweep
from easyhard.logits.moments import Moments
from easyhard.model.store import read_tensors
from easyhard.signals.declare import LOGIT_STATISTICS, TARGET_STATISTICS, computable, compute
from easyhard.signals.head import TAIL_THRESHOLDS, TOP_K
from easyhard.signals.hidden_batch import logit_moment_signals
from easyhard.signals.layers import exit_change_signals, layer_signals
from easyhard.signals.tokens import train_surprisal

Column = NDArray[Any]
Translators = Mapping[int, Translator]
"""Exit → A (d, d) and b (d,) of the translated state h + A h + b."""


@dataclass(frozen=True)
class ExitHeads:
    """What turns the states of exits into logits: the head (words, dim) with its softcap, the translators of the exits
    but the last, where there are any, a sweep of one low rank, where it is wanted, and, where exits have heads of their
    own, these: exit → head (words, dim), the last exit's among them."""

    exits: Sequence[int]
    head: Tensor
    softcap: float | None
    moments: Moments
    counts: NDArray[np.integer] | None = None
    translators: Translators | None = None
    low_rank: LowRankSweep | None = None
    own: Mapping[int, Tensor] | None = None


def exit_columns(
    model: Layered, heads: ExitHeads, states: States, targets: Column
) -> tuple[dict[str, Column], dict[str, Column]]:
    """Signals and outcomes of a batch: `exit/name`, and `exit/head/name` for heads other than the lens, (rows,) each.

    Outcomes are the loss (nats), the most probable word, and KL(p_L ‖ p_l), nats, at each exit l.
    """
    seen = {layer: model.seen(states[layer]) for layer in heads.exits}
    target = torch.tensor(targets, dtype=torch.int64, device=heads.head.device)
    signals, outcomes = _of_head(heads, seen, heads.head, target, "")
    for layer in heads.exits[:-1]:
        found = layer_signals(states[layer], states[layer - 1]) | logit_moment_signals(seen[layer], heads.moments)
        signals |= {f"{layer}/{name}": values for name, values in found.items()}
    if heads.translators is not None:
        moved = {layer: model.seen(translated(states[layer].float(), own)) for layer, own in heads.translators.items()}
        more, later = _of_head(
            heads, moved | {heads.exits[-1]: seen[heads.exits[-1]]}, heads.head, target, "translated/"
        )
        signals, outcomes = signals | more, outcomes | later
    if heads.own is not None:
        more, later = _of_head(heads, *_side_by_side(seen, heads.own), target, "own/")
        signals, outcomes = signals | more, outcomes | later
    if heads.low_rank is not None:
        for layer in heads.exits[:-1]:
            (found,) = heads.low_rank.run(seen[layer]).values()
            signals |= {f"{layer}/low_rank/{name}": found[name] for name in LOW_RANK_STATISTICS}
    return _stored(signals), _stored(outcomes)


def read_translators(path: str | Path, exits: Sequence[int], device: torch.device) -> Translators:
    """The translators of every exit but the last. Raises InputError naming a file that is damaged or of other exits."""
    stored = read_tensors(path)
    missing = [layer for layer in exits[:-1] if f"{layer}/matrix" not in stored]
    if missing:
        raise InputError(f"{path}: no translator of exit {missing[0]}; delete it and rerun")
    return {layer: (stored[f"{layer}/matrix"].to(device), stored[f"{layer}/offset"].to(device)) for layer in exits[:-1]}


def _side_by_side(seen: Mapping[int, Tensor], own: Mapping[int, Tensor]) -> tuple[dict[int, Tensor], Tensor]:
    """States and one head of all exits with heads of their own: the heads (words, dim) lie beside each other, and a
    state (rows, dim) has zeros where the others' are."""
    wide = {}
    for place, layer in enumerate(own):
        dim = own[layer].shape[1]
        wide[layer] = torch.nn.functional.pad(seen[layer], (place * dim, (len(own) - 1 - place) * dim))
    return wide, torch.cat(list(own.values()), 1)


def _of_head(
    heads: ExitHeads, seen: Mapping[int, Tensor], head: Tensor, target: Tensor, name: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Signals and outcomes of the states (rows, dim) that a head (words, dim) sees at each exit, the last among them;
    `name` is put before theirs. The last exit has outcomes alone, and of a head other than the lens not even these.
    """
    plain = [known for known in LOGIT_STATISTICS if known not in TARGET_STATISTICS]
    values: dict[str, Any] = {"words": len(heads.head)}
    if heads.counts is not None:
        values["train_surprisal"] = torch.tensor(train_surprisal(heads.counts), device=target.device)
    wanted = computable(["head"], {*values, *plain})
    read = {own for entry in wanted for own in entry.reads} & set(plain)
    found = exit_statistics(
        torch.stack(list(seen.values())),
        head,
        target,
        statistics=sorted(read | {"loss", "argmax"}),
        softcap=heads.softcap,
        top_k=min(TOP_K, len(heads.head)),
        tail_thresholds=TAIL_THRESHOLDS,
    )
    signals: dict[str, Tensor] = {}
    outcomes: dict[str, Tensor] = {}
    for number, (layer, own) in enumerate(zip(seen, found, strict=True)):
        if layer == heads.exits[-1] and name:
            continue
        outcomes |= {f"{layer}/{name}{key}": own[key] for key in ("loss", "argmax")}
        outcomes[f"{layer}/{name}kl"] = own["kl_last"]
        if layer == heads.exits[-1]:
            continue
        said = compute(wanted, values | own, len(target))
        said |= exit_change_signals([earlier["argmax"] for earlier in found[: number + 1]], own.get("kl_before"))
        signals |= {f"{layer}/{name}{key}": column for key, column in said.items()}
    return signals, outcomes


def _stored(columns: Mapping[str, Tensor]) -> dict[str, Column]:
    return {
        name: (values.to(torch.int32) if name.endswith("/argmax") else values.float()).cpu().numpy()
        for name, values in columns.items()
    }
