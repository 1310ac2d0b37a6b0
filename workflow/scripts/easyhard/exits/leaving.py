"""A true pass with early exit: tokens leave by what one signal says, computed of no more than who is still there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.activations.layered import Layered, Mask, Rows
from easyhard.errors import InputError
from easyhard.exits.columns import PLAIN
from easyhard.exits.heads import LENS, LOW_RANK, OUTPUTS, ExitHeads
from easyhard.logits.low_rank import LOW_RANK_STATISTICS
from easyhard.policies.policy import Policy
from easyhard.probes.exits import ExitProbes
from easyhard.signals.catalogue import EXIT_PROBES
from easyhard.signals.declare import EXIT_VALUES, LAYER_VALUES, Signal, computable, compute
from easyhard.signals.hidden_batch import logit_moment_signals, moment_signals
from easyhard.signals.layers import layer_signals
from easyhard.signals.registry import find
from easyhard.tokens.windows import NO_TOKEN, Windows


class At(NamedTuple):
    """The tokens that have come to the exit after `layer`: raw states (rows, d) before it and there."""

    layer: int
    before: Tensor
    here: Tensor


Earlier = list[Tensor]
"""What a signal has kept of exits before, (rows, …) each, of the same tokens; reading appends to it."""
Read = Callable[[At, Earlier], Tensor | None]
"""The values of a signal at an exit, (rows,); None where it has none there, as before there is something to compare."""


class Left(NamedTuple):
    """Where tokens leave, and with what: `loss` float32 (nats), `argmax` and `exit`, a layer, int32; (rows,) each."""

    loss: NDArray[np.float32]
    argmax: NDArray[np.int32]
    exit: NDArray[np.int32]


def signal_reader(model: Layered, heads: ExitHeads, probes: ExitProbes, name: str) -> Read:
    """What computes the signal called `name`, without its exit, and nothing else; to rounding as `exit_columns` has it.

    Raises InputError for what no exit knows of itself: signals of earlier tokens, whose depth is unknown once tokens
    leave, of the target, of a head that is not there, of probes that were not fitted.
    """
    head, _, base = name.rpartition("/")
    if head == LENS and base in EXIT_PROBES:
        own = {layer: network for (layer, probe), network in probes.networks.items() if probe == base}
        if own:
            return partial(_probe, own, base)
    elif head == LOW_RANK and heads.low_rank is not None and base in LOW_RANK_STATISTICS:
        return partial(_low_rank, model, heads, base)
    elif head in heads.outputs:
        entry = find(base)
        if entry in computable(["head"], {*heads.values, *PLAIN}):
            return partial(_of_logits, model, heads, head, entry)
        if entry in computable(["head"], EXIT_VALUES):
            return partial(_change if "kl_before" in entry.reads else _choice, model, heads, head, entry)
        if head == LENS and entry in computable(["layers"], LAYER_VALUES):
            return lambda at, _: layer_signals(at.here, at.before, [entry])[base]
        if head == LENS and entry in moment_signals():
            return lambda at, _: logit_moment_signals(model.seen(at.here), heads.moments, [entry])[base]
    raise InputError(
        f"policy of signal {name!r}: no exit of this run says it of a token as it leaves; one of its own states, of a "
        "head in exits.heads, or a probe at exits that was fitted is wanted"
    )


def _probe(own: Mapping[int, Any], base: str, at: At, _: Earlier) -> Tensor | None:
    if at.layer not in own:
        return None
    probe = ExitProbes({(at.layer, base): own[at.layer]})
    (said,) = probe.say({at.layer - 1: at.before, at.layer: at.here}).values()
    return torch.from_numpy(said)


def _low_rank(model: Layered, heads: ExitHeads, base: str, at: At, _: Earlier) -> Tensor:
    assert heads.low_rank is not None
    (found,) = heads.low_rank.run(model.seen(at.here)).values()
    return found[base]


def _of_logits(model: Layered, heads: ExitHeads, head: str, entry: Signal, at: At, _: Earlier) -> Tensor:
    seen = {at.layer: heads.seen(model, head, at.layer, at.here)}
    (found,) = heads.statistics(head, seen, sorted(set(entry.reads) & set(PLAIN)))
    return _computed(entry, heads.values | found, at)


def _choice(model: Layered, heads: ExitHeads, head: str, entry: Signal, at: At, earlier: Earlier) -> Tensor | None:
    """Of a signal that reads the first choices of all exits so far."""
    (found,) = heads.statistics(head, {at.layer: heads.seen(model, head, at.layer, at.here)}, ["argmax"])
    earlier.append(found["argmax"])
    return _computed(entry, {"first_choices": earlier}, at) if len(earlier) > 1 else None


def _change(model: Layered, heads: ExitHeads, head: str, entry: Signal, at: At, earlier: Earlier) -> Tensor | None:
    """Of a signal that reads the divergence from the exit before."""
    earlier.append(heads.seen(model, head, at.layer, at.here))
    if len(earlier) == 1:
        return None
    before = heads.exits[heads.exits.index(at.layer) - 1]
    found = heads.statistics(head, {before: earlier.pop(0), at.layer: earlier[0]}, ["log_sum_exp"])
    return _computed(entry, {"kl_before": found[1]["kl_before"]}, at)


def _computed(entry: Signal, values: Mapping[str, Any], at: At) -> Tensor:
    found: Tensor = compute([entry], values, len(at.here))[entry.name].float()
    return found


@dataclass
class Decision:
    """Which tokens of one pass leave by a policy. `position` is each wanted row's place in its window, (rows,)."""

    policy: Policy
    read: Read
    position: Rows
    earlier: Earlier = field(default_factory=list)

    def __call__(self, number: int, before: Tensor, here: Tensor, inside: Rows) -> Mask:
        """As `Layered.states_with_leaving` asks. Nobody leaves where the signal has no value."""
        values = self.read(At(self.policy.exits[number], before, here), self.earlier)
        if values is None:
            leaves = np.zeros(len(inside), dtype=bool)
        else:
            leaves = self.policy.leaves(number, values.cpu().numpy(), self.position[inside])
        stay = torch.from_numpy(~leaves).to(here.device)
        self.earlier[:] = [own[stay] for own in self.earlier]
        return leaves


