"""Probes at the exits of a model: small networks that say, of a token's state there, whether it may leave.

A probe is fitted for each exit but the last, on fit rows, and stopped and calibrated on select rows, as those of a
model's last state are. It reads h_l, or h_l beside h_l − h_{l−1}.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.exit_choice import layer_before
from easyhard.logits.tiles import each, spans
from easyhard.model.store import read_tensors, write_tensors
from easyhard.probes.calibration import Line
from easyhard.probes.documents import Rows
from easyhard.probes.ensemble import BLOCK, Trained, Values, fit_network
from easyhard.probes.networks import outputs
from easyhard.probes.standardise import Inputs, Moments, moments
from easyhard.probes.tasks import Task
from easyhard.progress import Progress
from easyhard.signals.catalogue import EXIT_PROBES, exit_family_and_task, multiply_adds, task_kind
from easyhard.signals.exit_labels import Column, excess_loss, exit_labels

CPU = torch.device("cpu")


@dataclass(frozen=True)
class ExitProbes:
    """Trained probes by exit and name, one of EXIT_PROBES, in the order of both.

    `summary` says how they were fitted: `costs` by exit/probe, `probes`, an entry each, and `left_out`, a list of
    [exit, probe, reason]. It is empty for probes that were read from a file.
    """

    networks: Mapping[tuple[int, str], Trained]
    summary: dict[str, Any] = field(default_factory=dict)

    def say(self, states: Mapping[int, Tensor]) -> dict[str, Values]:
        """Return what all probes say, exit/probe → (rows,): probabilities, or nats.

        states: (rows, dim) of any float type after each exit's layer and the one before it, `layer_before`; 0 is what
        the first layer is given. Raises InputError naming an exit whose states are not finite.
        """
        alike: dict[tuple[int, bool], dict[str, Trained]] = {}  # what reads the same inputs, scaled the same
        for (exit, probe), network in self.networks.items():
            alike.setdefault((exit, _reads_change(probe)), {})[probe] = network
        for exit in sorted({exit for exit, _ in alike}):
            _check_states(states, exit)
        columns: dict[str, Values] = {}
        for (exit, change), own in alike.items():
            scale = next(iter(own.values())).moments
            said = _ask(own, Inputs(_groups(states, exit, change), scale))
            columns |= {f"{exit}/{probe}": values for probe, values in said.items()}
        return columns

    def tensors(self) -> dict[str, Tensor]:
        """All that `say` needs: exit/probe/part, for the parts of `_parts`."""
        return {
            f"{exit}/{probe}/{part}": tensor
            for (exit, probe), network in self.networks.items()
            for part, tensor in _parts(network).items()
        }

    def save(self, path: str | Path, metadata: Mapping[str, str]) -> None:
        """Write `tensors` as safetensors.

        Raises InputError naming `path` when it cannot be written.
        """
        write_tensors(path, self.tensors(), metadata)

    @classmethod
    def load(cls, path: str | Path, device: torch.device = CPU) -> "ExitProbes":
        """Read what `save` wrote. Raises InputError naming a file that is damaged or holds something else."""
        parts: dict[tuple[int, str], dict[str, Tensor]] = {}
        try:
            for name, tensor in read_tensors(path).items():
                exit, probe, part = name.split("/", 2)
                parts.setdefault((int(exit), probe), {})[part] = tensor.to(device)
            order = list(EXIT_PROBES)
            keys = sorted(parts, key=lambda key: (key[0], order.index(key[1])))
            return cls({key: _trained(parts[key]) for key in keys})
        except (KeyError, ValueError) as error:
            raise InputError(f"{path}: not what probes at exits are stored as; delete it and rerun") from error


def fit_exit_probes(
    states: Mapping[int, Tensor],
    exits: Sequence[int],
    outcomes: Mapping[str, Column],
    fit: Rows,
    select: Rows,
    settings: Mapping[str, Any],
    seed: int,
    probes: Sequence[str] = tuple(EXIT_PROBES),
) -> ExitProbes:
    """Fit `probes` at every exit but the last.

    states: (rows, dim) of any float type after each of these exits' layers and the one before, `layer_before`; where
    there is none, probes that read the change are left out; outcomes: (rows,),
    `exit/loss` (nats) and `exit/argmax` of all exits, and `target`; fit and select: int64 numbers of rows. `settings`
    has hidden, learning_rate, batch_size, max_epochs and patience, as fair_probes has. A probe whose label is the same
    for all fit or all select rows is left out. Raises InputError naming an exit whose states or losses are not finite,
    or when training diverges.
    """
    *leaving, _ = exits
    truth = _truth(exits, outcomes)
    device = states[exits[0]].device
    on_fit, on_select = (torch.from_numpy(rows).to(device) for rows in (fit, select))
    networks: dict[tuple[int, str], Trained] = {}
    summary: dict[str, Any] = {"costs": {}, "probes": [], "left_out": []}
    progress = Progress("probes at exits", len(leaving) * len(probes), "fits")
    for exit in leaving:
        _check_states(states, exit)
        same = {task: _same(column, fit, select) for task, column in truth[exit].items()}
        alone = "no exit before it" if layer_before(exit, states) is None else ""
        why = {probe: (_reads_change(probe) and alone) or same[_task(probe)] for probe in probes}
        wanted = [probe for probe in probes if not why[probe]]
        summary["left_out"] += [[exit, probe, why[probe]] for probe in probes if why[probe]]
        tasks = {task: _on_device(column, device) for task, column in truth[exit].items()}
        inputs = {}
        for change in {_reads_change(probe) for probe in wanted}:
            groups = _groups(states, exit, change)
            inputs[change] = Inputs(groups, moments(groups, on_fit))
        one = partial(_fit, tasks=tasks, inputs=inputs, rows=on_fit, select=on_select, settings=settings, seed=seed)
        for probe, found in zip(wanted, each(one, wanted, device), strict=True):
            networks[exit, probe] = found
            architecture, width = exit_family_and_task(probe)[0].architecture, len(found.moments.mean)
            cost = multiply_adds(architecture, width, settings["hidden"])
            summary["costs"][f"{exit}/{probe}"] = {"multiply_adds": cost}
            summary["probes"].append({"exit": exit, "probe": probe, "seed": seed} | found.course | vars(found.line))
            progress.update(len(networks) + len(summary["left_out"]))
    return ExitProbes(networks, summary)


def _reads_change(probe: str) -> bool:
    return exit_family_and_task(probe)[0].reads_change


def _task(probe: str) -> str:
    return exit_family_and_task(probe)[1]


def _fit(probe: str, tasks: Mapping[str, Task], inputs: Mapping[bool, Inputs], **how: Any) -> Trained:
    family, task = exit_family_and_task(probe)
    return fit_network(family.architecture, task, tasks[task], inputs[family.reads_change], **how)


def _truth(exits: Sequence[int], outcomes: Mapping[str, Column]) -> dict[int, dict[str, Column]]:
    """Exit → task → (rows,)."""
    loss, argmax = ({exit: outcomes[f"{exit}/{name}"] for exit in exits} for name in ("loss", "argmax"))
    for exit, column in loss.items():
        if not np.isfinite(column).all():
            raise InputError(f"exit {exit}: losses that are not finite; finite nats are wanted")
    labels = exit_labels(loss, argmax, outcomes["target"], near=0.0)  # of which no probe is trained on `near`
    excess = excess_loss(loss)
    return {
        exit: {
            "agrees": own["agrees"],
            "stays": own["stays"],
            "correct": own["right"],
            "excess": excess[exit],
            "loss": loss[exit],
        }
        for exit, own in labels.items()
    }


def _same(column: Column, fit: Rows, select: Rows) -> str:
    """Why nothing can be learnt of a task, in words; nothing where something can."""
    for part, rows in (("fit", fit), ("select", select)):
        if (column[rows] == column[rows[0]]).all():
            return f"the same for all {len(rows)} {part} rows"
    return ""


def _on_device(column: Column, device: torch.device) -> Task:
    values = torch.tensor(column, dtype=torch.float32, device=device)
    return Task(values, values)


def _groups(states: Mapping[int, Tensor], exit: int, change: bool) -> list[Tensor]:
    """What probes at an exit read, (rows, dim) each: h_l, and where `change` says so h_l − h_{l−1} in float32."""
    here, before = states[exit], layer_before(exit, states)
    return [here, here.float() - states[before].float()] if change and before is not None else [here]


def _ask(networks: Mapping[str, Trained], inputs: Inputs) -> dict[str, Values]:
    """What networks say that read the same inputs, by probe, (rows,): each block of inputs is scaled once for all."""
    first = inputs.groups[0]
    rows = torch.arange(len(first), device=first.device)

    def one(probe: str, x: Tensor) -> Values:
        family, task = exit_family_and_task(probe)
        network = networks[probe]
        return network.values(task_kind(task), outputs(family.architecture, network.weights, x))

    def one_block(block: slice) -> list[Values]:
        x = inputs.at(rows[block])
        return [one(probe, x) for probe in networks]

    said = list(each(one_block, spans(len(rows), BLOCK), first.device))
    none = np.empty(0, np.float32)
    return {name: np.concatenate([none, *(values[number] for values in said)]) for number, name in enumerate(networks)}


def _check_states(states: Mapping[int, Tensor], exit: int) -> None:
    before = layer_before(exit, states)
    for layer in [exit] if before is None else [before, exit]:
        bad = int((~states[layer].isfinite().all(1)).sum())
        if bad:
            raise InputError(f"exit {exit}: {bad} of {len(states[layer])} states after layer {layer} are not finite")


def _parts(network: Trained) -> dict[str, Tensor]:
    """weights_0, …: those of `networks.first_weights`; mean and deviation (width,) of the inputs; unit, mean and
    deviation of the target; line, slope and intercept that calibrate, float64."""
    return {
        **{f"weights_{number}": tensor for number, tensor in enumerate(network.weights)},
        "mean": network.moments.mean.clone(),  # which several networks share, and a file cannot
        "deviation": network.moments.deviation.clone(),
        "unit": torch.cat([network.unit.mean, network.unit.deviation]),
        "line": torch.tensor([network.line.slope, network.line.intercept], dtype=torch.float64),
    }


def _trained(parts: Mapping[str, Tensor]) -> Trained:
    return Trained(
        weights=[parts[name] for name in sorted(parts) if name.startswith("weights_")],
        moments=Moments(parts["mean"], parts["deviation"]),
        unit=Moments(*parts["unit"].split(1)),
        line=Line(*parts["line"].tolist()),
        course={},
    )
