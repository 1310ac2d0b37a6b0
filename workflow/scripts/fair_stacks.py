"""Grow a stack of all signals of each cost class, by documents, and see which signals it rests on."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from easyhard.atomic import read_json, write_json
from easyhard.evaluation.rows import Row, make_rows, write_rows
from easyhard.job import job
from easyhard.probes.stacking import Goal, StackData, fit_stack, stack_inputs, stack_multiply_adds
from easyhard.progress import Progress
from easyhard.signals.catalogue import stack_class
from easyhard.signals.description import describe
from easyhard.signals.fair import FIT, SELECT, StoredSignal, read_fair_tokens, stored_signals
from easyhard.signals.registry import Sizes
from easyhard.signals.store import read_columns, write_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

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
    values = signal.read(rows)[0].copy()
    if signal.path == snakemake.input.probes:
        values[fit] = read_columns(snakemake.input.out_of_fold, [signal.name], rows=len(fit))[signal.name]
    return values


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    tokens = read_fair_tokens(snakemake.input.tokens)
    fit, select = tokens.rows(FIT), tokens.rows(SELECT)
    head, said = read_json(snakemake.input.head), read_json(snakemake.input.costs)
    sizes = Sizes(head["dim"], head["words"], settings["refined"], settings["references"])
    signals = {signal.name: signal for signal in stored_signals([snakemake.input.probes, *snakemake.input.signals])}
    known = {name: describe(name, said.get(name) or {}, sizes) for name in signals}
    inputs = stack_inputs({name: stack_class(name, description.needs) for name, description in known.items()})
    data = StackData(
        signals={
            name: column(signals[name], fit, len(tokens))
            for name in known
            if any(name in names for names in inputs.values())
        },
        hard=tokens.loss > settings["main_threshold"],
        loss=tokens.loss,
        documents=tokens.document,
        fit=fit,
        select=select,
    )
    progress = Progress("stacks", len(inputs) * len(GOALS), "stacks")
    columns: dict[str, NDArray[np.float32]] = {}
    costs: dict[str, dict[str, int]] = {}
    rows: list[Row] = []
    by_part = {name: parts(name, known[name].needs, known[name].multiply_adds) for name in data.signals}
    for stack, names in inputs.items():
        for goal, suffix in GOALS.items():
            grown = fit_stack(data, names, goal, settings["stacks"], [settings["seed"]])
            columns |= {f"{stack}{suffix}@{number}": values for number, values in enumerate(grown.values)}
            costs[f"{stack}{suffix}"] = {"multiply_adds": stack_multiply_adds(names, by_part)}
            importance = {f"importance_{name}": mean for name, (mean, _) in grown.importance.items()}
            spread = {f"importance_{name}_std": std for name, (_, std) in grown.importance.items()}
            chosen = {"learning_rate": grown.learning_rate, "leaves": grown.leaves, "comparisons": grown.comparisons}
            rows += make_rows("fair_stacks", f"{stack}{suffix}", chosen | importance | spread)
            progress.update(len(costs))
    write_columns(snakemake.output.signals, columns)
    write_json(snakemake.output.costs, costs)
    write_rows(snakemake.output.metrics, rows, protocol="fair")


with job(snakemake):
    main()