def leave_by(
    policy: Policy,
    model: Layered,
    heads: ExitHeads,
    probes: ExitProbes,
    batches: Iterator[tuple[Windows, Mask, Rows]],
) -> Iterator[Left]:
    """Where the wanted rows of each batch leave by a policy, and with what: a true pass under teacher forcing.

    Every row that foretells a token may leave, wanted or not, since others read its keys and values; rows that foretell
    none run through all layers. A policy of a translated or own head lets tokens leave through that head, others
    through the model's own. Raises InputError as `signal_reader` does, and for exits that are not the run's.
    """
    if list(policy.exits) != list(heads.exits):
        raise InputError(
            f"policy {policy.name}: exits {list(policy.exits)}; those of the run, {list(heads.exits)}, are wanted"
        )
    read = signal_reader(model, heads, probes, policy.signal)
    head = policy.signal.rpartition("/")[0]
    for windows, wanted, _ in batches:
        may = windows.targets != NO_TOKEN
        decide = Decision(policy, read, np.nonzero(may)[1])
        final, exit = model.states_with_leaving(windows, may, policy.exits, decide)
        kept = wanted[may]
        mine = final[torch.from_numpy(kept).to(final.device)]
        yield _outcomes(model, heads, head if head in OUTPUTS else LENS, mine, exit[kept], windows.targets[wanted])


def _outcomes(
    model: Layered, heads: ExitHeads, head: str, final: Tensor, exit: Rows, targets: NDArray[np.int32]
) -> Left:
    """Final raw states (rows, d) through a head. One that is the same at every exit takes all of them at once."""
    target = torch.tensor(targets, dtype=torch.int64, device=final.device)
    loss, argmax = np.empty(len(exit), np.float32), np.empty(len(exit), np.int32)
    places = np.full_like(exit, heads.exits[-1]) if head == LENS else exit
    for layer in np.unique(places).tolist():
        rows = np.flatnonzero(places == layer)
        own = torch.from_numpy(rows).to(final.device)
        seen = {layer: heads.seen(model, head, layer, final[own])}
        (found,) = heads.statistics(head, seen, ["loss", "argmax"], target[own])
        loss[rows], argmax[rows] = found["loss"].float().cpu().numpy(), found["argmax"].cpu().numpy()
    return Left(loss, argmax, exit.astype(np.int32))
