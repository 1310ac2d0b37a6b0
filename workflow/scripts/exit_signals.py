"""Run the model over one shard of the documents and write what is said at every exit, and states for probes."""

import logging

import numpy as np
import torch
from snakemake.iocontainers import Snakemake

from easyhard.device import use_device
from easyhard.exit_choice import chosen_exits
from easyhard.exits.columns import exit_columns
from easyhard.exits.heads import open_heads
from easyhard.exits.model import open_model, read_documents
from easyhard.exits.states import open_states
from easyhard.job import run
from easyhard.probes.documents import whole_documents
from easyhard.signals.store import open_columns
from easyhard.signals.tokens import read_tokens

BYTES = {"float16": 2, "float32": 4}
logger = logging.getLogger("easyhard")


def main(snakemake: Snakemake) -> None:
    files, settings, output = dict(snakemake.input.items()), snakemake.params.settings, snakemake.output
    shard, own = int(snakemake.wildcards.shard), snakemake.params.settings["exits"]
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    model = open_model(files, settings, device)
    exits = chosen_exits(settings["chosen"], model.layers)
    heads = open_heads(files, settings, model, exits, device)
    layers = model.read_for(exits)
    kept = np.union1d(*whole_documents(read_tokens(files["rows"]), own["tokens"], settings["seed"]))
    size = len(kept) * len(layers) * model.width
    logger.info(
        "exits after layers %s; states of %d tokens for probes: %.0f MB on disk in all shards, %.0f MB in memory",
        *(", ".join(map(str, exits)), len(kept), size * BYTES[own["states"]] / 1e6, size * BYTES["float32"] / 1e6),
    )
    metadata = {"run": snakemake.wildcards.run, "code": snakemake.params.code}
    with (
        open_columns(output.signals) as write_signals,
        open_columns(output.outcomes) as write_outcomes,
        open_states(output.states, layers, model.width, own["states"], metadata) as write_states,
    ):
        for states, targets, rows in read_documents(files, settings, model, layers, "exits", shard=shard):
            signals, outcomes = exit_columns(model, heads, states, targets)
            write_signals(signals)
            write_outcomes(outcomes)
            chosen = np.isin(rows, kept)
            where = torch.from_numpy(chosen).to(device)
            write_states(rows[chosen], {layer: values[where] for layer, values in states.items()})


run(main)
