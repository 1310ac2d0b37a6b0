"""A policy as a folder that its user copies: what it needs of a run, and one file that reads it."""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from easyhard.atomic import atomic_path, write_json
from easyhard.errors import InputError
from easyhard.model.store import write_tensors
from easyhard.policies import easyhard_policy
from easyhard.policies.candidates import can_be_taken
from easyhard.policies.easyhard_policy import JSON, SCHEMA, TENSORS
from easyhard.policies.policy import Policy
from easyhard.probes.exits import ExitProbes
from easyhard.signals.catalogue import EXIT_PROBES, exit_family_and_task, task_kind


def write_policy(folder: str | Path, policy: Policy, probes: ExitProbes, facts: Mapping[str, Any]) -> None:
    """Write policy.safetensors, the file that reads it, and policy.json, each whole or not at all.

    probes: all of the run's, of whose states they know the width. facts: of JSON's types, what is to be said of the run
    beside that: its name, its hashes, the model's layers, what leaving at each exit costs. Raises InputError for a
    policy that needs more than states, or when a file cannot be written.
    """
    if policy.mixtures is not None or not can_be_taken(policy.signal):
        raise InputError(f"{policy.name}: needs more than a token's states; a policy of states alone is wanted")
    folder, stored = Path(folder), probes.tensors()
    exits = [exit for exit in policy.exits[:-1] if (exit, policy.signal) in probes.networks]
    own = {
        name.replace(f"/{policy.signal}/", "/"): tensor
        for name, tensor in stored.items()
        if name.startswith(tuple(f"{exit}/{policy.signal}/" for exit in exits))
    }
    write_tensors(folder / TENSORS, own, {})
    with atomic_path(folder / Path(easyhard_policy.__file__).name) as path:
        shutil.copyfile(easyhard_policy.__file__, path)
    said = policy.as_json() | {"width": _width(probes)}
    said.pop("mixtures")
    digest = hashlib.sha256((folder / TENSORS).read_bytes()).hexdigest()
    probe = _probe(policy.signal, probes, exits) if policy.signal in EXIT_PROBES else None
    write_json(folder / JSON, {"schema": SCHEMA, **facts, "policy": said, "probe": probe, "tensors": digest})


def write_reason(folder: str | Path, reason: str, facts: Mapping[str, Any]) -> None:
    """Write policy.json alone, which says why there is no policy. Raises InputError when it cannot be written."""
    write_json(Path(folder) / JSON, {"schema": SCHEMA, **facts, "policy": None, "reason": reason})


def _width(probes: ExitProbes) -> int:
    (_, probe), network = next(iter(probes.networks.items()))
    return len(network.moments.mean) // (1 + exit_family_and_task(probe)[0].reads_change)


def _probe(signal: str, probes: ExitProbes, exits: list[int]) -> dict[str, Any]:
    family, task = exit_family_and_task(signal)
    return {
        "architecture": family.architecture,
        "reads_change": family.reads_change,
        "is_probability": task_kind(task) == "classification",
        "units": len(probes.networks[exits[0], signal].weights[0]),
        "exits": exits,
    }
