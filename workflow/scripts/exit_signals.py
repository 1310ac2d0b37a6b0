"""Run the model over one shard of the documents and write what is said at every exit, and states for probes."""

import logging

import numpy as np
import torch
from snakemake.iocontainers import Snakemake

from easyhard.device import use_device
from easyhard.exit_choice import chosen_exits, read_layers
from easyhard.exits.columns import ExitHeads, exit_columns, read_translators
from easyhard.exits.model import open_model, read_documents
from easyhard.exits.states import open_states
from easyhard.families.low_rank import read_weights
from easyhard.job import run
from easyhard.logits.low_rank import LOW_RANK_STATISTICS, LowRankSweep
from easyhard.logits.moments import moments
from easyhard.model.store import read_head, read_softcap
from easyhard.probes.documents import whole_documents
from easyhard.signals.store import open_columns, read_columns
from easyhard.signals.tokens import read_tokens

BYTES = {"float16": 2, "float32": 4}
logger = logging.getLogger("easyhard")


def main(snakemake: Snakemake) -> None:
    files, settings, output = dict(snakemake.input.items()), snakemake.params.settings, snakemake.output
    shard, own = int(snakemake.wildcards.shard), snakemake.params.settings["exits"]
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    model, head = open_model(files, settings, device), read_head(files["head"]).to(device)
    exits, softcap = chosen_exits(settings["chosen"], model.layers), read_softcap(files["head"])
    low_rank = None
    if "low_rank" in own["heads"]:
        weights = read_weights(files["moments"], device)
        low_rank = LowRankSweep(
            head, [own["rank"]], kind="weighted", states=weights, statistics=LOW_RANK_STATISTICS, softcap=softcap
        )
    own_heads = {layer: matrix for layer, matrix in (model.own_heads or {}).items() if layer in exits}
    heads = ExitHeads(
        exits,
        head,
        softcap,
        moments(head),
        counts=read_columns(files["counts"], ["count"])["count"] if files.get("counts") else None,
        translators=read_translators(files["fitted"], exits, device) if files.get("fitted") else None,
        low_rank=low_rank,
        own=own_heads if len(own_heads) > 1 else None,
    )
    layers = read_layers(exits)
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
