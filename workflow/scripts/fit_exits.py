"""Fit what the passes over exits read: the translated head of each exit but the last."""

import torch
from snakemake.iocontainers import Snakemake

from easyhard.device import use_device
from easyhard.exit_choice import chosen_exits
from easyhard.exits.model import open_model, read_documents
from easyhard.job import run
from easyhard.logits.distillation import fit_translators
from easyhard.model.store import read_head, read_softcap, write_tensors
from easyhard.probes.documents import whole_documents
from easyhard.signals.tokens import read_tokens


def main(snakemake: Snakemake) -> None:
    files, settings = dict(snakemake.input.items()), snakemake.params.settings
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    model, head = open_model(files, settings, device), read_head(files["head"]).to(device)
    exits, own = chosen_exits(settings["chosen"], model.layers), settings["exits"]["translators"]
    fit, _ = whole_documents(read_tokens(files["rows"]), own["tokens"], settings["seed"])
    rows = fit[: own["tokens"]]
    states: dict[int, list[torch.Tensor]] = {layer: [] for layer in exits}
    for found, _, _ in read_documents(files, settings, model, exits, "states for translators", rows=rows):
        for layer, values in found.items():
            states[layer].append(values)
    raw = {layer: torch.cat(parts) for layer, parts in states.items()}
    translators = fit_translators(
        {layer: raw[layer] for layer in exits[:-1]},
        model.seen(raw[exits[-1]]),
        model.seen,
        head,
        softcap=read_softcap(files["head"]),
        settings=own,
        seed=settings["seed"],
    )
    tensors = {f"{layer}/matrix": matrix for layer, (matrix, _) in translators.items()}
    tensors |= {f"{layer}/offset": offset for layer, (_, offset) in translators.items()}
    write_tensors(snakemake.output[0], tensors, {"run": snakemake.wildcards.run})


run(main)
