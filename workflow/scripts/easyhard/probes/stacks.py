"""The stacks of a run: which signals each reads, from which files, what that costs, and what it says of every token."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easyhard.atomic import read_json
from easyhard.probes.documents import whole_documents
from easyhard.probes.stacking import Column, Goal, Stack, StackData, fit_stack
from easyhard.progress import Progress
from easyhard.signals.catalogue import PROBES, STACKS, stack_class
from easyhard.signals.description import Description, describe
from easyhard.signals.leak_search import Caught, caught_signals, open_leak_test
from easyhard.signals.registry import Sizes
from easyhard.signals.store import read_batches, read_columns
from easyhard.signals.threshold import parting_threshold
from easyhard.signals.tokens import FIT, StoredSignal, read_tokens, stored_signals

TABLES = ("probes", "head", "hidden", "context", "low_rank")
BATCH = 65_536  # tokens that the stacks are asked about at a time
GOALS: dict[Goal, str] = {"hard": "", "loss": "_loss"}


def grow_stacks(
    files: Mapping[str, Any], settings: Mapping[str, Any], low_rank: str, threads: int
) -> tuple[Iterator[dict[str, NDArray[np.float32]]], dict[str, Any]]:
    """Grow a stack of all signals of each cost class, once for the label hard and once for the loss.

    `files` are those of the rule: rows, the tables of TABLES, held_out, summary (of the probes) and fitted (the head's
    sizes). `settings` has seed, stacks, main_threshold (nats), refined and references; `low_rank` is the kind
    that stacks read. Signals that know the answer are read by none. Returns what the stacks say of every token, in
    batches of columns stack@0; and their costs and settings, and which signals know the answer. Raises InputError as
    `fit_stack` does, or naming a damaged file.
    """
    head, costs = read_json(files["fitted"]), read_json(files["summary"])["costs"]
    sizes = Sizes(head["dim"], head["words"], settings["refined"], settings["references"])
    signals = {signal.name: signal for signal in stored_signals([files[table] for table in TABLES])}
    known = {name: describe(name, costs.get(name, {}), sizes) for name in signals}
    caught = _caught(files, signals, known, settings["main_threshold"])
    known = {name: description for name, description in known.items() if name not in caught}
    inputs = stack_inputs(known, low_rank)
    read = [signal for name, signal in signals.items() if any(name in names for names in inputs.values())]
    data = _data(files, read, settings)
    progress = Progress("stacks", len(inputs) * len(GOALS), "stacks")
    stacks: dict[str, Stack] = {}
    summary: dict[str, dict[str, Any]] = {"costs": {}, "stacks": {}, "caught": caught}
    for stack, names in inputs.items():
        for goal, suffix in GOALS.items():
            grown = fit_stack(data, names, goal, settings["stacks"], settings["seed"], threads=threads)
            stacks[stack + suffix] = grown
            summary["costs"][stack + suffix] = {"multiply_adds": multiply_adds({name: known[name] for name in names})}
            summary["stacks"][stack + suffix] = grown.growth
            progress.update(len(stacks))
    said = ({f"{name}@0": stack.say(batch) for name, stack in stacks.items()} for batch in _batches(read))
    return said, summary


def stack_inputs(known: Mapping[str, Description], low_rank: str) -> dict[str, list[str]]:
    """Return the signals that each stack of STACKS reads, of all that are known, but only one kind of low rank; empty
    stacks left out."""
    classes = {
        name: stack_class(name, description.needs)
        for name, description in known.items()
        if description.needs != "low_rank" or name.startswith(f"{low_rank}/")
    }
    inputs = {stack: [name for name, kind in classes.items() if kind in read] for stack, read in STACKS.items()}
    return {stack: names for stack, names in inputs.items() if names}


def multiply_adds(inputs: Mapping[str, Description]) -> int:
    """Return what the inputs cost together per token. What several need is paid once: one pass over the vocabulary
    serves all signals of the logits, one sweep to the highest rank all ranks of a kind."""
    parts: dict[str, int] = {}
    for name, description in inputs.items():
        part = "head" if description.needs == "head" else name
        if description.needs == "low_rank":
            part = "refined" if "/refined_" in name else "preview"
        parts[part] = max(parts.get(part, 0), int(description.multiply_adds))
    return sum(parts.values())


def _caught(
    files: Mapping[str, Any], signals: Mapping[str, StoredSignal], known: Mapping[str, Description], threshold: float
) -> Caught:
    tokens = read_tokens(files["rows"])
    test = open_leak_test(files["rows"], tokens, signals, parting_threshold(tokens, threshold))
    oracles = [name for name, description in known.items() if description.needs == "target"]
    return caught_signals(test, signals.values(), oracles, len(tokens))


def _data(files: Mapping[str, Any], signals: Sequence[StoredSignal], settings: Mapping[str, Any]) -> StackData:
    """The tokens of the documents that stacks are grown on and stopped by, with the first seed of each signal.

    On the rows that probes were fitted on, it is what probes of other documents say.
    """
    tokens = read_tokens(files["rows"])
    fit, select = whole_documents(tokens, settings["stacks"]["tokens"], settings["seed"])
    kept = np.union1d(fit, select)
    columns = {signal.name: signal.read(len(tokens))[0][kept] for signal in signals}
    for name in columns.keys() & PROBES.keys():
        held_out = read_columns(files["held_out"], [f"fold/{name}"], rows=len(tokens))[f"fold/{name}"]
        columns[name] = np.where(tokens.part[kept] == FIT, held_out[kept], columns[name])
    return StackData(
        signals=columns,
        hard=tokens.loss[kept] > parting_threshold(tokens, settings["main_threshold"]),
        loss=tokens.loss[kept],
        documents=tokens.document[kept],
        fit=np.searchsorted(kept, fit),
        select=np.searchsorted(kept, select),
    )


def _batches(signals: Sequence[StoredSignal]) -> Iterator[dict[str, Column]]:
    """The signals' first seeds of all tokens, some at a time; each table, whose signals come together, is read once."""
    tables = [list(own) for _, own in groupby(signals, key=lambda signal: signal.paths)]
    streams = [read_batches(own[0].paths, [signal.columns[0] for signal in own], BATCH) for own in tables]
    for batches in zip(*streams, strict=True):
        yield {
            signal.name: batch[signal.columns[0]] for own, batch in zip(tables, batches, strict=True) for signal in own
        }
