"""What is said at every exit of a batch of tokens: outcomes, which may look at later layers, and signals."""

from collections.abc import Mapping
from typing import Any, Final

import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.activations.layered import Layered, States
from easyhard.exit_choice import layer_before
from easyhard.exits.heads import ExitHeads
from easyhard.logits.low_rank import LOW_RANK_STATISTICS
from easyhard.signals.declare import LOGIT_STATISTICS, TARGET_STATISTICS, computable, compute
from easyhard.signals.hidden_batch import logit_moment_signals
from easyhard.signals.layers import exit_change_signals, layer_signals

Column = NDArray[Any]

PLAIN: Final = tuple(name for name in LOGIT_STATISTICS if name not in TARGET_STATISTICS)
"""The statistics that signals may read."""


def exit_columns(
    model: Layered, heads: ExitHeads, states: States, targets: Column
) -> tuple[dict[str, Column], dict[str, Column]]:
    """Signals and outcomes of a batch: `exit/name`, and `exit/head/name` for heads other than the lens, (rows,) each.

    Outcomes are the loss (nats), the most probable word, and KL(p_L ‖ p_l), nats, at each exit l.
    """
    target = torch.tensor(targets, dtype=torch.int64, device=heads.head.device)
    signals: dict[str, Tensor] = {}
    outcomes: dict[str, Tensor] = {}
    for name in heads.outputs:
        seen = {layer: heads.seen(model, name, layer, states[layer]) for layer in heads.exits}
        said, found = _of_head(heads, name, seen, target)
        signals, outcomes = signals | said, outcomes | found
    for layer in heads.exits[:-1]:
        here, before = model.seen(states[layer]), layer_before(layer, states)
        own = layer_signals(states[layer], None if before is None else states[before])
        own |= logit_moment_signals(here, heads.moments)
        if heads.low_rank is not None:
            (low,) = heads.low_rank.run(here).values()
            own |= {f"low_rank/{name}": low[name] for name in LOW_RANK_STATISTICS}
        signals |= {f"{layer}/{name}": values for name, values in own.items()}
    return _stored(signals), _stored(outcomes)


def _of_head(
    heads: ExitHeads, head: str, seen: Mapping[int, Tensor], target: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Signals and outcomes of the states (rows, dim) that the head called so sees at each exit, the last among them.

    The last exit has outcomes alone, and of a head other than the lens not even these.
    """
    wanted = computable(["head"], {*heads.values, *PLAIN})
    read = {own for entry in wanted for own in entry.reads} & set(PLAIN)
    found = heads.statistics(head, seen, [*read | {"loss", "argmax"}], target)
    name = f"{head}/" if head else ""
    signals: dict[str, Tensor] = {}
    outcomes: dict[str, Tensor] = {}
    for number, (layer, own) in enumerate(zip(seen, found, strict=True)):
        if layer == heads.exits[-1] and name:
            continue
        outcomes |= {f"{layer}/{name}{key}": own[key] for key in ("loss", "argmax")}
        outcomes[f"{layer}/{name}kl"] = own["kl_last"]
        if layer == heads.exits[-1]:
            continue
        said = compute(wanted, heads.values | own, len(target))
        said |= exit_change_signals([earlier["argmax"] for earlier in found[: number + 1]], own.get("kl_before"))
        signals |= {f"{layer}/{name}{key}": column for key, column in said.items()}
    return signals, outcomes


def _stored(columns: Mapping[str, Tensor]) -> dict[str, Column]:
    return {
        name: (values.to(torch.int32) if name.endswith("/argmax") else values.float()).cpu().numpy()
        for name, values in columns.items()
    }
