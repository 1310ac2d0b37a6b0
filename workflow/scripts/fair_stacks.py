"""Grow a stack of all signals of each cost class, by documents, and see which signals it rests on."""

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from easyhard.atomic import read_json, write_json
from easyhard.evaluation.rows import Row, make_rows, write_rows
from easyhard.job import job
from easyhard.probes.documents import whole_documents
from easyhard.probes.stacking import Goal, Stack, StackData, fit_stack, stack_inputs, stack_multiply_adds
from easyhard.progress import Progress
from easyhard.signals.catalogue import stack_class
from easyhard.signals.description import describe
from easyhard.signals.fair import FIT, SELECT, StoredSignal, read_fair_tokens, stored_signals
from easyhard.signals.registry import Sizes
from easyhard.signals.store import read_batches, read_columns, write_batches

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

BATCH = 65_536  # tokens that the stacks are asked about at a time
GOALS: dict[Goal, str] = {"hard": "", "loss": "_loss"}


def parts(name: str, needs: str, cost: float) -> dict[str, int]:
    """What must be computed for a signal: one pass serves all signals of the logits, one sweep all ranks of a kind."""
    if needs == "head":
        return {"head": int(cost)}
    if needs == "low_rank":
        kind, _, statistic = name.split("/")
        return {f"{kind}, refined" if statistic.startswith("refined_") else kind: int(cost)}
    return {name: int(cost)}


def column(signal: StoredSignal, fit: NDArray[np.int64], rows: int) -> NDArray[Any]:
    """A signal's first seed; on the rows that its probes were fitted on, what probes of other documents say."""
    values = signal.read(rows)[0]
    if signal.path == snakemake.input.probes:
        values = values.copy()
        values[fit] = read_columns(snakemake.input.out_of_fold, [signal.name], rows=len(fit))[signal.name]
    return values


def batches(signals: Iterable[StoredSignal]) -> Iterator[dict[str, NDArray[Any]]]:
    """The signals' first seeds of all tokens, some at a time."""
    by_path: dict[str, dict[str, str]] = {}
    for signal in signals:
        by_path.setdefault(signal.path, {})[signal.columns[0]] = signal.name
    streams = [read_batches(path, list(names), BATCH) for path, names in by_path.items()]
    for parts in zip(*streams, strict=True):
        yield {
            names[column]: values
            for names, part in zip(by_path.values(), parts, strict=True)
            for column, values in part.items()
        }


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    own = settings["stacks"]
    tokens = read_fair_tokens(snakemake.input.tokens)
    head, said = read_json(snakemake.input.head), read_json(snakemake.input.costs)
    sizes = Sizes(head["dim"], head["words"], settings["refined"], settings["references"])
    signals = {signal.name: signal for signal in stored_signals([snakemake.input.probes, *snakemake.input.signals])}
    known = {name: describe(name, said.get(name) or {}, sizes) for name in signals}
    inputs = stack_inputs({name: stack_class(name, description.needs) for name, description in known.items()})
    read = {name: signals[name] for name in known if any(name in names for names in inputs.values())}
    fit, select = (
        whole_documents(tokens.document, tokens.rows(part), own["tokens"], settings["seed"]) for part in (FIT, SELECT)
    )
    kept = np.union1d(fit, select)
    data = StackData(
        signals={name: column(signal, tokens.rows(FIT), len(tokens))[kept] for name, signal in read.items()},
        hard=tokens.loss[kept] > settings["main_threshold"],
        loss=tokens.loss[kept],
        documents=tokens.document[kept],
        fit=np.searchsorted(kept, fit),
        select=np.searchsorted(kept, select),
    )
    threads = min(snakemake.threads, len(os.sched_getaffinity(0)))
    progress = Progress("stacks", len(inputs) * len(GOALS), "stacks")
    stacks: dict[str, Stack] = {}
    costs: dict[str, dict[str, int]] = {}
    rows: list[Row] = []
    by_part = {name: parts(name, known[name].needs, known[name].multiply_adds) for name in read}
    for stack, names in inputs.items():
        for goal, suffix in GOALS.items():
            grown = fit_stack(data, names, goal, own, [settings["seed"]], threads=threads)
            stacks[f"{stack}{suffix}"] = grown
            costs[f"{stack}{suffix}"] = {"multiply_adds": stack_multiply_adds(names, by_part)}
            importance = {f"importance_{name}": mean for name, (mean, _) in grown.importance.items()}
            spread = {f"importance_{name}_std": std for name, (_, std) in grown.importance.items()}
            chosen = {"learning_rate": grown.learning_rate, "leaves": grown.leaves, "comparisons": grown.comparisons}
            rows += make_rows("fair_stacks", f"{stack}{suffix}", chosen | importance | spread)
            progress.update(len(costs))
    columns = (
        {f"{name}@{number}": values for name, grown in stacks.items() for number, values in enumerate(grown.say(batch))}
        for batch in batches(read.values())
    )
    write_batches(snakemake.output.signals, columns)
    write_json(snakemake.output.costs, costs)
    write_rows(snakemake.output.metrics, rows, protocol="fair")


with job(snakemake):
    main()
