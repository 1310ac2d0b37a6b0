"""Fit probes on the states of every exit but the last, and write what they say of all documents' tokens."""

import numpy as np
from snakemake.iocontainers import Snakemake

from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.exit_choice import chosen_exits
from easyhard.exits.model import open_model, read_documents
from easyhard.exits.states import read_states
from easyhard.job import run
from easyhard.model.store import read_head
from easyhard.probes.documents import whole_documents
from easyhard.probes.exits import fit_exit_probes
from easyhard.signals.exit_labels import depth_signals, prediction_depth
from easyhard.signals.store import open_columns, read_columns
from easyhard.signals.tokens import FIT, read_tokens


def main(snakemake: Snakemake) -> None:
    files, settings = dict(snakemake.input.items()), snakemake.params.settings
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    model, tokens = open_model(files, settings, device), read_tokens(files["rows"])
    exits = chosen_exits(settings["chosen"], model.layers)
    names = [f"{layer}/{name}" for layer in exits for name in ("loss", "argmax")]
    outcomes = read_columns(files["outcomes"], names, rows=len(tokens))
    target = read_columns(files["rows"], ["target"])["target"]
    rows, states = read_states(files["states"])
    fit, select = whole_documents(tokens, settings["exits"]["tokens"], settings["seed"])
    probes = fit_exit_probes(
        {layer: values.to(device) for layer, values in states.items()},
        exits,
        {name: column[rows] for name, column in outcomes.items()} | {"target": target[rows]},
        fit=np.searchsorted(rows, fit),
        select=np.searchsorted(rows, select),
        settings=settings["exits"]["probes"],
        seed=settings["seed"],
    )
    probes.save(snakemake.output.weights, {"run": snakemake.wildcards.run})
    depth = prediction_depth({layer: outcomes[f"{layer}/argmax"] for layer in exits})
    context = depth_signals(depth, tokens.document, neutral=float(depth[tokens.part == FIT].mean()))
    with open_columns(snakemake.output.signals) as write:
        for own, _, found in read_documents(files, settings, model, model.read_for(exits), "probes at exits"):
            said = {f"{layer}/{name}": values[found] for layer in exits[:-1] for name, values in context.items()}
            write(probes.say(own) | said)
    head = read_head(files["head"])
    costs = {"exits": exits, "layers": list(model.multiply_adds), "head": head.numel()}
    costs |= {"keys_values": list(model.keys_values), "attention": list(model.attention)}
    write_json(snakemake.output.summary, costs | probes.summary)


run(main)
